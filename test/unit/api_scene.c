#include "api_scene.h"

#include "attest/cmw.h"
#include "snp/signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

char why[VOUCH_WHY_SIZE];

vouch_policy *policy_of(const char *more)
{
    char hash[2 * SNP_SPKI_SHA256_SIZE + 1], text[1024];
    uint8_t sha256[SNP_SPKI_SHA256_SIZE];
    snp_spki_sha256(forge.ark, sha256);
    hex_encode(BYTES(sha256), hash);
    int size =
        snprintf(text, sizeof text, "certificates:\n  allow_simulated: true\n  trusted_arks: ['%s']\n%s", hash, more);
    vouch_policy *policy = NULL;
    assert_int_equal(vouch_policy_parse(text, (size_t)size, "/folder/mine.yaml", &policy, why, sizeof why), VOUCH_OK);
    assert_string_equal(why, "");
    return policy;
}

void endorse(vouch_request *request, int endorsement, struct bytes der)
{
    assert_int_equal(vouch_request_set_endorsement(request, endorsement, der.p, der.n, why, sizeof why), VOUCH_OK);
}

void endorse_all(vouch_request *request, const struct forge_evidence *made)
{
    struct bytes ark = forge_der(forge.ark);
    endorse(request, VOUCH_VCEK, made->evidence.vek);
    endorse(request, VOUCH_INTERMEDIATE, made->evidence.intermediate);
    endorse(request, VOUCH_ARK, ark);
    OPENSSL_free((void *)ark.p);
}

vouch_request *right_request(void)
{
    struct forge_vek plan = forge_vcek();
    struct snp_report report = forge_report(SNP_VEK_VCEK);
    struct forge_evidence made;
    memset(report.measurement, 0x5a, sizeof report.measurement);
    memset(report.report_data, 0xda, sizeof report.report_data);
    forge_evidence(&plan, &report, &made);
    vouch_policy *policy = policy_of("");
    vouch_request *request = vouch_request_new();
    assert_int_equal(vouch_request_set_report(request, made.report, sizeof made.report, why, sizeof why), VOUCH_OK);
    endorse_all(request, &made);
    vouch_request_set_time(request, FORGE_NOW_S);
    vouch_request_set_policy(request, policy);
    vouch_policy_free(policy);
    forge_evidence_free(&made);
    return request;
}

vouch_verdict *verdict_of(const vouch_request *request)
{
    vouch_verdict *verdict = NULL;
    assert_int_equal(vouch_verify(NULL, request, &verdict, why, sizeof why), VOUCH_OK);
    assert_non_null(verdict);
    assert_string_equal(why, "");
    return verdict;
}

const char *failure_of(const vouch_request *request)
{
    vouch_verdict *verdict = verdict_of(request);
    const char *failure = "";
    for (size_t i = vouch_verdict_check_count(verdict); i-- > 0;)
        if (vouch_verdict_check_outcome(verdict, i) == VOUCH_CHECK_FAILED)
            failure = vouch_verdict_check_name(verdict, i);
    assert_int_equal(vouch_verdict_outcome(verdict) == VOUCH_DENY, *failure != '\0');
    vouch_verdict_free(verdict);
    return failure;
}
