#include "attest/demand.h"
#include "attest/judge.h"
#include "attest/policy_corim.h"
#include "attest/policy_lists.h"
#include "attest/policy_measurements.h"
#include "attest/policy_products.h"
#include "attest/policy_scalars.h"

#include <stddef.h>

const struct snp_bit policy_key_kind_words[] = {
    {SNP_VEK_VCEK, "vcek"},
    {SNP_VEK_VLEK, "vlek"},
    {0, NULL},
};

#define FIELD(member)          offsetof(struct policy, member)
#define NO_DEMAND              NULL, NULL, NULL, 0, 0, NULL
#define OF_FACTS(member)       offsetof(struct snp_facts, member), sizeof(((struct snp_facts *)0)->member)
#define FACT(member)           OF_FACTS(member), NULL
#define FACT_IN(words, member) OF_FACTS(member), words

#define TOP                    POLICY_GROUP_NONE
#define MEASUREMENTS           POLICY_GROUP_MEASUREMENTS
#define TCB                    POLICY_GROUP_TCB
#define GUEST                  POLICY_GROUP_GUEST
#define PLATFORM               POLICY_GROUP_PLATFORM
#define LAUNCH                 POLICY_GROUP_LAUNCH
#define CHIP                   POLICY_GROUP_CHIP
#define EVIDENCE               POLICY_GROUP_EVIDENCE
#define NONCE                  POLICY_GROUP_NONCE
#define CERTIFICATES           POLICY_GROUP_CERTIFICATES

