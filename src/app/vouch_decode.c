#include "app/vouch_decode.h"

#include "app/vouch_output.h"
#include "attest/check_json.h"
#include "base/clock.h"
#include "base/mem.h"
#include "snp/crl.h"
#include "snp/vek.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#define SHA256_SIZE 32

json_t *vouch_decode_hex(struct bytes bytes)
{
    char *text = mem_alloc(2 * bytes.n + 1);
    hex_encode(bytes, text);
    json_t *json = json_string(text);
    free(text);
    return json;
}

json_t *vouch_decode_time(int64_t at_s)
{
    char text[CLOCK_TEXT_SIZE];
    clock_text(at_s * US_PER_SECOND, text);
    return json_string(text);
}

static json_t *decode_problem(struct err why)
{
    json_t *json = json_object();
    json_object_set_new(json, "problem", json_printable(why.why));
    return json;
}

/* Takes a text on the heap; `outcome` says whether there is one. */
static void decode_put_text(json_t *json, const char *name, struct err outcome, char *text)
{
    json_object_set_new(json, name, failed(outcome) ? json_printable(outcome.why) : json_printable(text));
    free(text);
}

static void decode_put_tcb(json_t *json, const struct snp_vek *vek)
{
    enum snp_tcb_layout layout = snp_vek_tcb_layout(vek);
    struct snp_tcb tcb = snp_vek_tcb(vek);
    json_t *into = json_object();
    for (int i = 0; i < SNP_TCB_COMPONENTS; i++) {
        enum snp_tcb_component component = (enum snp_tcb_component)i;
        if (snp_tcb_index(layout, component) >= 0)
            json_object_set_new(into, snp_tcb_component_name(component),
                                json_integer(snp_tcb_get(tcb, layout, component)));
    }
    json_object_set_new(json, "tcb", into);
}

/* What AMD's extensions say; nothing for a certificate that is no VEK. */
static void decode_put_vek(json_t *json, X509 *x509)
{
    struct snp_vek vek;
    if (failed(snp_vek_read(x509, &vek)) || vek.kind == SNP_VEK_UNKNOWN)
        return;
    struct err complete = snp_vek_complete(&vek);
    json_t *into = json_object();
    json_object_set_new(into, "kind", json_string(snp_vek_kind_name(vek.kind)));
    json_object_set_new(into, "product", json_printable(vek.product_name));
    json_object_set_new(into, "struct_version", json_integer((json_int_t)vek.struct_version));
    decode_put_tcb(into, &vek);
    if (vek.hwid_size > 0)
        json_object_set_new(into, "hwid", vouch_decode_hex(bytes_of(vek.hwid, vek.hwid_size)));
    if (vek.has_csp_id)
        json_object_set_new(into, "csp_id", json_printable(vek.csp_id));
    if (failed(complete))
        json_object_set_new(into, "problem", json_printable(complete.why));
    json_object_set_new(json, "vek", into);
}

static void decode_put_names(json_t *json, X509 *x509)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
    if (!names)
        return;
    json_t *list = json_array();
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        BIO *text = BIO_new(BIO_s_mem());
        char *start = NULL;
        if (text && GENERAL_NAME_print(text, sk_GENERAL_NAME_value(names, i)) == 1) {
            long size = BIO_get_mem_data(text, &start);
            char *name = mem_string_of(bytes_of(start, (size_t)size));
            json_array_append_new(list, json_printable(name));
            free(name);
        }
        BIO_free(text);
    }
    GENERAL_NAMES_free(names);
    json_object_set_new(json, "subject_alt_names", list);
}

static char *decode_name(const X509_NAME *name)
{
    BIO *text = BIO_new(BIO_s_mem());
    char *start = NULL, *copy = NULL;
    if (text && X509_NAME_print_ex(text, name, 0, XN_FLAG_RFC2253) >= 0) {
        long size = BIO_get_mem_data(text, &start);
        copy = mem_string_of(bytes_of(start, (size_t)size));
    }
    BIO_free(text);
    return copy ? copy : mem_string("");
}

static json_t *decode_time_of(const ASN1_TIME *time)
{
    int64_t at_s = 0;
    struct err outcome = snp_time_s(time, &at_s);
    return failed(outcome) ? json_printable(outcome.why) : vouch_decode_time(at_s);
}

