/* Roots, chains, their cache, and revocation lists. */
#include "snp_forge.h"

#include "base/mem.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/pem.h>

static void check_hex(const uint8_t *bytes, const char *digits)
{
    char found[65];
    hex_encode(bytes_of(bytes, 32), found);
    assert_string_equal(found, digits);
}

static void test_amd_roots_are_the_published_ones(void **state)
{
    (void)state;
    static const char *const der_hashes[] = {
        [SNP_PRODUCT_MILAN] = "69d063b45344d26a2e94e1f4210de49ef555308287d4c174445c95639a540bcd",
        [SNP_PRODUCT_GENOA] = "4c6598d19c18719c5dfd4a7d335f674e5bfe1d8f800cea2cf270c10d103db2f1",
        [SNP_PRODUCT_TURIN] = "1f084161a44bb6d93778a904877d4819cafa5d05ef4193b2ded9dd9c73dd3f6a",
    };
    static const char *const spki_hashes[] = {
        [SNP_PRODUCT_MILAN] = "9f056bee44377e29308cb5ffa895bdfb62d18881fa6bed8d6f075b0204089cb9",
        [SNP_PRODUCT_GENOA] = "429a69c9422aa258ee4d8db5fcda9c6470ef15f8cd5a9cebd6cbc7d90b863831",
        [SNP_PRODUCT_TURIN] = "4f125410563a2ab9a50356f9243f6fe0b6f73de98603f53f90339c70e9d7ad08",
    };
    for (int i = SNP_PRODUCT_MILAN; i <= SNP_PRODUCT_TURIN; i++) {
        enum snp_product product = (enum snp_product)i;
        uint8_t hash[32];
        X509 *ark = snp_amd_ark(product);
        assert_int_equal(X509_digest(ark, EVP_sha256(), hash, NULL), 1);
        check_hex(hash, der_hashes[i]);
        snp_spki_sha256(ark, hash);
        check_hex(hash, spki_hashes[i]);
        assert_true(snp_amd_ark_is_pinned(hash));
        hash[31] ^= 1;
        assert_false(snp_amd_ark_is_pinned(hash));
        assert_false(failed(snp_ark_check(ark)));
        assert_true(snp_amd_ark_der(product).n > 0);
        for (int kind = SNP_VEK_VCEK; kind <= SNP_VEK_VLEK; kind++) {
            X509 *intermediate = snp_amd_intermediate(product, (enum snp_vek_kind)kind);
            assert_false(failed(snp_authority_check(intermediate)));
            assert_true(snp_certificate_is_signed_by(intermediate, X509_get0_pubkey(ark)));
            assert_true(snp_amd_intermediate_der(product, (enum snp_vek_kind)kind).n > 0);
        }
    }
    assert_null(snp_amd_ark(SNP_PRODUCT_UNKNOWN));
    assert_null(snp_amd_intermediate(SNP_PRODUCT_MILAN, SNP_VEK_UNKNOWN));
    assert_int_equal(snp_amd_ark_der(SNP_PRODUCT_COUNT).n, 0);
}

static void check_ark_is_refused(X509 *certificate)
{
    struct snp_arks *arks = snp_arks_new();
    struct bytes der = forge_der(certificate);
    assert_int_equal(snp_arks_add_certificate(arks, der).code, ERR_INPUT);
    assert_int_equal(snp_arks_count(arks), 0);
    OPENSSL_free((void *)der.p);
    snp_arks_free(arks);
}

static void test_only_a_self_signed_ark_becomes_a_root(void **state)
{
    (void)state;
    check_ark_is_refused(forge.ask);
    X509 *other = forge_authority("ROOT-Milan", forge.ark_key, NULL, forge.ark_key);
    check_ark_is_refused(other);
    X509_free(other);
    other = forge_authority("ARK-Milan", forge.ark_key, NULL, forge.ask_key); /* signed with another key */
    check_ark_is_refused(other);
    X509_free(other);
    struct forge_vek plan = forge_vcek();
    other = forge_certify(&plan);
    check_ark_is_refused(other);
    X509_free(other);
    struct snp_arks *arks = snp_arks_new();
    assert_int_equal(snp_arks_add_certificate(arks, BYTES_LITERAL("nonsense")).code, ERR_INPUT);
    assert_int_equal(snp_arks_add_certificate(arks, BYTES_NONE).code, ERR_INPUT);
    snp_arks_free(arks);
}