const struct policy_key policy_keys[] = {
    {TOP, "version", read_version, 0, NO_DEMAND},
    {TOP, "formats", read_formats, 0, NO_DEMAND},
    {TOP, "on_policy_change", read_change, FIELD(keeps_sessions), NO_DEMAND},

    {MEASUREMENTS, "expected", read_expected, FIELD(measurements), JUDGE_CHECK_MEASUREMENT, &demand_measurement,
     "launch measurement", FACT(report.measurement)},
    {MEASUREMENTS, "allow_list", read_allow_list, FIELD(measurements), NO_DEMAND},
    {MEASUREMENTS, "sets", read_sets, FIELD(measurements), NO_DEMAND},
    {MEASUREMENTS, "corim", read_corim, 0, NO_DEMAND},
    {MEASUREMENTS, "corim_signers", read_corim_signers, 0, NO_DEMAND},
    {MEASUREMENTS, "corim_unsigned", read_corim_unsigned, FIELD(measurements.takes_unsigned), NO_DEMAND},
    {MEASUREMENTS, "mode", read_mode, FIELD(measurements.mode), NO_DEMAND},

    {TCB, "min_version", read_firmware, FIELD(tcb.min_version), JUDGE_CHECK_MIN_VERSION, &demand_firmware,
     "committed firmware", FACT(report.committed)},
    {TCB, "min_current_version", read_firmware, FIELD(tcb.min_current_version), JUDGE_CHECK_MIN_CURRENT_VERSION,
     &demand_firmware, "current firmware", FACT(report.current)},
    {TCB, "min_build", read_whole, FIELD(tcb.min_build), JUDGE_CHECK_MIN_BUILD, &demand_at_least,
     "build of the committed firmware", FACT(report.committed.build)},
    {TCB, "min_current_build", read_whole, FIELD(tcb.min_current_build), JUDGE_CHECK_MIN_CURRENT_BUILD,
     &demand_at_least, "build of the current firmware", FACT(report.current.build)},
    {TCB, "min_platform_version", read_whole, FIELD(tcb.min_platform_version), JUDGE_CHECK_PLATFORM_VERSION,
     &demand_platform, "CURRENT_TCB as one number", FACT(report.current_tcb)},
    {TCB, "min_reported", read_tcb, FIELD(tcb.min_reported), JUDGE_CHECK_MIN_REPORTED, &demand_tcb, "REPORTED_TCB",
     FACT(report.reported_tcb)},
    {TCB, "min_current", read_tcb, FIELD(tcb.min_current), JUDGE_CHECK_MIN_CURRENT, &demand_tcb, "CURRENT_TCB",
     FACT(report.current_tcb)},
    {TCB, "min_committed", read_tcb, FIELD(tcb.min_committed), JUDGE_CHECK_MIN_COMMITTED, &demand_tcb, "COMMITTED_TCB",
     FACT(report.committed_tcb)},
    {TCB, "min_launch", read_tcb, FIELD(tcb.min_launch), JUDGE_CHECK_MIN_LAUNCH, &demand_tcb, "LAUNCH_TCB",
     FACT(report.launch_tcb)},
    {TCB, "allow_provisional", read_negated, FIELD(tcb.provisional_forbidden), JUDGE_CHECK_PROVISIONAL,
     &demand_committed, "current firmware", 0, 0, NULL},
    {TCB, "launch_mitigations", read_mask, FIELD(tcb.launch_mitigations), JUDGE_CHECK_LAUNCH_MITIGATIONS,
     &demand_mitigations, "mitigations at launch", FACT(report.launch_mit_vector)},
    {TCB, "current_mitigations", read_mask, FIELD(tcb.current_mitigations), JUDGE_CHECK_CURRENT_MITIGATIONS,
     &demand_mitigations, "mitigations now", FACT(report.current_mit_vector)},
    {TCB, "mode", read_mode, FIELD(tcb.mode), NO_DEMAND},

    {GUEST, "debug_disabled", read_bool, FIELD(guest.debug_disabled), JUDGE_CHECK_DEBUG, &demand_no_debug, "debugging",
     FACT(report.policy)},
    {GUEST, "smt_disabled", read_bool, FIELD(guest.smt_disabled), JUDGE_CHECK_SMT, &demand_no_smt, "SMT",
     FACT(report.policy)},
    {GUEST, "min_guest_svn", read_whole, FIELD(guest.min_guest_svn), JUDGE_CHECK_GUEST_SVN, &demand_at_least,
     "guest's security version number", FACT(report.guest_svn)},
    {GUEST, "policy_required", read_words, FIELD(guest.policy_required), JUDGE_CHECK_POLICY_REQUIRED, &demand_bits_set,
     "bits of POLICY", FACT_IN(snp_policy_bits, report.policy)},
    {GUEST, "policy_forbidden", read_words, FIELD(guest.policy_forbidden), JUDGE_CHECK_POLICY_FORBIDDEN,
     &demand_bits_clear, "bits of POLICY", FACT_IN(snp_policy_bits, report.policy)},
    {GUEST, "policy_exact", read_exact, FIELD(guest.policy_exact), JUDGE_CHECK_POLICY_EXACT, &demand_bits_exact,
     "POLICY", FACT(report.policy)},
    {GUEST, "min_abi", read_abi, FIELD(guest.min_abi), JUDGE_CHECK_MIN_ABI, &demand_abi, "minimum of the ABI in POLICY",
     FACT(report.policy)},
    {GUEST, "min_vmpl", read_whole, FIELD(guest.min_vmpl), JUDGE_CHECK_MIN_VMPL, &demand_at_least, "VMPL",
     FACT(report.vmpl)},
    {GUEST, "max_vmpl", read_whole, FIELD(guest.max_vmpl), JUDGE_CHECK_MAX_VMPL, &demand_at_most, "VMPL",
     FACT(report.vmpl)},
    {GUEST, "mode", read_mode, FIELD(guest.mode), NO_DEMAND},

    {PLATFORM, "required", read_words, FIELD(platform.required), JUDGE_CHECK_PLATFORM_REQUIRED, &demand_bits_set,
     "bits of PLATFORM_INFO", FACT_IN(snp_platform_bits, report.platform_info)},
    {PLATFORM, "forbidden", read_words, FIELD(platform.forbidden), JUDGE_CHECK_PLATFORM_FORBIDDEN, &demand_bits_clear,
     "bits of PLATFORM_INFO", FACT_IN(snp_platform_bits, report.platform_info)},
    {PLATFORM, "unknown_bits", read_unknown_bits, FIELD(platform.unknown_bits), JUDGE_CHECK_PLATFORM_UNKNOWN,
     &demand_bits_unknown, "bits of PLATFORM_INFO", FACT(report.platform_info)},
    {PLATFORM, "mode", read_mode, FIELD(platform.mode), NO_DEMAND},

    {LAUNCH, "host_data", read_values, FIELD(launch.host_data), JUDGE_CHECK_HOST_DATA, &demand_any_of, "HOST_DATA",
     FACT(report.host_data)},
    {LAUNCH, "family_id", read_values, FIELD(launch.family_id), JUDGE_CHECK_FAMILY_ID, &demand_any_of, "FAMILY_ID",
     FACT(report.family_id)},
    {LAUNCH, "image_id", read_values, FIELD(launch.image_id), JUDGE_CHECK_IMAGE_ID, &demand_any_of, "IMAGE_ID",
     FACT(report.image_id)},
    {LAUNCH, "report_id", read_values, FIELD(launch.report_id), JUDGE_CHECK_REPORT_ID, &demand_any_of, "REPORT_ID",
     FACT(report.report_id)},
    {LAUNCH, "id_key_digest", read_values, FIELD(launch.id_key_digest), JUDGE_CHECK_ID_KEY, &demand_any_of,
     "digest of the ID key", FACT(report.id_key_digest)},
    {LAUNCH, "author_key_digest", read_values, FIELD(launch.author_key_digest), JUDGE_CHECK_AUTHOR_KEY, &demand_any_of,
     "digest of the author key", FACT(report.author_key_digest)},
    {LAUNCH, "id_key_required", read_bool, FIELD(launch.id_key_required), JUDGE_CHECK_ID_KEY_REQUIRED, &demand_present,
     "ID key", FACT(report.id_key_digest)},
    {LAUNCH, "author_key_required", read_bool, FIELD(launch.author_key_required), JUDGE_CHECK_AUTHOR_KEY_REQUIRED,
     &demand_author, "author key", FACT(report.author_key_digest)},
    {LAUNCH, "tpm_pcrs", read_pcrs, FIELD(launch.tpm_pcrs), JUDGE_CHECK_PCRS, &demand_pcrs, "PCRs that a TPM quotes", 0,
     0, NULL},
    {LAUNCH, "mode", read_mode, FIELD(launch.mode), NO_DEMAND},

    {CHIP, "products_allowed", read_products, FIELD(chip.products_allowed), JUDGE_CHECK_PRODUCT_ALLOWED,
     &demand_product_in, "product", FACT_IN(policy_product_words, product)},
    {CHIP, "products_denied", read_words, FIELD(chip.products_denied), JUDGE_CHECK_PRODUCT_DENIED, &demand_product_out,
     "product", FACT_IN(policy_product_words, product)},
    {CHIP, "chip_ids_allowed", read_chips, FIELD(chip.ids_allowed), JUDGE_CHECK_CHIP_ALLOWED, &demand_chip_any_of,
     "CHIP_ID", FACT(report.chip_id)},
    {CHIP, "chip_ids_denied", read_chips, FIELD(chip.ids_denied), JUDGE_CHECK_CHIP_DENIED, &demand_chip_none_of,
     "CHIP_ID", FACT(report.chip_id)},
    {CHIP, "csp_ids", read_texts, FIELD(chip.csp_ids), JUDGE_CHECK_CSP_ALLOWED, &demand_csp, "cloud provider", 0, 0,
     NULL},
    {CHIP, "key_kinds", read_words, FIELD(chip.key_kinds), JUDGE_CHECK_KEY_KIND_ALLOWED, &demand_key_kind,
     "key that signs the report", 0, 0, policy_key_kind_words},
    {CHIP, "mode", read_mode, FIELD(chip.mode), NO_DEMAND},

    {EVIDENCE, "max_age", read_age, FIELD(evidence.max_age_us), JUDGE_CHECK_EVIDENCE_AGE, &demand_age,
     "age of the evidence by its own clock", 0, 0, NULL},
    {EVIDENCE, "mode", read_mode, FIELD(evidence.mode), NO_DEMAND},

    {NONCE, "required", read_bool, FIELD(nonce.required), NO_DEMAND},
    {NONCE, "max_age", read_age, FIELD(nonce.max_age_us), NO_DEMAND},
    {NONCE, "min_length", read_length, FIELD(nonce.min_length), NO_DEMAND},
    {NONCE, "source", read_source, FIELD(nonce.source), NO_DEMAND},
    {NONCE, "mode", read_mode, FIELD(nonce.mode), NO_DEMAND},

    {CERTIFICATES, "verify_chain", read_bool, FIELD(certificates.verify_chain), NO_DEMAND},
    {CERTIFICATES, "verify_signature", read_bool, FIELD(certificates.verify_signature), NO_DEMAND},
    {CERTIFICATES, "trusted_arks", read_arks, 0, NO_DEMAND},
    {CERTIFICATES, "crl", read_crl, FIELD(certificates.crl), NO_DEMAND},
    {CERTIFICATES, "crl_max_age", read_age, FIELD(certificates.crl_max_age_us), NO_DEMAND},
    {CERTIFICATES, "allow_masked_chip_id", read_bool, FIELD(certificates.allow_masked_chip_id), NO_DEMAND},
    {CERTIFICATES, "allow_simulated", read_bool, FIELD(certificates.allow_simulated), NO_DEMAND},
    {CERTIFICATES, "allow_unbound", read_bool, FIELD(certificates.allow_unbound), NO_DEMAND},
    {CERTIFICATES, "veks", read_veks, 0, NO_DEMAND},
    {CERTIFICATES, "allow_cached", read_bool, FIELD(certificates.allow_cached), NO_DEMAND},
    {CERTIFICATES, "cache_duration", read_duration, FIELD(certificates.cache_duration_us), NO_DEMAND},
    {CERTIFICATES, "mode", read_mode, FIELD(certificates.mode), NO_DEMAND},
};

