#include "attest/corim_snp.h"

#include "attest/corim_comid.h"
#include "attest/printable.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define SHA384_ALGORITHM 7 /* IANA "Named Information Hash Algorithm" */

/* The numberings of the profile, by the URIs that stand for them. */
struct snp_dialect {
    const char *profile;
    uint64_t measurement_key;
    uint64_t svn_key;
    const struct snp_key_name *names;
};

struct snp_key_name {
    uint64_t key;
    const char *name;
};

/* By where the field stands in the report, more or less. */
static const struct snp_key_name names_2024[] = {
    {0, "VERSION"},
    {1, "GUEST_SVN"},
    {2, "POLICY"},
    {3, "FAMILY_ID"},
    {4, "IMAGE_ID"},
    {5, "VMPL"},
    {6, "CURRENT_TCB"},
    {7, "PLATFORM_INFO"},
    {640, "REPORT_DATA"},
    {641, "MEASUREMENT"},
    {642, "HOST_DATA"},
    {643, "ID_KEY_DIGEST"},
    {644, "AUTHOR_KEY_DIGEST"},
    {645, "REPORT_ID"},
    {646, "REPORT_ID_MA"},
    {647, "REPORTED_TCB"},
    {3328, "CHIP_ID"},
    {3329, "COMMITTED_TCB"},
    {3330, "CURRENT version"},
    {3936, "COMMITTED version"},
    {3968, "LAUNCH_TCB"},
    {0, NULL},
};

static const struct snp_key_name names_later[] = {
    {0, "guest"},
    {1, "ABI of POLICY"},
    {2, "VMPL"},
    {3, "REPORT_ID"},
    {4, "REPORT_ID_MA"},
    {5, "ID_KEY_DIGEST"},
    {6, "AUTHOR_KEY_DIGEST"},
    {7, "REPORTED_TCB"},
    {8, "CURRENT host"},
    {9, "COMMITTED host"},
    {10, "LAUNCH_TCB"},
    {0, NULL},
};

static const struct snp_dialect dialects[] = {
    {"tag:amd.com,2024:snp-corim-profile", 641, 1, names_2024},
    {"tag:amd.com,2025:snp-corim-profile", 0, 0, names_later},
    {"http://amd.com/please-permalink-me", 0, 0, names_later},
};

static const struct snp_dialect *dialect_find(struct bytes profile)
{
    for (size_t i = 0; i < sizeof dialects / sizeof dialects[0]; i++)
        if (bytes_equal(profile, bytes_of_string(dialects[i].profile)))
            return &dialects[i];
    return NULL;
}

const char *corim_snp_key_name(struct bytes profile, uint64_t key)
{
    const struct snp_dialect *dialect = dialect_find(profile);
    for (const struct snp_key_name *name = dialect ? dialect->names : NULL; name && name->name; name++)
        if (name->key == key)
            return name->name;
    return NULL;
}

/* What has been read so far, and whom it goes to. */
struct snp_walk {
    const struct snp_dialect *dialect;
    const char *name; /* of the CoMID */
    size_t count;
    corim_taker *take;
    void *arg;
};

/* ---- environments ---- */

/* class-id of a report's environment: 1.3.6.1.4.1.3704.3.1, .2.1 (by chip) and .2.2 (by provider), and the UUIDs that
 * the draft has for the latter. */
