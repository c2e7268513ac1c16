#include "snp/vek.h"

#include "base/reader.h"

#include <openssl/err.h>
#include <string.h>

#define AMD_ARC          "1.3.6.1.4.1.3704.1."
#define OID_SIZE         64
#define HWID_SIZE        64
#define HWID_SIZE_V1     8 /* structVersion 1: Turin */

#define DER_INTEGER      0x02
#define DER_OCTET_STRING 0x04
#define DER_IA5_STRING   0x16

#define SPL_BIT(n)       (1U << (n))
#define SPL_BITS_LEAST   (SPL_BIT(1) | SPL_BIT(2) | SPL_BIT(3) | SPL_BIT(8))

/* The content of the one DER value that fills `der`. No extension of AMD's has more than 255 bytes of content. */
static struct err vek_der_content(struct bytes der, uint8_t tag, struct bytes *out)
{
    struct reader r = reader_of(der);
    uint8_t found = reader_u8(&r);
    size_t size = reader_u8(&r);
    bool is_shortest = size < 0x80;
    if (size == 0x81) {
        size = reader_u8(&r);
        is_shortest = size >= 0x80;
    }
    *out = reader_bytes(&r, size);
    TRY(reader_finish(&r, "the extension"));
    if (found != tag || !is_shortest)
        return err_make(ERR_INPUT, "the extension is not encoded as it should be");
    return OK;
}

/* A number that is not negative; DER writes 0x80 and up with a zero byte in front. */
static struct err vek_read_number(struct bytes der, uint64_t *out)
{
    struct bytes content;
    TRY(vek_der_content(der, DER_INTEGER, &content));
    bool is_padded = content.n > 1 && content.p[0] == 0;
    if (content.n == 0 || content.n > sizeof(*out) || (content.p[0] & 0x80) != 0 ||
        (is_padded && (content.p[1] & 0x80) == 0))
        return err_make(ERR_INPUT, "the extension is not a number");
    uint64_t value = 0;
    for (size_t i = 0; i < content.n; i++)
        value = value << 8 | content.p[i];
    *out = value;
    return OK;
}

static struct err vek_read_text(struct bytes der, char *out, size_t size)
{
    struct bytes content;
    TRY(vek_der_content(der, DER_IA5_STRING, &content));
    if (content.n == 0 || content.n >= size)
        return err_make(ERR_INPUT, "the extension's text is empty or too long");
    for (size_t i = 0; i < content.n; i++)
        if (content.p[i] < ' ' || content.p[i] > '~')
            return err_make(ERR_INPUT, "the extension's text is not printable");
    memcpy(out, content.p, content.n);
    out[content.n] = '\0';
    return OK;
}

/* Raw bytes, as KDS writes them, or wrapped in an OCTET STRING. */
static struct err vek_read_hwid(struct bytes content, struct snp_vek *out)
{
    if (content.n != HWID_SIZE && content.n != HWID_SIZE_V1)
        TRY(vek_der_content(content, DER_OCTET_STRING, &content));
    if (content.n != HWID_SIZE && content.n != HWID_SIZE_V1)
        return err_make(ERR_INPUT, "the HWID has %zu bytes", content.n);
    memcpy(out->hwid, content.p, content.n);
    out->hwid_size = content.n;
    return OK;
}

/* .3.n; `name` is what follows AMD's arc. */
static int vek_spl_of(const char *name)
{
    bool fits = strncmp(name, "3.", 2) == 0 && name[2] >= '1' && name[2] <= '9' && name[3] == '\0';
    return fits ? name[2] - '0' : 0;
}

static struct err vek_read_spl(struct bytes content, int n, struct snp_vek *out)
{
    uint64_t value = 0;
    TRY(vek_read_number(content, &value));
    if (value > UINT8_MAX)
        return err_make(ERR_INPUT, "the version is larger than a byte");
    out->spl[n] = (uint8_t)value;
    out->spl_present |= SPL_BIT(n);
    return OK;
}

