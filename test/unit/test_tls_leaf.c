/* Certificates made here: authorities, leaves, their files, and what is read back from them. */
#include "tls_pair.h"

#include "base/mem.h"
#include "tls/pem.h"
#include "tls/san.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define CMW_OID "1.3.6.1.5.5.7.1.35"

static struct leaf_spec spec_for(const char *common_name, const char *san)
{
    int64_t now_s = (int64_t)time(NULL);
    return (struct leaf_spec){.common_name = common_name,
                              .san = san,
                              .not_before_s = now_s - 300,
                              .not_after_s = now_s + 3600,
                              .for_server = true,
                              .for_client = true};
}

static void check_draft_equals_leaf(const struct authority *issuer, const char *san)
{
    struct leaf_spec spec = spec_for("pooler.test", san);
    struct leaf *leaf;
    struct tls_identity *identity;
    struct certificate read;
    struct bytes evidence = BYTES_LITERAL("\x04\x03yes"), found;
    assert_false(failed(leaf_draft(&spec, issuer, &leaf)));
    const struct certificate_facts *facts = leaf_facts(leaf);
    assert_false(failed(leaf_add_extension(leaf, CMW_OID, evidence)));
    assert_false(failed(leaf_sign(leaf, &identity)));
    assert_false(failed(certificate_read(tls_identity_certificate(identity), &read)));
    assert_true(bytes_equal(facts->spki, read.facts.spki));
    assert_true(bytes_equal(facts->subject, read.facts.subject));
    assert_true(bytes_equal(facts->san, read.facts.san));
    assert_int_equal(read.facts.san.n > 0, san != NULL);
    assert_int_equal(read.facts.not_before_s, spec.not_before_s);
    assert_int_equal(read.facts.not_after_s, spec.not_after_s);
    assert_false(failed(certificate_extension(read.x509, CMW_OID, &found)));
    assert_true(bytes_equal(found, evidence));

    X509 *issued_by = certificate_find_issuer(read.x509, tls_identity_chain(identity));
    assert_non_null(issued_by);
    uint8_t spki[SHA384_SIZE];
    assert_false(failed(certificate_spki_sha384(issued_by, spki)));
    assert_memory_equal(spki, leaf_issuer_spki_sha384(leaf), SHA384_SIZE);
    assert_int_equal(sk_X509_num(tls_identity_chain(identity)), issuer ? 1 : 0);
    leaf_free(leaf);
    certificate_release(&read);
    tls_identity_release(identity);
}

static void test_draft_tells_what_the_leaf_will_say(void **state)
{
    (void)state;
    struct authority *authority = pair_authority("ca");
    check_draft_equals_leaf(authority, "dns:pooler.test,ip:10.0.0.1");
    check_draft_equals_leaf(authority, NULL);
    check_draft_equals_leaf(NULL, "pooler.test");
    check_draft_equals_leaf(NULL, NULL);
    authority_free(authority);
}

static void test_leaf_has_the_right_key_and_extensions(void **state)
{
    (void)state;
    struct authority *authority = pair_authority("ca");
    struct tls_identity *identity = pair_identity(authority, "pooler", "pooler.test");
    X509 *x509 = tls_identity_certificate(identity);
    char group[32];
    size_t size;
    assert_int_equal(EVP_PKEY_get_group_name(X509_get0_pubkey(x509), group, sizeof group, &size), 1);
    assert_string_equal(group, "prime256v1");
    assert_int_equal(X509_get_signature_nid(x509), NID_ecdsa_with_SHA256);
    assert_int_equal(X509_check_ca(x509), 0);
    assert_int_equal(X509_get_key_usage(x509), KU_DIGITAL_SIGNATURE);
    assert_int_equal(X509_get_extended_key_usage(x509), XKU_SSL_SERVER | XKU_SSL_CLIENT);
    assert_int_equal(X509_verify(x509, authority_key(authority)), 1);
    assert_int_equal(X509_check_issued(authority_certificate(authority), x509), X509_V_OK);
    tls_identity_release(identity);
    authority_free(authority);
}

