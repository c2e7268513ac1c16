/*
 * policy.h: what a verifier demands: a YAML file, read whole, strict where it says nothing.
 *
 * Unknown keys, keys that stand twice and values of the wrong type are errors with FILE:LINE. Immutable and counted
 * once read; any thread.
 */
#ifndef ATTEST_POLICY_H
#define ATTEST_POLICY_H

#include "attest/cose_signers.h"
#include "attest/evidence_format.h"
#include "attest/veks.h"
#include "config/config.h"
#include "snp/verify.h"

#include <stdatomic.h>

#define POLICY_FILE_MAX (1024 * 1024)

enum policy_mode { POLICY_STRICT = 0, POLICY_WARN, POLICY_DISABLED };
/* "strict", "warn", "disabled". */
const char *policy_mode_name(enum policy_mode mode);

enum policy_nonce_source {
    POLICY_NONCE_SERVER = 0, /* only nonces that this server gave out */
    POLICY_NONCE_ANY,
};

/* platform.unknown_bits: what becomes of bits of PLATFORM_INFO that this program has no name for. `allow` is the
 * default: firmware sets new bits with every generation (bit 6 on genuine Turin, before it had a name), they tell of
 * features, and a policy that nobody changed must not lock clients out on the day of a firmware update. */
enum policy_unknown_bits { POLICY_UNKNOWN_ALLOW = 0, POLICY_UNKNOWN_WARN, POLICY_UNKNOWN_DENY };

/* What keys of the file demand. `given` is false, and a list empty, where the key does not stand. */
struct policy_number {
    bool given;
    uint64_t value;
};
struct policy_firmware {
    bool given;
    struct snp_firmware_version version;
};
struct policy_word {
    bool given;
    uint64_t mask, value; /* the bits of `mask` are those of `value` */
};
struct policy_values {
    uint8_t *bytes; /* each as wide as the report's field */
    size_t count;
};
struct policy_texts {
    char **texts;
    size_t count;
};
/* What PCRs of a TPM may hold: of a number that stands there, one of its values. */
struct policy_pcr {
    unsigned number;
    uint8_t value[32]; /* of the SHA-256 bank */
};
struct policy_pcrs {
    struct policy_pcr *allowed;
    size_t count;
};
/* Products as policies name them: those of enum snp_product, and two of Genoa's line (attest/policy_products.h). */
enum policy_product { POLICY_PRODUCT_SIENA = SNP_PRODUCT_COUNT, POLICY_PRODUCT_BERGAMO, POLICY_PRODUCT_COUNT };
/* A minimum for each product: every component is at least that of `least`, in the product's layout. */
struct policy_tcb {
    bool given;
    uint64_t names; /* bits of products that have one; the others do not meet the demand */
    struct snp_tcb least[POLICY_PRODUCT_COUNT];
};
struct policy_measurement {
    uint8_t bytes[SNP_MEASUREMENT_SIZE];
    char *name;           /* of its set, or tag-id of its CoMID; "" of `expected` and `allow_list` */
    int64_t not_before_s; /* since 1970; INT64_MIN where the file says nothing */
    int64_t not_after_s;  /* INT64_MAX where the file says nothing */
    /* Of a CoRIM's: what has to hold with it. */
    struct policy_number guest_svn; /* exactly, or at least */
    bool guest_svn_is_minimum;
    bool has_chip_id;
    uint8_t chip_id[SNP_CHIP_ID_SIZE];
};
struct policy_measurements {
    enum policy_mode mode;
    struct policy_measurement *allowed; /* `expected`, `allow_list`, `sets` and `corim` together */
    size_t count;                       /* at least one, unless the mode is disabled or nothing is given */
    bool given;                         /* false: the file has no group, and nothing is asked */
    struct cose_signers *signers;       /* whose CoRIMs are taken */
    bool takes_unsigned;                /* CoRIMs that nobody signed, too; default false */
};

