/* Manifests of reference values: everything in them is walked over, as `vouch show` and a policy do; nobody's signature
 * holds who is not named. Signers' PEM, too. */
#include "fuzz.h"

#include "attest/corim_comid.h"
#include "attest/corim_snp.h"
#include "attest/cose_signers.h"

#include <string.h>

/* Of RFC 7517 appendix A.1; the seeds are signed by another key. */
static const char signer[] = "-----BEGIN PUBLIC KEY-----\n"
                             "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEMKBCTNIcKUSDii11ySs3526iDZ8A\n"
                             "iTo7Tu6KPAqv7D7gS2XpJFbZiItSs3m9+9Ue6GnvHw/GW2ZZaVtszggXIw==\n"
                             "-----END PUBLIC KEY-----\n";

static void walk_measurements(struct corim_list measurements)
{
    struct corim_measurement measurement;
    struct corim_digest digest;
    bool found = true;
    while (!failed(corim_next_measurement(&measurements, &measurement, &found)) && found) {
        bool another = true;
        MUST_HOLD(measurement.values.n > 0);
        while (!failed(corim_next_digest(&measurement.digests, &digest, &another)) && another)
            continue;
    }
}

static void walk_comid(struct corim_comid *comid)
{
    struct corim_environment environment;
    struct corim_list measurements;
    uint64_t count = 0;
    bool found = true;
    MUST_HOLD(comid->id[0] != '\0' && strlen(comid->id) < CORIM_NAME_SIZE);
    while (!failed(corim_next_reference(&comid->references, &environment, &measurements, &found)) && found)
        walk_measurements(measurements);
    found = true;
    while (!failed(corim_next_key(&comid->keys, &environment, &count, &found)) && found)
        MUST_HOLD(count > 0);
}

static struct err take(void *arg, const struct corim_reference *reference)
{
    size_t *count = arg;
    MUST_HOLD(reference->name[0] != '\0' && reference->measurement.n == SNP_MEASUREMENT_SIZE);
    MUST_HOLD(reference->chip_id.n == 0 || reference->chip_id.n == SNP_CHIP_ID_SIZE);
    ++*count;
    return OK;
}

static void walk_corim(const struct corim *corim, const struct cose_signers *signers)
{
    struct corim_list tags = corim->tags;
    struct corim_comid comid;
    struct cose_spans spans;
    size_t count = 0;
    bool found = true;
    MUST_HOLD(corim->period.not_before_s <= corim->period.not_after_s);
    while (!failed(corim_next_comid(&tags, &comid, &found)) && found)
        walk_comid(&comid);
    if (!failed(corim_snp_each(corim, take, &count)))
        MUST_HOLD(count > 0);
    if (corim->is_signed)
        MUST_HOLD(failed(cose_signers_verify(signers, &corim->sign1, &spans)));
}

static void take_pem(struct bytes pem)
{
    struct cose_signers *signers = cose_signers_new();
    if (!failed(cose_signers_add(signers, pem)))
        MUST_HOLD(cose_signers_count(signers) > 0);
    cose_signers_free(signers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cose_signers *signers; /* made once: reading a key takes far longer than a manifest */
    struct bytes input = bytes_of(data, size);
    struct corim corim;
    if (!signers) {
        signers = cose_signers_new();
        MUST_HOLD(!failed(cose_signers_add(signers, bytes_of(signer, sizeof signer - 1))));
    }
    if (!failed(corim_parse(input, &corim))) {
        MUST_HOLD(corim_is_likely(input));
        walk_corim(&corim, signers);
    } else if (size > 0 && data[0] == '-') {
        take_pem(input);
    }
    return 0;
}