const size_t policy_key_count = sizeof policy_keys / sizeof policy_keys[0];

const char *policy_group_name(enum policy_group group)
{
    static const char *const names[POLICY_GROUPS] = {
        [TOP] = "",
        [MEASUREMENTS] = "measurements",
        [TCB] = "tcb",
        [GUEST] = "guest",
        [PLATFORM] = "platform",
        [LAUNCH] = "launch",
        [CHIP] = "chip",
        [EVIDENCE] = "evidence",
        [NONCE] = "nonce",
        [CERTIFICATES] = "certificates",
    };
    return names[group];
}

enum policy_mode policy_group_mode(const struct policy *policy, enum policy_group group)
{
    switch (group) {
    case POLICY_GROUP_MEASUREMENTS:
        return policy->measurements.mode;
    case POLICY_GROUP_TCB:
        return policy->tcb.mode;
    case POLICY_GROUP_GUEST:
        return policy->guest.mode;
    case POLICY_GROUP_PLATFORM:
        return policy->platform.mode;
    case POLICY_GROUP_LAUNCH:
        return policy->launch.mode;
    case POLICY_GROUP_CHIP:
        return policy->chip.mode;
    case POLICY_GROUP_EVIDENCE:
        return policy->evidence.mode;
    case POLICY_GROUP_NONCE:
        return policy->nonce.mode;
    case POLICY_GROUP_NONE:
    case POLICY_GROUP_CERTIFICATES:
    case POLICY_GROUPS:
        break;
    }
    return POLICY_STRICT;
}