struct policy {
    _Atomic unsigned references;
    char *name;
    char *path;
    char *version; /* of the file: `version`, as it stands there; "" when it does not say */
    uint8_t sha256[32];
    int64_t loaded_at_us; /* wall clock */
    uint64_t number;      /* of this process: no two that were read are the same, were they of one file */
    bool keeps_sessions;  /* on_policy_change: sessions that this policy would not let in stay; default false */
    struct policy_measurements measurements;
    struct {
        enum policy_mode mode;
        struct policy_firmware min_version; /* of the committed firmware */
        struct policy_firmware min_current_version;
        struct policy_number min_build; /* of the committed firmware */
        struct policy_number min_current_build;
        struct policy_number min_platform_version; /* of CURRENT_TCB read as an integer */
        struct policy_tcb min_reported, min_current, min_committed, min_launch;
        bool provisional_forbidden;  /* current firmware must be the committed one; default false */
        uint64_t launch_mitigations; /* bits that must be set; default none */
        uint64_t current_mitigations;
    } tcb;
    struct {
        enum policy_mode mode;
        bool debug_disabled;                /* default true, also without the group */
        bool smt_disabled;                  /* the same; machines with SMT on need `false` */
        struct policy_number min_guest_svn; /* 0: not asked */
        uint64_t policy_required;           /* bits of POLICY */
        uint64_t policy_forbidden;
        struct policy_word policy_exact;
        struct policy_number min_abi; /* major << 8 | minor */
        struct policy_number min_vmpl, max_vmpl;
    } guest;
    struct {
        enum policy_mode mode;
        uint64_t required; /* bits of PLATFORM_INFO */
        uint64_t forbidden;
        enum policy_unknown_bits unknown_bits;
    } platform;
    struct { /* what was given when the guest was launched */
        enum policy_mode mode;
        struct policy_values host_data, family_id, image_id, report_id, id_key_digest, author_key_digest;
        bool id_key_required, author_key_required; /* default false */
        struct policy_pcrs tpm_pcrs;               /* of evidence whose TPM quotes them */
    } launch;
    struct { /* products and kinds are bits, by enum policy_product and enum snp_vek_kind */
        enum policy_mode mode;
        uint64_t products_allowed, products_denied;
        struct policy_values ids_allowed, ids_denied;
        struct policy_texts csp_ids;
        uint64_t key_kinds;
    } chip;
    struct {
        enum policy_mode mode;
        int64_t max_age_us; /* since issued_at, of clients and servers; 0: not asked */
    } evidence;
    struct {                             /* for clients' evidence */
        enum policy_mode mode;           /* what is bound to what is no part of it: see attest/challenge.h */
        bool required;                   /* default true */
        int64_t max_age_us;              /* default 5 minutes */
        size_t min_length;               /* default 16, at most 64 */
        enum policy_nonce_source source; /* default server */
    } nonce;
    struct {
        enum policy_mode mode; /* of proof itself; what it relaxes is relaxed below, too */
        bool verify_chain;     /* default true */
        bool verify_signature; /* default true; false is a warning in every verdict */
        struct snp_arks *trusted_arks;
        struct veks *veks;         /* for evidence that comes without */
        enum snp_crl_mode crl;     /* default if-available */
        int64_t crl_max_age_us;    /* 0: a list is good until its next update */
        bool allow_masked_chip_id; /* default false */
        bool allow_simulated;      /* default false */
        bool allow_unbound;        /* default false; a report that binds no key then warns */
        bool allow_cached;         /* default true */
        int64_t cache_duration_us; /* default an hour */
    } certificates;
    bool formats[EVIDENCE_FORMATS]; /* default: cmw alone */
};

/* `name` is what HBA lines and errors call it. Files that trusted_arks, veks, corim and corim_signers name are read
 * too, relative to the policy's folder; 64 hexadecimal digits there are the SHA-256 of a root's SubjectPublicKeyInfo. A
 * group `measurements` that lists none, and is not disabled, is an error. policy_load logs a warning for each of
 * policy_gaps. The caller owns one reference. */
struct err policy_load(const char *name, const char *path, struct policy **out) MUST_CHECK;
struct err policy_load_quietly(const char *name, const char *path, struct policy **out) MUST_CHECK; /* logs nothing */
struct err policy_parse(const char *name, const char *path, struct bytes text, struct policy **out) MUST_CHECK;
/* What a policy leaves open: no measurements at all, verify_chain or verify_signature false, allow_unbound true,
 * CoRIMs that nobody signed; and, as of now, the doubts of attest/policy_contradictions.h. One constant sentence each;
 * how many there are. */
#define POLICY_GAPS_MAX 56
size_t policy_gaps(const struct policy *policy, const char *out[POLICY_GAPS_MAX]);
/* The one in force where none is given: every default. */
struct policy *policy_default(void);
struct policy *policy_ref(struct policy *policy);
void policy_drop(struct policy *policy); /* NULL does nothing */

/* All of [policies], by name. */
struct policies {
    struct policy **policy;
    size_t count;
};
/* All or nothing: on failure *out is empty, and the error names the policy. */
struct err policies_load(const struct config *config, struct policies *out) MUST_CHECK;
void policies_free(struct policies *policies);
/* Borrowed; NULL when there is none of that name. */
struct policy *policies_find(const struct policies *policies, const char *name);
/* The longest nonce.max_age of all; 0 without any. */
int64_t policies_nonce_max_age_us(const struct policies *policies);

#endif