static void test_extension_is_not_critical(void **state)
{
    (void)state;
    struct leaf_spec spec = spec_for("x", NULL);
    struct leaf *leaf;
    struct tls_identity *identity;
    assert_false(failed(leaf_draft(&spec, NULL, &leaf)));
    assert_false(failed(leaf_add_extension(leaf, CMW_OID, BYTES_LITERAL("\x04\x00"))));
    assert_int_equal(leaf_add_extension(leaf, "not an oid", BYTES_LITERAL("x")).code, ERR_CRYPTO);
    assert_false(failed(leaf_sign(leaf, &identity)));
    X509 *x509 = tls_identity_certificate(identity);
    ASN1_OBJECT *kind = OBJ_txt2obj(CMW_OID, 1);
    int at = X509_get_ext_by_OBJ(x509, kind, -1);
    assert_true(at >= 0);
    assert_int_equal(X509_EXTENSION_get_critical(X509_get_ext(x509, at)), 0);
    ASN1_OBJECT_free(kind);
    leaf_free(leaf);
    tls_identity_release(identity);
}

static void test_repeated_extension_is_refused(void **state)
{
    (void)state;
    struct leaf_spec spec = spec_for("x", NULL);
    struct leaf *leaf;
    struct tls_identity *identity;
    struct certificate read;
    struct bytes found;
    assert_false(failed(leaf_draft(&spec, NULL, &leaf)));
    assert_false(failed(leaf_add_extension(leaf, CMW_OID, BYTES_LITERAL("\x04\x00"))));
    assert_false(failed(leaf_add_extension(leaf, CMW_OID, BYTES_LITERAL("\x04\x01x"))));
    assert_false(failed(leaf_sign(leaf, &identity)));
    assert_int_equal(certificate_read(tls_identity_certificate(identity), &read).code, ERR_INPUT);
    assert_null(read.x509);
    assert_int_equal(certificate_extension(tls_identity_certificate(identity), CMW_OID, &found).code, ERR_INPUT);
    assert_int_equal(certificate_extension(tls_identity_certificate(identity), "1.2.3", &found).code, ERR_NOT_FOUND);
    leaf_free(leaf);
    tls_identity_release(identity);
}

static void test_leaf_never_outlives_its_issuer(void **state)
{
    (void)state;
    struct authority *authority;
    assert_false(failed(authority_make("short", 60, &authority)));
    struct leaf_spec spec = spec_for("x", NULL);
    struct leaf *leaf;
    assert_false(failed(leaf_draft(&spec, authority, &leaf)));
    assert_int_equal(leaf_facts(leaf)->not_after_s, authority_not_after_s(authority));
    leaf_free(leaf);
    authority_free(authority);
}

static void test_senseless_leaves_are_refused(void **state)
{
    (void)state;
    struct leaf *leaf;
    struct leaf_spec spec = spec_for("", NULL);
    assert_int_equal(leaf_draft(&spec, NULL, &leaf).code, ERR_INPUT);
    spec = spec_for("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg", NULL);
    assert_int_equal(leaf_draft(&spec, NULL, &leaf).code, ERR_INPUT);
    spec = spec_for("x", NULL);
    spec.for_server = spec.for_client = false;
    assert_int_equal(leaf_draft(&spec, NULL, &leaf).code, ERR_INPUT);
    spec = spec_for("x", NULL);
    spec.not_after_s = spec.not_before_s;
    assert_int_equal(leaf_draft(&spec, NULL, &leaf).code, ERR_INPUT);
}

static void check_san(const char *list, const char *expected)
{
    struct leaf_spec spec = spec_for("x", list);
    struct leaf *leaf;
    struct tls_identity *identity;
    assert_false(failed(leaf_draft(&spec, NULL, &leaf)));
    assert_false(failed(leaf_sign(leaf, &identity)));
    X509 *x509 = tls_identity_certificate(identity);
    BIO *text = BIO_new(BIO_s_mem());
    int at = X509_get_ext_by_NID(x509, NID_subject_alt_name, -1);
    if (at >= 0)
        assert_int_equal(X509V3_EXT_print(text, X509_get_ext(x509, at), 0, 0), 1);
    char shown[256] = "";
    BIO_read(text, shown, sizeof shown - 1);
    assert_string_equal(shown, expected);
    BIO_free(text);
    leaf_free(leaf);
    tls_identity_release(identity);
}