static struct err vek_read_product(struct bytes content, struct snp_vek *out)
{
    TRY(vek_read_text(content, out->product_name, sizeof(out->product_name)));
    out->product = snp_product_of_extension(bytes_of_string(out->product_name));
    return OK;
}

/* One of AMD's; *known is false when it is none that means anything here. */
static struct err vek_read_amd_extension(const char *name, struct bytes content, struct snp_vek *out, bool *known)
{
    *known = true;
    int spl = vek_spl_of(name);
    if (spl > 0)
        return vek_read_spl(content, spl, out);
    if (strcmp(name, "1") == 0) {
        out->has_struct_version = true;
        return vek_read_number(content, &out->struct_version);
    }
    if (strcmp(name, "2") == 0)
        return vek_read_product(content, out);
    if (strcmp(name, "4") == 0)
        return vek_read_hwid(content, out);
    if (strcmp(name, "5") == 0) {
        out->has_csp_id = true;
        return vek_read_text(content, out->csp_id, sizeof(out->csp_id));
    }
    *known = false;
    return OK;
}

static struct err vek_read_extension(X509_EXTENSION *extension, struct snp_vek *out)
{
    char oid[OID_SIZE];
    int size = OBJ_obj2txt(oid, sizeof(oid), X509_EXTENSION_get_object(extension), 1);
    const ASN1_OCTET_STRING *data = X509_EXTENSION_get_data(extension);
    struct bytes content = bytes_of(ASN1_STRING_get0_data(data), (size_t)ASN1_STRING_length(data));
    bool known = false;
    if (size > 0 && size < OID_SIZE && strncmp(oid, AMD_ARC, strlen(AMD_ARC)) == 0)
        TRY(err_within(vek_read_amd_extension(oid + strlen(AMD_ARC), content, out, &known), "extension %s", oid));
    if (!known && X509_EXTENSION_get_critical(extension))
        return err_make(ERR_INPUT, "the certificate has an unknown critical extension");
    return OK;
}

static struct err vek_read_names(const X509 *certificate, struct snp_vek *out)
{
    char subject[SNP_COMMON_NAME_SIZE];
    TRY(err_within(snp_common_name(X509_get_subject_name(certificate), subject), "subject"));
    TRY(err_within(snp_common_name(X509_get_issuer_name(certificate), out->issuer_name), "issuer"));
    if (strcmp(subject, "SEV-VCEK") == 0)
        out->kind = SNP_VEK_VCEK;
    else if (strcmp(subject, "SEV-VLEK") == 0)
        out->kind = SNP_VEK_VLEK;
    else
        return err_make(ERR_INPUT, "the certificate of \"%s\" is neither a VCEK nor a VLEK", subject);
    out->issuer_product =
        snp_product_of_common_name(out->issuer_name, out->kind == SNP_VEK_VCEK ? "SEV-" : "SEV-VLEK-");
    return OK;
}

static struct err vek_check_key(X509 *certificate)
{
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    char group[32] = "";
    bool fits = key && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
                EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 && strcmp(group, SN_secp384r1) == 0;
    ERR_clear_error();
    return fits ? OK : err_make(ERR_INPUT, "the key of the certificate is not on P-384");
}

static struct err vek_read_all(X509 *certificate, struct snp_vek *out)
{
    TRY(snp_extensions_check(certificate));
    TRY(vek_read_names(certificate, out));
    TRY(vek_check_key(certificate));
    TRY(snp_time_s(X509_get0_notBefore(certificate), &out->not_before_s));
    TRY(snp_time_s(X509_get0_notAfter(certificate), &out->not_after_s));
    if (X509_digest(certificate, EVP_sha256(), out->sha256, NULL) != 1)
        return err_crypto("the certificate cannot be hashed");
    for (int i = 0; i < X509_get_ext_count(certificate); i++)
        TRY(vek_read_extension(X509_get_ext(certificate, i), out));
    return OK;
}