static bool environment_is_snp(const struct corim_environment *environment)
{
    static const struct corim_identifier known[] = {
        {CORIM_TAG_OID, {(const uint8_t *)"\x2b\x06\x01\x04\x01\x9c\x78\x03\x01", 9}},
        {CORIM_TAG_OID, {(const uint8_t *)"\x2b\x06\x01\x04\x01\x9c\x78\x02\x01", 9}},
        {CORIM_TAG_OID, {(const uint8_t *)"\x2b\x06\x01\x04\x01\x9c\x78\x02\x02", 9}},
        {CORIM_TAG_UUID, {(const uint8_t *)"\xd0\x5e\x6d\x1b\x9f\x46\x4a\xe2\xa6\x10\xce\x3e\x6e\xe7\xe1\x53", 16}},
        {CORIM_TAG_UUID, {(const uint8_t *)"\x89\xa7\xa1\xf0\xe7\x04\x4f\xaa\xac\xbd\x81\xc8\x6d\xf8\xa9\x61", 16}},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (environment->class_id.tag == known[i].tag && bytes_equal(environment->class_id.value, known[i].value))
            return true;
    return false;
}

/* An environment that says more than we can hold a report against must not count for more reports than was meant. */
static struct err environment_check(const struct corim_environment *environment)
{
    if (environment->class_id.tag == 0)
        return err_make(ERR_INPUT, "the environment of a reference value has no class-id");
    if (!environment_is_snp(environment))
        return err_make(ERR_UNSUPPORTED, "the environment of a reference value is not of a SEV-SNP report's class");
    if (environment->vendor.n > 0 || environment->model.n > 0 || environment->has_more_class)
        return err_make(ERR_INPUT, "the class of a reference value's environment says more than its class-id");
    if (environment->has_group)
        return err_make(ERR_UNSUPPORTED, "the environment of a reference value names a group");
    return OK;
}

/* The instance is the chip; or, as one endorser writes it, the measurement once more. */
static struct err environment_take_instance(const struct corim_environment *environment,
                                            struct corim_reference *reference)
{
    const struct corim_identifier *instance = &environment->instance;
    if (instance->tag == 0)
        return OK;
    if (instance->tag == CORIM_TAG_BYTES && instance->value.n == SNP_CHIP_ID_SIZE)
        reference->chip_id = instance->value;
    else if (instance->tag != CORIM_TAG_BYTES || !bytes_equal(instance->value, reference->measurement))
        return err_make(ERR_UNSUPPORTED, "the instance of a reference value is neither a chip nor its measurement");
    return OK;
}

/* ---- measurements ---- */

/* The one digest by SHA-384. */
static struct err snp_read_digest(struct corim_list digests, struct bytes *out)
{
    struct corim_digest digest;
    bool found = false;
    *out = BYTES_NONE;
    for (;;) {
        TRY(corim_next_digest(&digests, &digest, &found));
        if (!found)
            break;
        if (digest.algorithm != SHA384_ALGORITHM)
            continue;
        if (digest.value.n != SNP_MEASUREMENT_SIZE)
            return err_make(ERR_INPUT, "a measurement by SHA-384 has %zu bytes, not %d", digest.value.n,
                            SNP_MEASUREMENT_SIZE);
        if (out->n > 0)
            return err_make(ERR_INPUT, "a measurement has two digests by SHA-384");
        *out = digest.value;
    }
    return out->n > 0 ? OK : err_make(ERR_INPUT, "a measurement has no digest by SHA-384");
}

static struct err snp_check_key(const struct corim_measurement *measurement)
{
    switch (measurement->key_kind) {
    case CORIM_KEY_NUMBER:
        return OK;
    case CORIM_KEY_NONE:
        return err_make(ERR_INPUT, "a reference value has no measurement key");
    case CORIM_KEY_OTHER:
        break;
    }
    return err_make(ERR_INPUT, "a reference value has a measurement key that is not a number");
}

static void snp_take_svn(const struct corim_measurement *measurement, struct corim_reference *reference)
{
    reference->has_svn = measurement->has_svn;
    reference->svn_is_minimum = measurement->svn_is_minimum;
    reference->svn = measurement->svn;
}

/* The guest's svn where it has a key of its own; all keys are looked at first, whatever their order. */
static struct err snp_find_svn(const struct snp_walk *walk, struct corim_list measurements,
                               struct corim_reference *reference)
{
    struct corim_measurement measurement;
    bool found = false;
    for (;;) {
        TRY(corim_next_measurement(&measurements, &measurement, &found));
        if (!found)
            return OK;
        TRY(snp_check_key(&measurement));
        if (measurement.key != walk->dialect->svn_key || !measurement.has_svn)
            continue;
        if (reference->has_svn && walk->dialect->svn_key != walk->dialect->measurement_key)
            return err_make(ERR_INPUT, "a reference value has two GUEST_SVN");
        snp_take_svn(&measurement, reference);
    }
}

static struct err snp_take_measurement(struct snp_walk *walk, const struct corim_environment *environment,
                                       const struct corim_measurement *measurement, struct corim_reference *reference)
{
    /* They belong together: a guest of that digest without the rest is not the one that was meant. */
    if (measurement->has_more)
        return err_make(ERR_UNSUPPORTED, "a launch measurement stands beside values that are not its digest or SVN");
    TRY(snp_read_digest(measurement->digests, &reference->measurement));
    if (walk->dialect->svn_key == walk->dialect->measurement_key)
        snp_take_svn(measurement, reference);
    TRY(environment_take_instance(environment, reference));
    walk->count++;
    return walk->take(walk->arg, reference);
}

static struct err snp_walk_reference(struct snp_walk *walk, const struct corim_environment *environment,
                                     struct corim_list measurements)
{
    struct corim_reference reference = {.name = walk->name};
    struct corim_measurement measurement;
    bool found = false;
    TRY(environment_check(environment));
    TRY(snp_find_svn(walk, measurements, &reference));
    for (;;) {
        TRY(corim_next_measurement(&measurements, &measurement, &found));
        if (!found)
            return OK;
        /* Under the key 0 of the later numbering may stand a guest's other values alone. */
        bool is_measurement = measurement.key == walk->dialect->measurement_key;
        if (is_measurement &&
            (measurement.digests.left > 0 || walk->dialect->measurement_key != walk->dialect->svn_key))
            TRY(snp_take_measurement(walk, environment, &measurement, &reference));
    }
}

/* ---- CoMIDs ---- */

/* Keys are never taken from a CoRIM: roots are pinned, or named by the policy. One that names them badly is not
 * believed in other things either. */
static struct err snp_check_keys(struct corim_list keys)
{
    struct corim_environment environment;
    uint64_t count = 0;
    bool found = false;
    for (;;) {
        TRY(corim_next_key(&keys, &environment, &count, &found));
        if (!found)
            return OK;
        if (environment.vendor.n == 0)
            return err_make(ERR_INPUT, "the environment of a trust anchor names no vendor");
        if (environment.model.n == 0)
            return err_make(ERR_INPUT, "the environment of a trust anchor names no model");
    }
}

static struct err snp_walk_comid(struct snp_walk *walk, const struct corim_comid *comid)
{
    struct corim_list references = comid->references, measurements;
    struct corim_environment environment;
    bool found = false;
    walk->name = comid->id;
    TRY(snp_check_keys(comid->keys));
    for (;;) {
        TRY(corim_next_reference(&references, &environment, &measurements, &found));
        if (!found)
            return OK;
        TRY(snp_walk_reference(walk, &environment, measurements));
    }
}

static struct err snp_refuse_profile(struct bytes profile)
{
    if (profile.n == 0)
        return err_make(ERR_UNSUPPORTED, "the CoRIM names no profile, so it is not known to be about SEV-SNP");
    char *text = mem_string_of(profile), *shown = printable_text(text, CORIM_NAME_SIZE);
    struct err why = err_make(ERR_UNSUPPORTED, "the CoRIM is of the profile \"%s\", not of SEV-SNP's", shown);
    free(shown);
    free(text);
    return why;
}

struct err corim_snp_each(const struct corim *corim, corim_taker *take, void *arg)
{
    struct snp_walk walk = {.dialect = dialect_find(corim->profile), .take = take, .arg = arg};
    struct corim_list tags = corim->tags;
    struct corim_comid comid;
    bool found = false;
    if (!walk.dialect)
        return snp_refuse_profile(corim->profile);
    for (;;) {
        TRY(corim_next_comid(&tags, &comid, &found));
        if (!found)
            break;
        TRY(err_within(snp_walk_comid(&walk, &comid), "CoMID %s", comid.id));
    }
    return walk.count > 0 ? OK : err_make(ERR_INPUT, "the CoRIM has no reference value for a launch measurement");
}
