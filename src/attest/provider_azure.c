#include "attest/provider_azure.h"

#include "attest/azure_verify.h"
#include "attest/pace.h"
#include "attest/provider_kind.h"
#include "base/clock.h"
#include "base/mem.h"

#ifndef HAVE_TPM2

struct err provider_azure_open(const char *tpm, struct provider **out)
{
    (void)tpm;
    (void)out;
    return err_make(ERR_UNSUPPORTED, "this build has no provider azure: install libtss2-dev and configure --with-tpm2");
}

#else

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>
#include <unistd.h>

#define AZURE_DEVICE_PREFIX "device:"
#define AZURE_PIECE         512                  /* of an NV index in one command: every TPM takes so much */
#define AZURE_PATIENCE_US   (15 * US_PER_SECOND) /* until a report holds what was asked */
#define AZURE_PAUSE_US      (250 * US_PER_MS)    /* the paravisor makes no more than a report every few seconds */
#define AZURE_QUOTES        3                    /* while PCRs change under it */
#define AZURE_ALL_PCRS      ((UINT32_C(1) << TPM_PCRS) - 1)

struct azure {
    struct provider provider;
    char *tpm;
    TSS2_TCTI_CONTEXT *tcti;
    ESYS_CONTEXT *esys;
    pthread_mutex_t lock; /* guards interrupted */
    pthread_cond_t wake;
    bool interrupted;
};

static struct err azure_fail(const struct azure *azure, TSS2_RC rc, const char *what)
{
    return err_make(ERR_SYSTEM, "TPM %s: %s: %s", azure->tpm, what, Tss2_RC_Decode(rc));
}

/* A TPM's answer that the handle stands for nothing (Part 2, 6.6.3: TPM_RC_HANDLE), whichever handle of the command. */
static bool azure_is_unknown(TSS2_RC rc)
{
    return (rc & TSS2_RC_LAYER_MASK) == 0 && (rc & (TPM2_RC_FMT1 | 0x3f)) == TPM2_RC_HANDLE;
}

static TSS2_RC azure_handle(struct azure *azure, TPM2_HANDLE number, ESYS_TR *out)
{
    return Esys_TR_FromTPMPublic(azure->esys, number, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, out);
}

/* ---- the NV indexes ---- */

static struct err azure_nv_size(struct azure *azure, ESYS_TR index, size_t *out)
{
    TPM2B_NV_PUBLIC *about = NULL;
    TPM2B_NAME *name = NULL;
    TSS2_RC rc = Esys_NV_ReadPublic(azure->esys, index, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &about, &name);
    if (rc != TSS2_RC_SUCCESS)
        return azure_fail(azure, rc, "cannot look at the HCL report's index");
    *out = about->nvPublic.dataSize;
    Esys_Free(about);
    Esys_Free(name);
    return *out <= HCL_REPORT_MAX ? OK : err_make(ERR_LIMIT, "the HCL report's index has %zu bytes", *out);
}

static struct err azure_nv_read(struct azure *azure, ESYS_TR index, uint8_t out[HCL_REPORT_MAX], size_t *size)
{
    TRY(azure_nv_size(azure, index, size));
    for (size_t at = 0; at < *size;) {
        TPM2B_MAX_NV_BUFFER *piece = NULL;
        size_t wanted = *size - at < AZURE_PIECE ? *size - at : AZURE_PIECE;
        TSS2_RC rc = Esys_NV_Read(azure->esys, ESYS_TR_RH_OWNER, index, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
                                  (UINT16)wanted, (UINT16)at, &piece);
        if (rc != TSS2_RC_SUCCESS)
            return azure_fail(azure, rc, "cannot read the HCL report");
        size_t got = piece->size;
        if (got == wanted)
            memcpy(out + at, piece->buffer, got);
        Esys_Free(piece);
        if (got != wanted)
            return err_make(ERR_INPUT, "TPM %s gave %zu of %zu bytes of the HCL report", azure->tpm, got, wanted);
        at += got;
    }
    return OK;
}

/* The index for user data is the guest's to define. */
static struct err azure_define_user_data(struct azure *azure, ESYS_TR *out)
{
    TPM2B_AUTH none = {.size = 0};
    TPM2B_NV_PUBLIC about = {.nvPublic = {.nvIndex = HCL_NV_USER_DATA,
                                          .nameAlg = TPM2_ALG_SHA256,
                                          .attributes = TPMA_NV_OWNERWRITE | TPMA_NV_OWNERREAD,
                                          .dataSize = HCL_USER_DATA_SIZE}};
    TSS2_RC rc = Esys_NV_DefineSpace(azure->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &none,
                                     &about, out);
    return rc == TSS2_RC_SUCCESS ? OK : azure_fail(azure, rc, "cannot define the index for user data");
}