json_t *vouch_decode_x509(X509 *x509)
{
    uint8_t hash[SHA256_SIZE] = {0};
    char *serial = NULL;
    json_t *json = json_object();
    EVP_PKEY *key = X509_get0_pubkey(x509);
    decode_put_text(json, "subject", OK, decode_name(X509_get_subject_name(x509)));
    decode_put_text(json, "issuer", OK, decode_name(X509_get_issuer_name(x509)));
    struct err outcome = certificate_serial_text(x509, &serial);
    decode_put_text(json, "serial", outcome, serial);
    json_object_set_new(json, "not_before", decode_time_of(X509_get0_notBefore(x509)));
    json_object_set_new(json, "not_after", decode_time_of(X509_get0_notAfter(x509)));
    json_object_set_new(json, "signature_algorithm", json_string(OBJ_nid2ln(X509_get_signature_nid(x509))));
    const char *type = key ? EVP_PKEY_get0_type_name(key) : NULL;
    json_object_set_new(json, "key", json_string(type ? type : "unknown"));
    json_object_set_new(json, "key_bits", json_integer(key ? EVP_PKEY_get_bits(key) : 0));
    X509_digest(x509, EVP_sha256(), hash, NULL);
    json_object_set_new(json, "sha256", vouch_decode_hex(BYTES(hash)));
    snp_spki_sha256(x509, hash);
    json_object_set_new(json, "spki_sha256", vouch_decode_hex(BYTES(hash)));
    decode_put_names(json, x509);
    decode_put_vek(json, x509);
    return json;
}

json_t *vouch_decode_certificate(struct bytes der_or_pem)
{
    X509 *x509 = NULL;
    struct err outcome = snp_certificate_parse(der_or_pem, &x509);
    if (failed(outcome))
        return decode_problem(outcome);
    json_t *json = vouch_decode_x509(x509);
    X509_free(x509);
    return json;
}

static json_t *decode_crl(struct bytes der_or_pem)
{
    struct snp_crl *crl = NULL;
    struct err outcome = snp_crl_parse(der_or_pem, &crl);
    if (failed(outcome))
        return decode_problem(outcome);
    json_t *json = json_object();
    json_object_set_new(json, "this_update", vouch_decode_time(snp_crl_this_update_s(crl)));
    if (snp_crl_next_update_s(crl) != 0)
        json_object_set_new(json, "next_update", vouch_decode_time(snp_crl_next_update_s(crl)));
    snp_crl_free(crl);
    return json;
}

static json_t *decode_table(const struct snp_certtable *table)
{
    json_t *json = json_object();
    if (table->vcek.n > 0)
        json_object_set_new(json, "vcek", vouch_decode_certificate(table->vcek));
    if (table->vlek.n > 0)
        json_object_set_new(json, "vlek", vouch_decode_certificate(table->vlek));
    if (table->intermediate.n > 0)
        json_object_set_new(json, "ask", vouch_decode_certificate(table->intermediate));
    if (table->ark.n > 0)
        json_object_set_new(json, "ark", vouch_decode_certificate(table->ark));
    if (table->crl.n > 0)
        json_object_set_new(json, "crl", decode_crl(table->crl));
    json_object_set_new(json, "unknown_entries", json_integer((json_int_t)table->unknown));
    return json;
}

/* The line that the table's VCEK or VLEK names. */
static enum snp_product decode_product(const struct snp_certtable *table)
{
    struct snp_vek vek;
    X509 *x509 = NULL;
    struct bytes bytes = table->vcek.n > 0 ? table->vcek : table->vlek;
    if (bytes.n == 0 || failed(snp_certificate_parse(bytes, &x509)))
        return SNP_PRODUCT_UNKNOWN;
    bool read = !failed(snp_vek_read(x509, &vek));
    X509_free(x509);
    return read ? vek.product : SNP_PRODUCT_UNKNOWN;
}

static json_t *decode_bind(const struct bind *bind)
{
    json_t *json = json_object();
    json_object_set_new(json, "kind", json_integer(bind->kind));
    json_object_set_new(json, "issued_at", vouch_decode_time(bind->issued_at_s));
    json_object_set_new(json, "config_digest", vouch_decode_hex(bind->config_digest));
    json_object_set_new(json, "nonce", vouch_decode_hex(bind->nonce));
    return json;
}

/* The claims of a token that was read: they say what the bind record and the report say. */
static json_t *decode_eat(const struct vouch_material *material)
{
    struct snp_report report;
    uint8_t ueid[EAT_UEID_SIZE];
    json_t *json = json_object();
    json_object_set_new(json, "eat_profile", json_string(EAT_PROFILE));
    json_object_set_new(json, "iat", json_integer((json_int_t)material->evidence.bind.issued_at_s));
    if (material->evidence.bind.nonce.n > 0)
        json_object_set_new(json, "eat_nonce", vouch_decode_hex(material->evidence.bind.nonce));
    if (!failed(snp_report_read(material->report, &report)) && eat_ueid(&report, ueid))
        json_object_set_new(json, "ueid", vouch_decode_hex(BYTES(ueid)));
    return json;
}

