#include "tls/leaf.h"

#include "base/mem.h"
#include "tls/issue.h"
#include "tls/san.h"

#include <openssl/x509v3.h>
#include <stdlib.h>

struct leaf {
    const struct authority *issuer; /* NULL: self-signed */
    EVP_PKEY *key;
    X509 *x509;
    struct certificate draft; /* facts of x509 */
};

static struct err leaf_add_san(X509 *x509, const char *list)
{
    GENERAL_NAMES *names = NULL;
    TRY(san_read(list, &names));
    bool added = sk_GENERAL_NAME_num(names) == 0 ||
                 X509_add1_ext_i2d(x509, NID_subject_alt_name, names, 0, X509V3_ADD_APPEND) == 1;
    GENERAL_NAMES_free(names);
    return added ? OK : err_crypto("cannot add the subjectAltName");
}

static struct err leaf_add_extensions(struct leaf *leaf, const struct leaf_spec *spec)
{
    const X509 *issuer = leaf->issuer ? authority_certificate(leaf->issuer) : NULL;
    const char *usage = spec->for_server && spec->for_client ? "serverAuth,clientAuth"
                        : spec->for_server                   ? "serverAuth"
                                                             : "clientAuth";
    TRY(issue_add(leaf->x509, issuer, NID_basic_constraints, "critical,CA:FALSE"));
    TRY(issue_add(leaf->x509, issuer, NID_key_usage, "critical,digitalSignature"));
    TRY(issue_add(leaf->x509, issuer, NID_ext_key_usage, usage));
    TRY(issue_add(leaf->x509, issuer, NID_subject_key_identifier, "hash"));
    if (issuer && X509_get_ext_by_NID(issuer, NID_subject_key_identifier, -1) >= 0)
        TRY(issue_add(leaf->x509, issuer, NID_authority_key_identifier, "keyid"));
    return leaf_add_san(leaf->x509, spec->san);
}

static struct err leaf_fill(struct leaf *leaf, const struct leaf_spec *spec)
{
    const X509 *issuer = leaf->issuer ? authority_certificate(leaf->issuer) : NULL;
    int64_t not_after_s = spec->not_after_s;
    if (leaf->issuer && authority_not_after_s(leaf->issuer) < not_after_s)
        not_after_s = authority_not_after_s(leaf->issuer);
    TRY(issue_make_key(&leaf->key));
    TRY(issue_begin(spec->common_name, leaf->key, issuer, spec->not_before_s, not_after_s, &leaf->x509));
    TRY(leaf_add_extensions(leaf, spec));
    return certificate_read_unsigned(leaf->x509, &leaf->draft);
}

struct err leaf_draft(const struct leaf_spec *spec, const struct authority *issuer, struct leaf **out)
{
    if (!spec->for_server && !spec->for_client)
        return err_make(ERR_INPUT, "a leaf must be for a server, a client, or both");
    struct leaf *leaf = NEW(struct leaf);
    leaf->issuer = issuer;
    struct err outcome = leaf_fill(leaf, spec);
    if (failed(outcome))
        leaf_free(leaf);
    else
        *out = leaf;
    return outcome;
}

const struct certificate_facts *leaf_facts(const struct leaf *leaf)
{
    return &leaf->draft.facts;
}

const uint8_t *leaf_issuer_spki_sha384(const struct leaf *leaf)
{
    return leaf->issuer ? authority_spki_sha384(leaf->issuer) : leaf->draft.spki_sha384;
}

struct err leaf_add_extension(struct leaf *leaf, const char *oid, struct bytes value)
{
    if (value.n > CERTIFICATE_MAX_SIZE / 2)
        return err_make(ERR_LIMIT, "an extension of %zu bytes is too large", value.n);
    ASN1_OBJECT *kind = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *content = ASN1_OCTET_STRING_new();
    X509_EXTENSION *extension = NULL;
    bool added = kind && content && ASN1_OCTET_STRING_set(content, value.p, (int)value.n) == 1 &&
                 (extension = X509_EXTENSION_create_by_OBJ(NULL, kind, 0, content)) != NULL &&
                 X509_add_ext(leaf->x509, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(content);
    ASN1_OBJECT_free(kind);
    return added ? OK : err_crypto("cannot add extension %s", oid);
}

static struct err leaf_chain(const struct leaf *leaf, STACK_OF(X509) * *out)
{
    STACK_OF(X509) *chain = leaf->issuer ? X509_chain_up_ref(authority_chain(leaf->issuer)) : sk_X509_new_null();
    if (!chain)
        return err_crypto("cannot make a certificate chain");
    if (leaf->issuer) {
        X509 *issuer = authority_certificate(leaf->issuer);
        if (sk_X509_unshift(chain, issuer) <= 0) {
            certificate_list_free(chain);
            return err_crypto("cannot make a certificate chain");
        }
        X509_up_ref(issuer);
    }
    *out = chain;
    return OK;
}

struct err leaf_sign(struct leaf *leaf, struct tls_identity **out)
{
    TRY(issue_sign(leaf->x509, leaf->issuer ? authority_key(leaf->issuer) : leaf->key));
    STACK_OF(X509) *chain = NULL;
    TRY(leaf_chain(leaf, &chain));
    struct err outcome = tls_identity_make(leaf->x509, chain, leaf->key, out);
    certificate_list_free(chain);
    return outcome;
}

void leaf_free(struct leaf *leaf)
{
    if (!leaf)
        return;
    certificate_release(&leaf->draft);
    X509_free(leaf->x509);
    EVP_PKEY_free(leaf->key);
    free(leaf);
}

struct err leaf_check_san(const char *san)
{
    GENERAL_NAMES *names = NULL;
    TRY(san_read(san, &names));
    GENERAL_NAMES_free(names);
    return OK;
}