static void test_set_of_roots_trusts_what_was_added(void **state)
{
    (void)state;
    uint8_t hash[32], other[32] = {1}, digest[32], before[32];
    snp_spki_sha256(forge.ark, hash);
    assert_true(snp_arks_trust(forge.trusts_ark, hash));
    assert_false(snp_arks_trust(forge.trusts_ark, other));
    assert_false(snp_arks_trust(NULL, hash));
    struct snp_arks *arks = snp_arks_new();
    snp_arks_digest(arks, before);
    snp_arks_add_spki_sha256(arks, other);
    snp_arks_digest(arks, digest);
    assert_memory_not_equal(before, digest, 32);
    assert_true(snp_arks_trust(arks, other));
    assert_null(snp_arks_certificate(arks, 0));
    assert_int_equal(snp_arks_count(arks), 1);
    snp_arks_free(arks);
}

/* A chain's input with what it points to. */
struct chain_input {
    struct snp_chain_input views;
    struct bytes owned[3];
};

static struct chain_input make_input(const struct forge_vek *plan, X509 *intermediate, X509 *ark)
{
    struct chain_input input = {0};
    X509 *vek = forge_certify(plan);
    input.owned[0] = forge_der(vek);
    X509_free(vek);
    if (intermediate)
        input.owned[1] = forge_der(intermediate);
    if (ark)
        input.owned[2] = forge_der(ark);
    input.views = (struct snp_chain_input){input.owned[0], input.owned[1], input.owned[2]};
    return input;
}

static void free_input(struct chain_input *input)
{
    for (size_t i = 0; i < 3; i++)
        OPENSSL_free((void *)input->owned[i].p);
}

static void check_state(struct chain_input input, const struct snp_arks *arks, enum snp_chain_state expected)
{
    struct snp_chain *chain = NULL;
    struct err why;
    enum snp_chain_state found = snp_chain_verify(&input.views, arks, NULL, &chain, &why);
    assert_string_equal(snp_chain_state_name(found), snp_chain_state_name(expected));
    assert_int_equal(chain != NULL, expected == SNP_CHAIN_GOOD);
    assert_int_equal(failed(why), expected != SNP_CHAIN_GOOD);
    snp_chain_release(chain);
    free_input(&input);
}

static void test_states_of_a_chain(void **state)
{
    (void)state;
    struct forge_vek plan = forge_vcek();
    check_state(make_input(&plan, forge.ask, NULL), forge.trusts_ark, SNP_CHAIN_GOOD);
    check_state(make_input(&plan, forge.ask, NULL), NULL, SNP_CHAIN_INTERMEDIATE_SIGNATURE);
    check_state(make_input(&plan, forge.ask, forge.ark), NULL, SNP_CHAIN_ROOT_NOT_PINNED);
    check_state(make_input(&plan, forge.asvk, NULL), forge.trusts_ark, SNP_CHAIN_NAME_MISMATCH);
    /* Without an intermediate AMD's own is tried, which is of another name here. */
    check_state(make_input(&plan, NULL, NULL), forge.trusts_ark, SNP_CHAIN_NAME_MISMATCH);

    X509 *vek = forge_certify(&plan);
    check_state(make_input(&plan, vek, NULL), forge.trusts_ark, SNP_CHAIN_INTERMEDIATE_MALFORMED);
    X509_free(vek);

    plan.is_pkcs1 = true;
    check_state(make_input(&plan, forge.ask, NULL), forge.trusts_ark, SNP_CHAIN_ALGORITHM);
    plan = forge_vcek();
    plan.issuer_key = forge.ark_key;
    check_state(make_input(&plan, forge.ask, NULL), forge.trusts_ark, SNP_CHAIN_VEK_SIGNATURE);
    plan = forge_vcek();
    plan.twice = "3.8";
    check_state(make_input(&plan, forge.ask, NULL), forge.trusts_ark, SNP_CHAIN_VEK_SIGNATURE);
}

