/*
 * policy.h: what a verifier demands: a YAML file, read whole, strict where it says nothing.
 *
 * Unknown keys, keys that stand twice and values of the wrong type are errors with FILE:LINE. Immutable and counted
 * once read; any thread.
 */
#ifndef ATTEST_POLICY_H
#define ATTEST_POLICY_H

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

struct policy {
    _Atomic unsigned references;
    char *name;
    char *path;
    char *version; /* of the file: `version`, as it stands there; "" when it does not say */
    uint8_t sha256[32];
    int64_t loaded_at_us; /* wall clock */
    struct {
        enum policy_mode mode;
        uint8_t (*allowed)[SNP_MEASUREMENT_SIZE]; /* `expected` and `allow_list` together */
        size_t count;                             /* at least one, unless the mode is disabled or nothing is given */
        bool given;                               /* false: the file has no group, and nothing is asked */
    } measurements;
    struct {
        enum policy_mode mode;
        bool has_min_version;
        struct snp_firmware_version min_version; /* of the committed firmware */
        bool has_min_platform_version;
        uint64_t min_platform_version; /* of CURRENT_TCB read as an integer */
    } tcb;
    struct {
        enum policy_mode mode;
        bool debug_disabled;    /* default true, also without the group */
        bool smt_disabled;      /* the same; machines with SMT on need `false` */
        uint32_t min_guest_svn; /* default 0: not asked */
    } guest;
    struct {                             /* for clients' evidence */
        bool required;                   /* default true */
        int64_t max_age_us;              /* default 5 minutes */
        size_t min_length;               /* default 16, at most 64 */
        enum policy_nonce_source source; /* default server */
    } nonce;
    struct {
        bool verify_chain;     /* default true */
        bool verify_signature; /* default true; false is a warning in every verdict */
        struct snp_arks *trusted_arks;
        struct veks *veks;         /* for evidence that comes without */
        bool allow_simulated;      /* default false */
        bool allow_unbound;        /* default false; a report that binds no key then warns */
        bool allow_cached;         /* default true */
        int64_t cache_duration_us; /* default an hour */
    } certificates;
    bool formats[EVIDENCE_FORMATS]; /* default: cmw alone */
};

/* `name` is what HBA lines and errors call it. Files that trusted_arks names are read too, relative to the policy's
 * folder; 64 hexadecimal digits there are the SHA-256 of a root's SubjectPublicKeyInfo. A group `measurements` that
 * lists none, and is not disabled, is an error. policy_load logs a warning for what a policy leaves open: no
 * measurements at all, verify_chain or verify_signature false, allow_unbound true. The caller owns one reference. */
struct err policy_load(const char *name, const char *path, struct policy **out) MUST_CHECK;
struct err policy_parse(const char *name, const char *path, struct bytes text, struct policy **out) MUST_CHECK;
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