static void test_names_and_addresses_are_told_apart(void **state)
{
    (void)state;
    check_san("dns:a.test, ip:10.0.0.1", "DNS:a.test, IP Address:10.0.0.1");
    check_san("a.test,10.0.0.1,::1", "DNS:a.test, IP Address:10.0.0.1, IP Address:0:0:0:0:0:0:0:1");
    check_san("ip:fe80::2,DNS:*.b.test", "IP Address:FE80:0:0:0:0:0:0:2, DNS:*.b.test");
    check_san(" a.test , , a.test,A_1.test", "DNS:a.test, DNS:A_1.test");
    check_san("", "");
    check_san(" , ", "");
}

static void test_entries_that_are_no_names_are_refused(void **state)
{
    (void)state;
    static const char *const lists[] = {
        "ip:a.test", "ip:", "dns:",           "dns:10.0.0.1", "a..test",    "-a.test",   "a b",
        "a.*.test",  "*",   "email:a@b.test", "a.test.",      "a.test,é.x", "1.2.3.4/8", "dns:a.test\nip:1.2.3.4"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        assert_int_equal(leaf_check_san(lists[i]).code, ERR_INPUT);
    char label[80];
    memset(label, 'a', 64);
    memcpy(label + 64, ".test", 6);
    assert_int_equal(leaf_check_san(label).code, ERR_INPUT);
    assert_false(failed(leaf_check_san(label + 1)));
}

static unsigned mode_of(const char *path)
{
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    return about.st_mode & 0777;
}

static void test_authority_survives_its_files(void **state)
{
    (void)state;
    char *directory = pair_make_directory();
    char *cert = mem_format("%s/ca.pem", directory), *key = mem_format("%s/ca.key", directory);
    struct authority *first, *second;
    bool made;
    assert_false(failed(authority_open(cert, key, "in-VM authority", 3600, &first, &made)));
    assert_true(made);
    assert_int_equal(mode_of(key), 0600);
    assert_int_equal(mode_of(cert), 0644);
    assert_false(failed(authority_open(cert, key, "in-VM authority", 3600, &second, &made)));
    assert_false(made);
    assert_int_equal(X509_cmp(authority_certificate(first), authority_certificate(second)), 0);
    assert_int_equal(X509_check_ca(authority_certificate(second)), 1);
    assert_memory_equal(authority_spki_sha384(first), authority_spki_sha384(second), SHA384_SIZE);
    authority_free(first);
    authority_free(second);
    unlink(key); /* a certificate whose key is gone is not silently replaced: clients pinned it */
    assert_int_equal(authority_open(cert, key, "x", 3600, &first, &made).code, ERR_INPUT);
    unlink(cert);
    assert_int_equal(authority_make("x", 0, &first).code, ERR_INPUT);
    free(cert);
    free(key);
    pair_remove_directory(directory);
}

static void test_authority_of_others_must_be_fit(void **state)
{
    (void)state;
    char *directory = pair_make_directory();
    char *cert = mem_format("%s/ca.pem", directory), *key = mem_format("%s/ca.key", directory);
    struct tls_identity *leaf = pair_identity(NULL, "no authority", NULL);
    struct authority *authority = pair_authority("ca"), *loaded;
    assert_false(failed(tls_identity_save(leaf, cert, key)));
    assert_int_equal(authority_load(cert, key, &loaded).code, ERR_INPUT); /* CA:FALSE */
    assert_false(failed(pem_save_certificates(cert, authority_certificate(authority), NULL)));
    assert_int_equal(authority_load(cert, key, &loaded).code, ERR_CRYPTO); /* another's key */
    assert_int_equal(authority_load(cert, "/nowhere/key", &loaded).code, ERR_SYSTEM);
    tls_identity_release(leaf);
    authority_free(authority);
    free(cert);
    free(key);
    pair_remove_directory(directory);
}

/* A self-signed authority of another algorithm, as an operator may have one. */
static void save_authority_of(EVP_PKEY *pkey, const EVP_MD *hash, const char *cert, const char *key)
{
    X509 *x509 = X509_new();
    X509_set_version(x509, X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC, (const unsigned char *)"op", -1, -1, 0);
    X509_set_issuer_name(x509, X509_get_subject_name(x509));
    X509_set_pubkey(x509, pkey);
    X509_EXTENSION *constraint = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");
    X509_add_ext(x509, constraint, -1);
    X509_EXTENSION_free(constraint);
    assert_true(X509_sign(x509, pkey, hash) > 0);
    assert_false(failed(pem_save_certificates(cert, x509, NULL)));
    assert_false(failed(pem_save_key(key, pkey)));
    X509_free(x509);
    EVP_PKEY_free(pkey);
}

static void test_operators_authority_of_any_fit_algorithm_issues(void **state)
{
    (void)state;
    char *directory = pair_make_directory();
    char *cert = mem_format("%s/ca.pem", directory), *key = mem_format("%s/ca.key", directory);
    const struct {
        EVP_PKEY *key;
        const EVP_MD *own_hash;
        size_t end_point_size; /* of the leaf it issues */
    } cases[] = {{EVP_RSA_gen(2048), EVP_sha256(), 32}, {EVP_EC_gen("P-384"), EVP_sha384(), 48}};
    for (size_t i = 0; i < 2; i++) {
        save_authority_of(cases[i].key, cases[i].own_hash, cert, key);
        struct authority *authority;
        assert_false(failed(authority_load(cert, key, &authority)));
        struct tls_identity *identity = pair_identity(authority, "x", NULL);
        uint8_t hash[EVP_MAX_MD_SIZE];
        size_t size;
        assert_false(failed(certificate_end_point_hash(tls_identity_certificate(identity), hash, &size)));
        assert_int_equal(size, cases[i].end_point_size);
        tls_identity_release(identity);
        authority_free(authority);
    }
    struct authority *refused;
    save_authority_of(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL, cert, key);
    assert_int_equal(authority_load(cert, key, &refused).code, ERR_UNSUPPORTED);
    free(cert);
    free(key);
    pair_remove_directory(directory);
}

static void test_end_point_hash_needs_a_hash(void **state)
{
    (void)state;
    char *directory = pair_make_directory();
    char *cert = mem_format("%s/c.pem", directory), *key = mem_format("%s/c.key", directory);
    uint8_t hash[EVP_MAX_MD_SIZE], expected[EVP_MAX_MD_SIZE];
    size_t size;
    unsigned expected_size;
    STACK_OF(X509) * list;
    save_authority_of(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL, cert, key);
    assert_false(failed(pem_load_certificates(cert, &list)));
    assert_int_equal(certificate_end_point_hash(sk_X509_value(list, 0), hash, &size).code, ERR_UNSUPPORTED);
    certificate_list_free(list);
    save_authority_of(EVP_RSA_gen(2048), EVP_sha1(), cert, key); /* RFC 5929: SHA-256 stands in for SHA-1 */
    assert_false(failed(pem_load_certificates(cert, &list)));
    assert_false(failed(certificate_end_point_hash(sk_X509_value(list, 0), hash, &size)));
    X509_digest(sk_X509_value(list, 0), EVP_sha256(), expected, &expected_size);
    assert_int_equal(size, expected_size);
    assert_memory_equal(hash, expected, size);
    certificate_list_free(list);
    free(cert);
    free(key);
    pair_remove_directory(directory);
}

static void test_identity_of_key_and_certificate_that_differ_is_refused(void **state)
{
    (void)state;
    char *directory = pair_make_directory();
    char *cert = mem_format("%s/c.pem", directory), *key = mem_format("%s/c.key", directory);
    struct tls_identity *one = pair_identity(NULL, "one", NULL), *two = pair_identity(NULL, "two", NULL), *loaded;
    assert_false(failed(tls_identity_save(one, cert, key)));
    assert_int_equal(mode_of(key), 0600);
    assert_false(failed(tls_identity_load(cert, key, &loaded)));
    assert_int_equal(X509_cmp(tls_identity_certificate(loaded), tls_identity_certificate(one)), 0);
    tls_identity_release(loaded);
    assert_false(failed(pem_save_key(key, tls_identity_key(two))));
    assert_int_equal(tls_identity_load(cert, key, &loaded).code, ERR_CRYPTO);
    assert_int_equal(tls_identity_load(cert, NULL, &loaded).code, ERR_CRYPTO); /* no key in that file */
    tls_identity_release(one);
    tls_identity_release(two);
    free(cert);
    free(key);
    pair_remove_directory(directory);
}

static void test_files_that_are_no_pem_are_refused(void **state)
{
    (void)state;
    char *directory = pair_make_directory();
    char *path = mem_format("%s/file", directory);
    STACK_OF(X509) * list;
    EVP_PKEY *pkey;
    assert_int_equal(pem_load_certificates(path, &list).code, ERR_SYSTEM);
    assert_int_equal(pem_load_certificates(directory, &list).code, ERR_INPUT);
    assert_false(failed(pem_replace_file(path, BYTES_LITERAL("hello"), 0600)));
    assert_int_equal(pem_load_certificates(path, &list).code, ERR_INPUT);
    assert_int_equal(pem_load_key(path, &pkey).code, ERR_CRYPTO);
    assert_false(failed(
        pem_replace_file(path, BYTES_LITERAL("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), 0600)));
    assert_int_equal(pem_load_certificates(path, &list).code, ERR_CRYPTO);
    free(path);
    pair_remove_directory(directory);
}

static void test_key_under_a_pass_phrase_is_refused_without_asking(void **state)
{
    (void)state;
    char *directory = pair_make_directory();
    char *path = mem_format("%s/key", directory);
    EVP_PKEY *pkey = EVP_EC_gen("P-256"), *loaded;
    BIO *file = BIO_new_file(path, "w");
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(file, pkey, EVP_aes_128_cbc(), "phrase", 6, NULL, NULL), 1);
    BIO_free(file);
    EVP_PKEY_free(pkey);
    struct err outcome = pem_load_key(path, &loaded);
    assert_int_equal(outcome.code, ERR_UNSUPPORTED);
    assert_non_null(strstr(outcome.why, "pass phrase"));
    free(path);
    pair_remove_directory(directory);
}

static void test_replacing_a_file_leaves_the_old_one_on_failure(void **state)
{
    (void)state;
    assert_int_equal(pem_replace_file("/nowhere/file", BYTES_LITERAL("x"), 0600).code, ERR_SYSTEM);
    char *directory = pair_make_directory();
    char *path = mem_format("%s/file", directory);
    assert_false(failed(pem_replace_file(path, BYTES_LITERAL("old"), 0600)));
    assert_false(failed(pem_replace_file(path, BYTES_LITERAL("new"), 0644)));
    assert_int_equal(mode_of(path), 0644);
    free(path);
    pair_remove_directory(directory);
}

static void test_common_name_that_cannot_be_an_identity_is_refused(void **state)
{
    (void)state;
    X509 *x509 = X509_new();
    char *name;
    assert_int_equal(certificate_common_name(x509, &name).code, ERR_NOT_FOUND);
    X509_NAME *subject = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_NID(subject, NID_commonName, V_ASN1_UTF8STRING, (const unsigned char *)"al\0ice", 6, -1, 0);
    assert_int_equal(certificate_common_name(x509, &name).code, ERR_INPUT);
    X509_NAME_ENTRY_free(X509_NAME_delete_entry(subject, 0));
    X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, (const unsigned char *)"zo\xc3\xab", -1, -1, 0);
    assert_false(failed(certificate_common_name(x509, &name)));
    assert_string_equal(name, "zo\xc3\xab");
    free(name);
    X509_NAME_add_entry_by_NID(subject, NID_organizationName, MBSTRING_UTF8, (const unsigned char *)"Org", -1, -1, 0);
    assert_false(failed(certificate_subject_text(x509, &name)));
    assert_string_equal(name, "O=Org,CN=zo\xc3\xab");
    free(name);
    X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8, (const unsigned char *)"bob", -1, -1, 0);
    assert_int_equal(certificate_common_name(x509, &name).code, ERR_INPUT);
    X509_free(x509);
}

static void test_host_names_match_by_rfc_6125(void **state)
{
    (void)state;
    struct tls_identity *identity = pair_identity(NULL, "cn.test", "a.test,*.w.test,10.0.0.1,::1");
    struct tls_identity *bare = pair_identity(NULL, "cn.test", NULL);
    X509 *x509 = tls_identity_certificate(identity);
    assert_true(certificate_names_host(x509, "a.test"));
    assert_true(certificate_names_host(x509, "A.TEST"));
    assert_true(certificate_names_host(x509, "x.w.test"));
    assert_false(certificate_names_host(x509, "x.y.w.test"));
    assert_false(certificate_names_host(x509, "w.test"));
    assert_false(certificate_names_host(x509, "cn.test"));
    assert_false(certificate_names_host(x509, ""));
    assert_true(certificate_names_host(x509, "10.0.0.1"));
    assert_true(certificate_names_host(x509, "0:0::1"));
    assert_false(certificate_names_host(x509, "10.0.0.2"));
    assert_true(certificate_names_host(tls_identity_certificate(bare), "cn.test"));
    tls_identity_release(identity);
    tls_identity_release(bare);
}

static void test_issuer_is_found_by_signature_not_by_name(void **state)
{
    (void)state;
    struct authority *real = pair_authority("same name"), *impostor = pair_authority("same name");
    struct tls_identity *identity = pair_identity(real, "x", NULL);
    X509 *x509 = tls_identity_certificate(identity);
    STACK_OF(X509) *others = sk_X509_new_null();
    assert_null(certificate_find_issuer(x509, NULL));
    sk_X509_push(others, authority_certificate(impostor));
    assert_null(certificate_find_issuer(x509, others));
    sk_X509_push(others, authority_certificate(real));
    assert_ptr_equal(certificate_find_issuer(x509, others), authority_certificate(real));
    sk_X509_free(others);
    tls_identity_release(identity);
    authority_free(real);
    authority_free(impostor);
}

static void test_certificate_bytes_are_bounded_and_exact(void **state)
{
    (void)state;
    struct tls_identity *identity = pair_identity(NULL, "x", NULL);
    struct certificate read;
    X509 *parsed;
    assert_false(failed(certificate_read(tls_identity_certificate(identity), &read)));
    assert_false(failed(certificate_parse(read.der, &parsed)));
    X509_free(parsed);
    uint8_t *longer = mem_alloc(read.der.n + 1);
    memcpy(longer, read.der.p, read.der.n);
    assert_int_equal(certificate_parse(bytes_of(longer, read.der.n + 1), &parsed).code, ERR_INPUT);
    assert_int_equal(certificate_parse(bytes_of(longer, read.der.n - 1), &parsed).code, ERR_CRYPTO);
    assert_int_equal(certificate_parse(BYTES_NONE, &parsed).code, ERR_CRYPTO);
    free(longer);
    uint8_t *huge = mem_alloc(CERTIFICATE_MAX_SIZE + 1);
    assert_int_equal(certificate_parse(bytes_of(huge, CERTIFICATE_MAX_SIZE + 1), &parsed).code, ERR_LIMIT);
    free(huge);
    certificate_release(&read);
    tls_identity_release(identity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_draft_tells_what_the_leaf_will_say),
        cmocka_unit_test(test_leaf_has_the_right_key_and_extensions),
        cmocka_unit_test(test_extension_is_not_critical),
        cmocka_unit_test(test_repeated_extension_is_refused),
        cmocka_unit_test(test_leaf_never_outlives_its_issuer),
        cmocka_unit_test(test_senseless_leaves_are_refused),
        cmocka_unit_test(test_names_and_addresses_are_told_apart),
        cmocka_unit_test(test_entries_that_are_no_names_are_refused),
        cmocka_unit_test(test_authority_survives_its_files),
        cmocka_unit_test(test_authority_of_others_must_be_fit),
        cmocka_unit_test(test_operators_authority_of_any_fit_algorithm_issues),
        cmocka_unit_test(test_end_point_hash_needs_a_hash),
        cmocka_unit_test(test_identity_of_key_and_certificate_that_differ_is_refused),
        cmocka_unit_test(test_files_that_are_no_pem_are_refused),
        cmocka_unit_test(test_key_under_a_pass_phrase_is_refused_without_asking),
        cmocka_unit_test(test_replacing_a_file_leaves_the_old_one_on_failure),
        cmocka_unit_test(test_common_name_that_cannot_be_an_identity_is_refused),
        cmocka_unit_test(test_host_names_match_by_rfc_6125),
        cmocka_unit_test(test_issuer_is_found_by_signature_not_by_name),
        cmocka_unit_test(test_certificate_bytes_are_bounded_and_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