static void test_intermediate_without_a_product_is_unknown(void **state)
{
    (void)state;
    X509 *rome = forge_authority("SEV-Rome", forge.ask_key, forge.ark, forge.ark_key);
    struct forge_vek plan = forge_vcek();
    plan.issuer = rome;
    check_state(make_input(&plan, NULL, NULL), forge.trusts_ark, SNP_CHAIN_INTERMEDIATE_UNKNOWN);
    check_state(make_input(&plan, rome, NULL), forge.trusts_ark, SNP_CHAIN_NAME_MISMATCH);
    X509_free(rome);
}

static void test_intermediate_under_the_root_of_another_product_is_refused(void **state)
{
    (void)state;
    X509 *genoa = forge_authority("SEV-Genoa", forge.ask_key, forge.ark, forge.ark_key);
    struct forge_vek plan = forge_vcek();
    plan.issuer = genoa;
    check_state(make_input(&plan, genoa, NULL), forge.trusts_ark, SNP_CHAIN_NAME_MISMATCH);
    X509_free(genoa);
}

static void test_chain_under_another_root_of_the_same_name_is_refused(void **state)
{
    (void)state;
    X509 *ark = forge_authority("ARK-Milan", forge.ask_key, NULL, forge.ask_key);
    X509 *ask = forge_authority("SEV-Milan", forge.ask_key, ark, forge.ask_key);
    struct forge_vek plan = forge_vcek();
    plan.issuer = ask;
    check_state(make_input(&plan, ask, NULL), forge.trusts_ark, SNP_CHAIN_INTERMEDIATE_SIGNATURE);
    check_state(make_input(&plan, ask, forge.ark), forge.trusts_ark, SNP_CHAIN_INTERMEDIATE_SIGNATURE);
    check_state(make_input(&plan, ask, ark), forge.trusts_ark, SNP_CHAIN_ROOT_NOT_PINNED);
    X509_free(ark);
    X509_free(ask);
}

static void test_root_pinned_by_hash_has_to_come_with_the_evidence(void **state)
{
    (void)state;
    struct forge_vek plan = forge_vcek();
    struct snp_arks *arks = snp_arks_new();
    uint8_t hash[32];
    snp_spki_sha256(forge.ark, hash);
    snp_arks_add_spki_sha256(arks, hash);
    check_state(make_input(&plan, forge.ask, NULL), arks, SNP_CHAIN_INTERMEDIATE_SIGNATURE);
    check_state(make_input(&plan, forge.ask, forge.ark), arks, SNP_CHAIN_GOOD);
    snp_arks_free(arks);
}

static struct snp_chain *verify_good(const struct snp_chain_input *input, const struct snp_arks *arks,
                                     struct snp_chain_cache *cache)
{
    struct snp_chain *chain = NULL;
    struct err why;
    assert_int_equal(snp_chain_verify(input, arks, cache, &chain, &why), SNP_CHAIN_GOOD);
    return chain;
}

static void test_chain_tells_root_and_times(void **state)
{
    (void)state;
    struct forge_vek plan = forge_vcek();
    struct chain_input input = make_input(&plan, forge.ask, NULL);
    struct snp_chain *chain = verify_good(&input.views, forge.trusts_ark, NULL);
    uint8_t hash[32];
    snp_spki_sha256(forge.ark, hash);
    assert_int_equal(chain->root, SNP_ROOT_EXTRA);
    assert_memory_equal(chain->ark_spki_sha256, hash, 32);
    assert_int_equal(chain->not_before_s, plan.not_before_s);
    assert_int_equal(chain->not_after_s, plan.not_after_s);
    assert_int_equal(chain->vek.kind, SNP_VEK_VCEK);
    snp_chain_release(chain);
    free_input(&input);
}