static struct err azure_write_user_data(struct azure *azure, const uint8_t value[SNP_REPORT_DATA_SIZE])
{
    ESYS_TR index = ESYS_TR_NONE;
    TPM2B_MAX_NV_BUFFER data = {.size = HCL_USER_DATA_SIZE};
    memcpy(data.buffer, value, HCL_USER_DATA_SIZE);
    TSS2_RC rc = azure_handle(azure, HCL_NV_USER_DATA, &index);
    if (azure_is_unknown(rc))
        TRY(azure_define_user_data(azure, &index));
    else if (rc != TSS2_RC_SUCCESS)
        return azure_fail(azure, rc, "cannot look at the index for user data");
    rc = Esys_NV_Write(azure->esys, ESYS_TR_RH_OWNER, index, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &data, 0);
    Esys_TR_Close(azure->esys, &index);
    return rc == TSS2_RC_SUCCESS ? OK : azure_fail(azure, rc, "cannot write user data");
}

/* ---- the report ---- */

static struct err azure_wait(struct azure *azure)
{
    int64_t until_us = clock_monotonic_us() + AZURE_PAUSE_US;
    struct timespec until = {.tv_sec = until_us / US_PER_SECOND, .tv_nsec = until_us % US_PER_SECOND * 1000};
    pthread_mutex_lock(&azure->lock);
    while (!azure->interrupted && clock_monotonic_us() < until_us)
        pthread_cond_timedwait(&azure->wake, &azure->lock, &until);
    bool interrupted = azure->interrupted;
    pthread_mutex_unlock(&azure->lock);
    return interrupted ? err_make(ERR_NOT_NOW, "the wait for the HCL report was interrupted") : OK;
}

/* Whether the report is the one over `value`. The paravisor may replace it between two pieces: then its parts do not
 * fit, and it is read again. */
static bool azure_is_over(const struct hcl_report *hcl, const uint8_t value[SNP_REPORT_DATA_SIZE])
{
    struct snp_report report;
    struct hcl_claims claims;
    if (failed(snp_report_parse(hcl->report, &report)) || failed(hcl_claims_check(hcl->claims, report.report_data)) ||
        failed(hcl_claims_parse(hcl->claims, &claims)))
        return false;
    return !claims.has_user_data || bytes_equal(BYTES(claims.user_data), bytes_of(value, SNP_REPORT_DATA_SIZE));
}

/* What was read: bytes, and views of them. */
struct azure_reading {
    uint8_t bytes[HCL_REPORT_MAX];
    struct hcl_report hcl;
};

/* How long the paravisor takes is documented nowhere, so the index is read until it holds what was asked. */
static struct err azure_read_report(struct azure *azure, ESYS_TR index, const uint8_t value[SNP_REPORT_DATA_SIZE],
                                    struct azure_reading *out)
{
    int64_t until_us = clock_monotonic_us() + AZURE_PATIENCE_US;
    size_t size = 0;
    for (;;) {
        TRY(azure_nv_read(azure, index, out->bytes, &size));
        TRY(hcl_report_parse(bytes_of(out->bytes, size), &out->hcl));
        if (azure_is_over(&out->hcl, value))
            return OK;
        if (clock_monotonic_us() >= until_us)
            return err_make(ERR_NOT_NOW,
                            "the paravisor gave no report over the user data that were written: does somebody else "
                            "write to NV index 0x%08x?",
                            HCL_NV_USER_DATA);
        TRY(azure_wait(azure));
    }
}

/* ---- the quote ---- */

static TPML_PCR_SELECTION azure_selection(uint32_t pcrs)
{
    TPML_PCR_SELECTION selection = {.count = 1};
    selection.pcrSelections[0].hash = TPM2_ALG_SHA256;
    selection.pcrSelections[0].sizeofSelect = TPM_PCRS / 8;
    for (unsigned i = 0; i < TPM_PCRS / 8; i++)
        selection.pcrSelections[0].pcrSelect[i] = (BYTE)(pcrs >> 8 * i);
    return selection;
}

static uint32_t azure_selected(const TPML_PCR_SELECTION *selection)
{
    uint32_t pcrs = 0;
    const TPMS_PCR_SELECTION *bank = &selection->pcrSelections[0];
    for (unsigned i = 0; selection->count == 1 && i < TPM_PCRS / 8 && i < bank->sizeofSelect; i++)
        pcrs |= (uint32_t)bank->pcrSelect[i] << 8 * i;
    return pcrs;
}