/* Evidence in the formats of others has no bind record, and at most a nonce. */
static void decode_put_evidence(json_t *json, const struct vouch_material *material)
{
    bool is_foreign = !evidence_format_is_ours(material->evidence.format);
    if (material->evidence.format == EVIDENCE_EAT)
        json_object_set_new(json, "eat", decode_eat(material));
    if (is_foreign)
        json_object_set_new(json, "nonce", vouch_decode_hex(material->evidence.nonce));
    json_object_set_new(json, "bind", is_foreign ? json_null() : decode_bind(&material->evidence.bind));
    json_object_set_new(json, "report", vouch_decode_report(material->report, decode_product(&material->table)));
    if (material->evidence.azure.claims.n > 0)
        json_object_set_new(json, "azure", vouch_decode_azure(&material->evidence.azure));
    json_object_set_new(json, "certs", decode_table(&material->table));
}

static void decode_put_certificate(json_t *json, const struct vouch_material *material)
{
    json_object_set_new(json, "certificate", vouch_decode_x509(material->leaf));
    json_t *evidence = json_object();
    if (material->has_evidence) {
        json_object_set_new(evidence, "format", json_string(evidence_format_name(material->evidence.format)));
        json_object_set_new(evidence, "sha256", vouch_decode_hex(BYTES(material->evidence.sha256)));
        decode_put_evidence(evidence, material);
    } else if (material->evidence_problem.code == ERR_NOT_FOUND) {
        json_decref(evidence);
        evidence = json_null();
    } else {
        json_object_set_new(evidence, "problem", json_printable(material->evidence_problem.why));
    }
    json_object_set_new(json, "evidence", evidence);
    json_t *others = json_array();
    for (int i = 0; material->others && i < sk_X509_num(material->others); i++)
        json_array_append_new(others, vouch_decode_x509(sk_X509_value(material->others, i)));
    json_object_set_new(json, "others", others);
}

json_t *vouch_decode(const struct vouch_material *material)
{
    json_t *json = json_object();
    json_object_set_new(json, "kind", json_string(material_kind_name(material->kind)));
    switch (material->kind) {
    case MATERIAL_REPORT:
        json_object_set_new(json, "report", vouch_decode_report(material->report, SNP_PRODUCT_UNKNOWN));
        break;
    case MATERIAL_CERTIFICATE:
        decode_put_certificate(json, material);
        break;
    case MATERIAL_HCL:
        json_object_set_new(json, "report", vouch_decode_report(material->report, SNP_PRODUCT_UNKNOWN));
        json_object_set_new(json, "claims", vouch_decode_claims(material->claims));
        break;
    case MATERIAL_CMW:
    case MATERIAL_EAT:
        decode_put_evidence(json, material);
        break;
    case MATERIAL_CORIM:
        vouch_decode_corim(bytes_of(material->content, material->size), json);
        break;
    case MATERIAL_TABLE:
        json_object_set_new(json, "certs", decode_table(&material->table));
        break;
    }
    return json;
}

static void decode_print_value(const json_t *value, FILE *out)
{
    if (json_is_string(value))
        vouch_print_escaped(out, *json_string_value(value) ? json_string_value(value) : "none");
    else if (json_is_integer(value))
        fprintf(out, "%lld", (long long)json_integer_value(value));
    else
        fputs(json_is_true(value) ? "yes" : json_is_false(value) ? "no" : "none", out);
    fputc('\n', out);
}

static int decode_width(const json_t *object)
{
    size_t width = 0;
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value) if (!json_is_object(value) && !json_is_array(value) &&
                                                           strlen(name) > width) width = strlen(name);
    return (int)width;
}

static void decode_print_object(const json_t *object, int depth, FILE *out);

static void decode_print_list(const char *name, const json_t *list, int depth, FILE *out)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        fprintf(out, "%*s%s %zu%s", 2 * depth, "", name, i + 1, json_is_object(item) ? "\n" : "  ");
        if (json_is_object(item))
            decode_print_object(item, depth + 1, out);
        else
            decode_print_value(item, out);
    }
}

/* As deep as what was decoded, which is a few levels. */
static void decode_print_object(const json_t *object, int depth, FILE *out)
{
    const char *name;
    json_t *value;
    int width = decode_width(object);
    json_object_foreach((json_t *)object, name, value)
    {
        if (json_is_array(value)) {
            decode_print_list(name, value, depth, out);
        } else if (json_is_object(value)) {
            fprintf(out, "%*s%s\n", 2 * depth, "", name);
            decode_print_object(value, depth + 1, out);
        } else {
            fprintf(out, "%*s%-*s  ", 2 * depth, "", width, name);
            decode_print_value(value, out);
        }
    }
}

void vouch_decode_print(const json_t *tree, FILE *out)
{
    decode_print_object(tree, 0, out);
}