static void test_cache_hands_out_the_same_chain_and_drops_the_longest_unused(void **state)
{
    (void)state;
    struct snp_chain_cache *cache = snp_chain_cache_new(2);
    struct chain_input inputs[3];
    struct snp_chain *chains[3];
    for (uint8_t i = 0; i < 3; i++) {
        struct forge_vek plan = forge_vcek();
        plan.tcb.bytes[7] = i;
        inputs[i] = make_input(&plan, forge.ask, NULL);
    }
    chains[0] = verify_good(&inputs[0].views, forge.trusts_ark, cache);
    chains[1] = verify_good(&inputs[1].views, forge.trusts_ark, cache);
    struct snp_chain *again = verify_good(&inputs[0].views, forge.trusts_ark, cache);
    assert_ptr_equal(again, chains[0]);
    snp_chain_release(again);
    chains[2] = verify_good(&inputs[2].views, forge.trusts_ark, cache); /* 1 is now the longest unused */
    assert_int_equal(snp_chain_cache_count(cache), 2);
    again = verify_good(&inputs[0].views, forge.trusts_ark, cache);
    assert_ptr_equal(again, chains[0]);
    snp_chain_release(again);
    again = verify_good(&inputs[1].views, forge.trusts_ark, cache);
    assert_ptr_not_equal(again, chains[1]);
    snp_chain_release(again);
    snp_chain_cache_free(cache);
    assert_int_equal(chains[0]->vek.spl[8], 0); /* lives as long as somebody holds it */
    for (size_t i = 0; i < 3; i++) {
        snp_chain_release(chains[i]);
        free_input(&inputs[i]);
    }
}

static void test_cached_chain_is_not_believed_under_another_trust(void **state)
{
    (void)state;
    struct forge_vek plan = forge_vcek();
    struct snp_chain_cache *cache = snp_chain_cache_new(8);
    struct chain_input input = make_input(&plan, forge.ask, forge.ark);
    snp_chain_release(verify_good(&input.views, forge.trusts_ark, cache));
    struct snp_chain *chain = NULL;
    struct err why;
    assert_int_equal(snp_chain_verify(&input.views, NULL, cache, &chain, &why), SNP_CHAIN_ROOT_NOT_PINNED);
    assert_null(chain);
    assert_int_equal(snp_chain_cache_count(cache), 1);
    free_input(&input);
    snp_chain_cache_free(cache);
}

struct racer {
    struct snp_chain_cache *cache;
    struct chain_input *inputs;
    bool good;
};

static void *race(void *arg)
{
    struct racer *racer = arg;
    racer->good = true;
    for (int i = 0; i < 300; i++) {
        struct snp_chain *chain = NULL;
        struct err why;
        if (snp_chain_verify(&racer->inputs[i % 3].views, forge.trusts_ark, racer->cache, &chain, &why) !=
            SNP_CHAIN_GOOD)
            racer->good = false;
        else if (chain->vek.spl[8] != i % 3)
            racer->good = false;
        snp_chain_release(chain);
    }
    return NULL;
}

static void test_cache_serves_many_threads(void **state)
{
    (void)state;
    struct snp_chain_cache *cache = snp_chain_cache_new(2); /* fewer than there are chains: it turns over */
    struct chain_input inputs[3];
    for (uint8_t i = 0; i < 3; i++) {
        struct forge_vek plan = forge_vcek();
        plan.tcb.bytes[7] = i;
        inputs[i] = make_input(&plan, forge.ask, NULL);
    }
    pthread_t threads[4];
    struct racer racers[4];
    for (size_t i = 0; i < 4; i++) {
        racers[i] = (struct racer){cache, inputs, false};
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_true(racers[i].good);
    }
    assert_int_equal(snp_chain_cache_count(cache), 2);
    for (size_t i = 0; i < 3; i++)
        free_input(&inputs[i]);
    snp_chain_cache_free(cache);
}