/* A TPM gives up to eight values at once, the lowest first, and says of which PCRs. */
static struct err azure_read_pcrs(struct azure *azure, struct writer *out)
{
    for (uint32_t left = AZURE_ALL_PCRS; left != 0;) {
        TPML_PCR_SELECTION wanted = azure_selection(left), *given = NULL;
        TPML_DIGEST *values = NULL;
        UINT32 generation;
        TSS2_RC rc =
            Esys_PCR_Read(azure->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &wanted, &generation, &given, &values);
        if (rc != TSS2_RC_SUCCESS)
            return azure_fail(azure, rc, "cannot read PCRs");
        uint32_t read = azure_selected(given) & left;
        for (UINT32 i = 0; i < values->count; i++)
            writer_put(out, bytes_of(values->digests[i].buffer, values->digests[i].size));
        Esys_Free(given);
        Esys_Free(values);
        if (read == 0)
            return err_make(ERR_INPUT, "TPM %s has no PCRs of the SHA-256 bank", azure->tpm);
        left &= ~read;
    }
    return writer_finish(out, "the values of the PCRs");
}

/* On the heap, wherever the TPM put them. */
struct azure_quote {
    TPM2B_ATTEST *attest;
    TPMT_SIGNATURE *made;
    uint8_t signature[TPM_SIGNATURE_MAX];
    size_t signature_size;
    uint8_t pcrs[TPM_PCRS * TPM_PCR_SIZE];
    size_t pcrs_size;
};

static void azure_quote_release(struct azure_quote *quote)
{
    Esys_Free(quote->attest);
    Esys_Free(quote->made);
    *quote = (struct azure_quote){0};
}

static struct bytes azure_quote_bytes(const struct azure_quote *quote)
{
    return bytes_of(quote->attest->attestationData, quote->attest->size);
}

static struct err azure_take_quote(struct azure *azure, ESYS_TR key, const uint8_t value[SNP_REPORT_DATA_SIZE],
                                   struct azure_quote *out)
{
    TPM2B_DATA over = {.size = EVIDENCE_AZURE_QUALIFY_SIZE};
    TPMT_SIG_SCHEME signing = {.scheme = TPM2_ALG_RSASSA, .details = {.rsassa = {.hashAlg = TPM2_ALG_SHA256}}};
    TPML_PCR_SELECTION pcrs = azure_selection(AZURE_ALL_PCRS);
    struct writer values = writer_over(out->pcrs, sizeof out->pcrs);
    TRY(evidence_azure_qualify(value, over.buffer));
    TSS2_RC rc = Esys_Quote(azure->esys, key, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &over, &signing, &pcrs,
                            &out->attest, &out->made);
    if (rc != TSS2_RC_SUCCESS)
        return azure_fail(azure, rc, "no quote by the attestation key");
    rc = Tss2_MU_TPMT_SIGNATURE_Marshal(out->made, out->signature, sizeof out->signature, &out->signature_size);
    if (rc != TSS2_RC_SUCCESS)
        return azure_fail(azure, rc, "the quote's signature cannot be written");
    TRY(azure_read_pcrs(azure, &values));
    out->pcrs_size = values.used;
    return OK;
}

/* PCRs may be extended between the quote and the reading of their values: then both are taken again. */
static struct err azure_quote(struct azure *azure, ESYS_TR key, const uint8_t value[SNP_REPORT_DATA_SIZE],
                              struct azure_quote *out)
{
    struct err outcome = OK;
    for (int i = 0; i < AZURE_QUOTES; i++) {
        struct tpm_quote quote;
        azure_quote_release(out);
        TRY(azure_take_quote(azure, key, value, out));
        TRY(tpm_quote_parse(azure_quote_bytes(out), &quote));
        outcome = tpm_quote_check_pcrs(&quote, bytes_of(out->pcrs, out->pcrs_size));
        if (outcome.code != ERR_DENIED)
            break;
    }
    return outcome;
}

/* ---- the provider ---- */

static struct err azure_write_record(const struct azure_reading *reading, const struct azure_quote *quote,
                                     struct provider_report *out)
{
    struct writer w = writer_growing(EVIDENCE_AZURE_MAX);
    struct evidence_azure record = {.claims = reading->hcl.claims,
                                    .quote = azure_quote_bytes(quote),
                                    .signature = bytes_of(quote->signature, quote->signature_size),
                                    .pcrs = bytes_of(quote->pcrs, quote->pcrs_size)};
    evidence_azure_write(&record, &w);
    struct err outcome = writer_finish(&w, "the azure record");
    if (!failed(outcome)) {
        memcpy(out->report, reading->hcl.report.p, SNP_REPORT_SIZE);
        out->azure = mem_copy(writer_bytes(&w));
        out->azure_size = w.used;
    }
    writer_free(&w);
    return outcome;
}