struct err snp_vek_read(X509 *certificate, struct snp_vek *out)
{
    *out = (struct snp_vek){0};
    struct err outcome = vek_read_all(certificate, out);
    if (failed(outcome))
        *out = (struct snp_vek){0};
    return outcome;
}

static struct err vek_check_versions(const struct snp_vek *vek)
{
    bool is_turin = vek->struct_version == 1;
    if (!vek->has_struct_version)
        return err_make(ERR_DENIED, "structVersion is missing");
    if (vek->struct_version > 1)
        return err_make(ERR_DENIED, "structVersion %llu is unknown", (unsigned long long)vek->struct_version);
    if (vek->product_name[0] == '\0')
        return err_make(ERR_DENIED, "productName is missing");
    unsigned due = SPL_BITS_LEAST | (is_turin ? SPL_BIT(9) : 0);
    unsigned forbidden = is_turin ? SPL_BIT(4) : SPL_BIT(9);
    for (unsigned n = 1; n <= 9; n++) {
        if ((due & ~vek->spl_present & SPL_BIT(n)) != 0)
            return err_make(ERR_DENIED, "extension .3.%u is missing", n);
        if ((forbidden & vek->spl_present & SPL_BIT(n)) != 0)
            return err_make(ERR_DENIED, "extension .3.%u does not belong there", n);
    }
    return OK;
}

static struct err vek_check_vcek(const struct snp_vek *vek)
{
    size_t size = vek->struct_version == 1 ? HWID_SIZE_V1 : HWID_SIZE;
    if (vek->hwid_size == 0)
        return err_make(ERR_DENIED, "the VCEK has no HWID");
    if (vek->hwid_size != size)
        return err_make(ERR_DENIED, "the HWID has %zu bytes, not %zu", vek->hwid_size, size);
    if (vek->has_csp_id)
        return err_make(ERR_DENIED, "the VCEK has a CSP id");
    return OK;
}

static struct err vek_check_vlek(const struct snp_vek *vek)
{
    if (vek->hwid_size != 0)
        return err_make(ERR_DENIED, "the VLEK has a HWID");
    if (!vek->has_csp_id)
        return err_make(ERR_DENIED, "the VLEK has no CSP id");
    return OK;
}

struct err snp_vek_complete(const struct snp_vek *vek)
{
    TRY(vek_check_versions(vek));
    switch (vek->kind) {
    case SNP_VEK_VCEK:
        return vek_check_vcek(vek);
    case SNP_VEK_VLEK:
        return vek_check_vlek(vek);
    case SNP_VEK_UNKNOWN:
        break;
    }
    return err_make(ERR_DENIED, "the certificate is neither a VCEK nor a VLEK");
}

enum snp_tcb_layout snp_vek_tcb_layout(const struct snp_vek *vek)
{
    if (!vek->has_struct_version || vek->struct_version > 1)
        return SNP_TCB_LAYOUT_UNKNOWN;
    return vek->struct_version == 1 ? SNP_TCB_LAYOUT_TURIN : SNP_TCB_LAYOUT_MILAN;
}

struct snp_tcb snp_vek_tcb(const struct snp_vek *vek)
{
    enum snp_tcb_layout layout = snp_vek_tcb_layout(vek);
    struct snp_tcb tcb = {{0}};
    snp_tcb_set(&tcb, layout, SNP_TCB_BOOTLOADER, vek->spl[1]);
    snp_tcb_set(&tcb, layout, SNP_TCB_TEE, vek->spl[2]);
    snp_tcb_set(&tcb, layout, SNP_TCB_SNP, vek->spl[3]);
    snp_tcb_set(&tcb, layout, SNP_TCB_MICROCODE, vek->spl[8]);
    snp_tcb_set(&tcb, layout, SNP_TCB_FMC, vek->spl[9]);
    return tcb;
}

const char *snp_vek_kind_name(enum snp_vek_kind kind)
{
    switch (kind) {
    case SNP_VEK_VCEK:
        return "VCEK";
    case SNP_VEK_VLEK:
        return "VLEK";
    case SNP_VEK_UNKNOWN:
        break;
    }
    return "unknown";
}