static void test_certificate_is_read_from_pem_and_nothing_may_follow(void **state)
{
    (void)state;
    BIO *bio = BIO_new(BIO_s_mem());
    char *start = NULL;
    PEM_write_bio_X509(bio, forge.ark);
    size_t size = (size_t)BIO_get_mem_data(bio, &start);
    char *pem = mem_string_of(bytes_of(start, size)), *twice = mem_format("%s%s", pem, pem);
    char *blank = mem_format("%s \n", pem), *renamed = mem_string(pem);
    memcpy(renamed + 11, "X509 CRL---", 11);
    X509 *read = NULL;
    assert_false(failed(snp_certificate_parse(bytes_of_string(blank), &read)));
    assert_int_equal(X509_cmp(read, forge.ark), 0);
    X509_free(read);
    assert_int_equal(snp_certificate_parse(bytes_of_string(twice), &read).code, ERR_INPUT);
    assert_int_equal(snp_certificate_parse(bytes_of_string(renamed), &read).code, ERR_INPUT);
    assert_int_equal(snp_certificate_parse(bytes_of(pem, size / 2), &read).code, ERR_INPUT);
    uint8_t *large = mem_alloc(SNP_CERTIFICATE_MAX + 1);
    assert_int_equal(snp_certificate_parse(bytes_of(large, SNP_CERTIFICATE_MAX + 1), &read).code, ERR_LIMIT);
    assert_null(read);
    free(large);
    free(pem);
    free(twice);
    free(blank);
    free(renamed);
    BIO_free(bio);
}

static struct snp_crl *make_list(X509 *issuer, EVP_PKEY *key, X509 *revoked, int64_t this_s, int64_t next_s)
{
    struct bytes der = forge_crl(issuer, key, revoked, this_s, next_s);
    struct snp_crl *crl = NULL;
    assert_false(failed(snp_crl_parse(der, &crl)));
    assert_int_equal(snp_crl_this_update_s(crl), this_s);
    assert_int_equal(snp_crl_next_update_s(crl), next_s);
    OPENSSL_free((void *)der.p);
    return crl;
}

static void check_list(struct snp_crl *crl, int64_t max_age_s, enum snp_crl_state expected)
{
    enum snp_crl_state found = snp_crl_judge(crl, forge.ark, forge.ask, FORGE_NOW_S, max_age_s);
    assert_string_equal(snp_crl_state_name(found), snp_crl_state_name(expected));
    snp_crl_free(crl);
}

#define PAST_S   (FORGE_NOW_S - 10 * FORGE_DAY_S)
#define FUTURE_S (FORGE_NOW_S + 10 * FORGE_DAY_S)

static void test_states_of_a_revocation_list(void **state)
{
    (void)state;
    EVP_PKEY *key = forge.ark_key, *other = forge.ask_key;
    X509 *ark = forge.ark, *ask = forge.ask;
    check_list(make_list(ark, key, NULL, PAST_S, FUTURE_S), 0, SNP_CRL_GOOD);
    check_list(make_list(ark, key, NULL, PAST_S, 0), 0, SNP_CRL_GOOD);
    check_list(make_list(ark, key, ark, PAST_S, FUTURE_S), 0, SNP_CRL_GOOD); /* names another serial */
    check_list(make_list(ark, key, ask, PAST_S, FUTURE_S), 0, SNP_CRL_REVOKED);
    check_list(make_list(ark, key, ask, PAST_S, PAST_S + 1), 0, SNP_CRL_REVOKED); /* be it fresh or not */
    check_list(make_list(ark, key, ask, FUTURE_S, 0), 0, SNP_CRL_REVOKED);
    check_list(make_list(ask, other, ask, PAST_S, FUTURE_S), 0, SNP_CRL_OTHER);
    check_list(make_list(ark, other, ask, PAST_S, FUTURE_S), 0, SNP_CRL_FORGED);
    check_list(make_list(ark, key, NULL, PAST_S, FORGE_NOW_S - 1), 0, SNP_CRL_EXPIRED);
    check_list(make_list(ark, key, NULL, PAST_S, FUTURE_S), 9 * FORGE_DAY_S, SNP_CRL_EXPIRED);
    check_list(make_list(ark, key, NULL, PAST_S, FUTURE_S), 11 * FORGE_DAY_S, SNP_CRL_GOOD);
    check_list(make_list(ark, key, NULL, FORGE_NOW_S + 1, FUTURE_S), 0, SNP_CRL_FROM_FUTURE);
}

/* Whose list it was found to be is remembered: by the root's key, not by its name. */
static void test_a_list_of_one_root_is_none_of_another_of_its_name(void **state)
{
    (void)state;
    struct snp_crl *crl = make_list(forge.ark, forge.ark_key, NULL, PAST_S, FUTURE_S);
    X509 *other = forge_authority("ARK-Milan", forge.ask_key, NULL, forge.ask_key);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(snp_crl_judge(crl, forge.ark, forge.ask, FORGE_NOW_S, 0), SNP_CRL_GOOD);
        assert_int_equal(snp_crl_judge(crl, other, forge.ask, FORGE_NOW_S, 0), SNP_CRL_FORGED);
    }
    X509_free(other);
    snp_crl_free(crl);
}