static struct err azure_make_report(struct azure *azure, ESYS_TR index, ESYS_TR key, const uint8_t *value,
                                    struct provider_report *out)
{
    struct azure_reading reading;
    struct azure_quote quote = {0};
    TRY(azure_write_user_data(azure, value));
    TRY(azure_read_report(azure, index, value, &reading));
    struct err outcome = azure_quote(azure, key, value, &quote);
    if (!failed(outcome))
        outcome = azure_write_record(&reading, &quote, out);
    azure_quote_release(&quote);
    return outcome;
}

static struct err azure_report(struct provider *provider, const uint8_t report_data[SNP_REPORT_DATA_SIZE],
                               struct provider_report *out)
{
    struct azure *azure = (struct azure *)provider;
    ESYS_TR index = ESYS_TR_NONE, key = ESYS_TR_NONE;
    TSS2_RC rc = azure_handle(azure, HCL_NV_REPORT, &index);
    if (rc != TSS2_RC_SUCCESS)
        return azure_fail(azure, rc, "cannot find the HCL report");
    rc = azure_handle(azure, HCL_ATTESTATION_KEY, &key);
    struct err outcome = rc == TSS2_RC_SUCCESS ? azure_make_report(azure, index, key, report_data, out)
                                               : azure_fail(azure, rc, "cannot find the attestation key");
    if (key != ESYS_TR_NONE)
        Esys_TR_Close(azure->esys, &key);
    Esys_TR_Close(azure->esys, &index);
    return outcome;
}

static void azure_interrupt(struct provider *provider)
{
    struct azure *azure = (struct azure *)provider;
    pthread_mutex_lock(&azure->lock);
    azure->interrupted = true;
    pthread_cond_broadcast(&azure->wake);
    pthread_mutex_unlock(&azure->lock);
}

static void azure_free(struct provider *provider)
{
    struct azure *azure = (struct azure *)provider;
    Esys_Finalize(&azure->esys);
    Tss2_TctiLdr_Finalize(&azure->tcti);
    pthread_cond_destroy(&azure->wake);
    pthread_mutex_destroy(&azure->lock);
    free(azure->tpm);
    free(azure);
}

/* The wait for the paravisor is no throttling: only what the TPM itself takes beyond it is. */
static const struct provider_kind azure_kind = {.name = "azure",
                                                .azure = true,
                                                .throttled_us = AZURE_PATIENCE_US + PACE_THROTTLED_US,
                                                .report = azure_report,
                                                .interrupt = azure_interrupt,
                                                .free = azure_free};

/* To a process that may not use it, a TPM is as good as none: whether it is an Azure one it cannot tell. */
static struct err azure_connect(struct azure *azure)
{
    size_t prefix = sizeof AZURE_DEVICE_PREFIX - 1;
    if (strncmp(azure->tpm, AZURE_DEVICE_PREFIX, prefix) == 0 && access(azure->tpm + prefix, R_OK | W_OK) != 0)
        return err_make(ERR_NOT_FOUND, "TPM %s: %s", azure->tpm, strerror(errno));
    TSS2_RC rc = Tss2_TctiLdr_Initialize(azure->tpm, &azure->tcti);
    if (rc == TSS2_RC_SUCCESS)
        rc = Esys_Initialize(&azure->esys, azure->tcti, NULL);
    if (rc != TSS2_RC_SUCCESS)
        return err_make(ERR_NOT_FOUND, "TPM %s cannot be opened: %s", azure->tpm, Tss2_RC_Decode(rc));
    return OK;
}

static struct err azure_look(struct azure *azure)
{
    ESYS_TR index = ESYS_TR_NONE;
    TSS2_RC rc = azure_handle(azure, HCL_NV_REPORT, &index);
    if (azure_is_unknown(rc))
        return err_make(ERR_NOT_FOUND,
                        "TPM %s holds no report (NV index 0x%08x): this is no Azure confidential virtual machine",
                        azure->tpm, HCL_NV_REPORT);
    if (rc != TSS2_RC_SUCCESS)
        return azure_fail(azure, rc, "cannot find the HCL report");
    Esys_TR_Close(azure->esys, &index);
    return OK;
}

struct err provider_azure_open(const char *tpm, struct provider **out)
{
    struct azure *azure = NEW(struct azure);
    pthread_condattr_t monotonic;
    azure->provider.kind = &azure_kind;
    azure->tpm = mem_string(tpm);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&azure->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&azure->lock, NULL);
    setenv("TSS2_LOG", "all+NONE", 0); /* it would write to standard error what we say in our own words */
    struct err outcome = azure_connect(azure);
    if (!failed(outcome))
        outcome = azure_look(azure);
    if (failed(outcome))
        azure_free(&azure->provider);
    else
        *out = &azure->provider;
    return outcome;
}

#endif
