#include "attest/veks.h"

#include "base/mem.h"
#include "snp/vek.h"

#include <stdlib.h>
#include <string.h>

struct veks_entry {
    struct snp_vek facts;
    uint8_t *bytes;
    size_t size;
};

struct veks {
    struct veks_entry *entries;
    size_t count;
};

struct veks *veks_new(void)
{
    return NEW(struct veks);
}

void veks_free(struct veks *veks)
{
    if (!veks)
        return;
    for (size_t i = 0; i < veks->count; i++)
        free(veks->entries[i].bytes);
    free(veks->entries);
    free(veks);
}

struct err veks_add(struct veks *veks, struct bytes der_or_pem)
{
    struct veks_entry entry = {.size = der_or_pem.n};
    X509 *certificate = NULL;
    if (veks->count >= VEKS_MAX)
        return err_make(ERR_LIMIT, "there are more than %d certificates", VEKS_MAX);
    TRY(snp_certificate_parse(der_or_pem, &certificate));
    struct err outcome = snp_vek_read(certificate, &entry.facts);
    X509_free(certificate);
    TRY(outcome);
    TRY(snp_vek_complete(&entry.facts));
    entry.bytes = NEW_ARRAY(uint8_t, der_or_pem.n);
    memcpy(entry.bytes, der_or_pem.p, der_or_pem.n);
    veks->entries = mem_resize(veks->entries, (veks->count + 1) * sizeof entry);
    veks->entries[veks->count++] = entry;
    return OK;
}

size_t veks_count(const struct veks *veks)
{
    return veks->count;
}

static bool veks_fits(const struct snp_vek *vek, const struct snp_report *report)
{
    if (!snp_tcb_equal(snp_vek_tcb(vek), report->reported_tcb))
        return false;
    switch (snp_report_signing_key(report)) {
    case SNP_SIGNING_KEY_VCEK:
        return vek->kind == SNP_VEK_VCEK && memcmp(vek->hwid, report->chip_id, vek->hwid_size) == 0;
    case SNP_SIGNING_KEY_VLEK:
        return vek->kind == SNP_VEK_VLEK;
    case SNP_SIGNING_KEY_NONE:
        break;
    }
    return false;
}

struct bytes veks_find(const struct veks *veks, const struct snp_report *report)
{
    for (size_t i = 0; i < veks->count; i++)
        if (veks_fits(&veks->entries[i].facts, report))
            return bytes_of(veks->entries[i].bytes, veks->entries[i].size);
    return BYTES_NONE;
}