static void test_malformed_revocation_list_is_refused(void **state)
{
    (void)state;
    struct snp_crl *crl = NULL;
    struct bytes der = forge_crl(forge.ark, forge.ark_key, NULL, PAST_S, FUTURE_S);
    uint8_t *longer = mem_alloc(der.n + 1);
    memcpy(longer, der.p, der.n);
    assert_int_equal(snp_crl_parse(bytes_of(longer, der.n + 1), &crl).code, ERR_INPUT);
    assert_int_equal(snp_crl_parse(bytes_of(longer, der.n - 1), &crl).code, ERR_INPUT);
    assert_int_equal(snp_crl_parse(BYTES_NONE, &crl).code, ERR_INPUT);
    assert_int_equal(snp_crl_parse(BYTES_LITERAL("nonsense"), &crl).code, ERR_INPUT);
    assert_int_equal(snp_crl_parse(bytes_of(longer, SNP_CRL_MAX + 1), &crl).code, ERR_LIMIT);
    assert_null(crl);
    free(longer);
    OPENSSL_free((void *)der.p);
}

/* What the verdict says of one list (may be NULL) that the caller has, and one (may be empty) that the peer brings. */
static void check_revocation(enum snp_crl_mode mode, struct snp_crl *crl, struct bytes of_peer,
                             enum check_outcome expected)
{
    struct forge_vek plan = forge_vcek();
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    struct forge_evidence made;
    struct snp_trust trust = forge_trust();
    const struct snp_crl *const crls[] = {crl};
    trust.crl_mode = mode;
    trust.crls = crls;
    trust.crl_count = crl ? 1 : 0;
    forge_evidence(&plan, &report, &made);
    made.evidence.crl = of_peer;
    assert_true(forge_outcome_is(&made.evidence, &trust, SNP_CHECK_CHAIN_REVOCATION, expected));
    forge_evidence_free(&made);
    snp_crl_free(crl);
}

static struct snp_crl *good_list(void)
{
    return make_list(forge.ark, forge.ark_key, NULL, PAST_S, FUTURE_S);
}

static struct snp_crl *old_list(void)
{
    return make_list(forge.ark, forge.ark_key, NULL, PAST_S, PAST_S + 1);
}

static void test_revocation_by_mode(void **state)
{
    (void)state;
    EVP_PKEY *key = forge.ark_key;
    X509 *ark = forge.ark, *ask = forge.ask;
    struct bytes none = BYTES_NONE;
    check_revocation(SNP_CRL_IF_AVAILABLE, NULL, none, CHECK_SKIPPED);
    check_revocation(SNP_CRL_REQUIRED, NULL, none, CHECK_FAIL);
    check_revocation(SNP_CRL_OFF, NULL, none, CHECK_SKIPPED);
    check_revocation(SNP_CRL_IF_AVAILABLE, good_list(), none, CHECK_PASS);
    check_revocation(SNP_CRL_REQUIRED, good_list(), none, CHECK_PASS);
    check_revocation(SNP_CRL_IF_AVAILABLE, old_list(), none, CHECK_WARN);
    check_revocation(SNP_CRL_REQUIRED, old_list(), none, CHECK_FAIL);
    check_revocation(SNP_CRL_IF_AVAILABLE, make_list(ark, key, ask, PAST_S, PAST_S + 1), none, CHECK_FAIL);
    check_revocation(SNP_CRL_OFF, make_list(ark, key, ask, PAST_S, FUTURE_S), none, CHECK_SKIPPED);
    check_revocation(SNP_CRL_REQUIRED, make_list(ask, forge.ask_key, ask, PAST_S, FUTURE_S), none, CHECK_FAIL);
}

static void test_list_of_the_peer_can_revoke_but_not_clear(void **state)
{
    (void)state;
    struct bytes good = forge_crl(forge.ark, forge.ark_key, NULL, PAST_S, FUTURE_S);
    struct bytes revoking = forge_crl(forge.ark, forge.ark_key, forge.ask, PAST_S, FUTURE_S);
    struct bytes forged = forge_crl(forge.ark, forge.ask_key, NULL, PAST_S, FUTURE_S);
    check_revocation(SNP_CRL_REQUIRED, NULL, good, CHECK_PASS);
    check_revocation(SNP_CRL_REQUIRED, good_list(), revoking, CHECK_FAIL);
    check_revocation(SNP_CRL_REQUIRED, make_list(forge.ark, forge.ark_key, forge.ask, PAST_S, FUTURE_S), good,
                     CHECK_FAIL);
    check_revocation(SNP_CRL_REQUIRED, NULL, forged, CHECK_FAIL);
    check_revocation(SNP_CRL_REQUIRED, NULL, BYTES_LITERAL("nonsense"), CHECK_FAIL);
    check_revocation(SNP_CRL_IF_AVAILABLE, NULL, BYTES_LITERAL("nonsense"), CHECK_WARN);
    check_revocation(SNP_CRL_REQUIRED, good_list(), BYTES_LITERAL("nonsense"), CHECK_PASS);
    OPENSSL_free((void *)good.p);
    OPENSSL_free((void *)revoking.p);
    OPENSSL_free((void *)forged.p);
}

static void test_verdict_ends_with_the_list_that_was_used(void **state)
{
    (void)state;
    struct forge_vek plan = forge_vcek();
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    struct forge_evidence made;
    struct snp_trust trust = forge_trust();
    struct checklist list = CHECKLIST_EMPTY;
    struct snp_facts facts;
    forge_evidence(&plan, &report, &made);
    snp_verify(&made.evidence, &trust, &list, &facts);
    assert_false(facts.crl_was_used);
    assert_int_equal(facts.valid_until_s, plan.not_after_s);
    made.owned[3] = forge_crl(forge.ark, forge.ark_key, NULL, PAST_S, FUTURE_S);
    made.evidence.crl = made.owned[3];
    snp_verify(&made.evidence, &trust, &list, &facts);
    assert_true(facts.crl_was_used);
    assert_int_equal(facts.valid_until_s, FUTURE_S);
    trust.crl_max_age_s = 15 * FORGE_DAY_S;
    snp_verify(&made.evidence, &trust, &list, &facts);
    assert_int_equal(facts.valid_until_s, PAST_S + 15 * FORGE_DAY_S);
    checklist_free(&list);
    forge_evidence_free(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_amd_roots_are_the_published_ones),
        cmocka_unit_test(test_only_a_self_signed_ark_becomes_a_root),
        cmocka_unit_test(test_set_of_roots_trusts_what_was_added),
        cmocka_unit_test(test_states_of_a_chain),
        cmocka_unit_test(test_intermediate_without_a_product_is_unknown),
        cmocka_unit_test(test_intermediate_under_the_root_of_another_product_is_refused),
        cmocka_unit_test(test_chain_under_another_root_of_the_same_name_is_refused),
        cmocka_unit_test(test_root_pinned_by_hash_has_to_come_with_the_evidence),
        cmocka_unit_test(test_chain_tells_root_and_times),
        cmocka_unit_test(test_cache_hands_out_the_same_chain_and_drops_the_longest_unused),
        cmocka_unit_test(test_cached_chain_is_not_believed_under_another_trust),
        cmocka_unit_test(test_cache_serves_many_threads),
        cmocka_unit_test(test_certificate_is_read_from_pem_and_nothing_may_follow),
        cmocka_unit_test(test_states_of_a_revocation_list),
        cmocka_unit_test(test_a_list_of_one_root_is_none_of_another_of_its_name),
        cmocka_unit_test(test_malformed_revocation_list_is_refused),
        cmocka_unit_test(test_revocation_by_mode),
        cmocka_unit_test(test_list_of_the_peer_can_revoke_but_not_clear),
        cmocka_unit_test(test_verdict_ends_with_the_list_that_was_used),
    };
    return cmocka_run_group_tests_name("snp_chain", tests, forge_begin, forge_end);
}
