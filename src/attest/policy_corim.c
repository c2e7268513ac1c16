#include "attest/policy_corim.h"

#include "attest/corim_snp.h"
#include "attest/policy_measurements.h"
#include "attest/policy_place.h"
#include "attest/small_file.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define POLICY_CORIMS_MAX 256
#define SIGNERS_FILE_MAX  (64 * 1024)

/* Has `use` take the file that the node names. Errors name it as it stands there: beside the policy's own path another
 * long one would leave no room for the reason. */
static struct err with_file(const struct policy_place *place, const struct tree *node, size_t max,
                            struct err (*use)(void *arg, struct bytes content), void *arg)
{
    uint8_t *content = NULL;
    size_t size = 0;
    char *path = policy_beside(place, node->text);
    struct err e = small_file_read(path, max, &content, &size);
    if (!failed(e))
        e = err_within(use(arg, bytes_of(content, size)), "\"%s\"", node->text);
    free(content);
    free(path);
    return failed(e) ? policy_complain(place, node, e.why) : OK;
}

static struct err check_files(const struct policy_place *place, const char *expected)
{
    if (place->node->kind != TREE_LIST)
        return policy_expect(place, place->node, expected);
    if (place->node->count > POLICY_CORIMS_MAX)
        return policy_complain(place, place->node, "there are too many files");
    for (size_t i = 0; i < place->node->count; i++)
        if (!policy_is_text(place->node->members[i]) || place->node->members[i]->text[0] == '\0')
            return policy_expect(place, place->node->members[i], "the name of a file");
    return OK;
}

struct err read_corim(const struct policy_place *place, struct policy *policy, void *field)
{
    (void)policy;
    (void)field;
    return check_files(place, "a list of files with CoRIMs");
}

static struct err add_signers(void *arg, struct bytes content)
{
    return cose_signers_add(arg, content);
}

struct err read_corim_signers(const struct policy_place *place, struct policy *policy, void *field)
{
    (void)field;
    TRY(check_files(place, "a list of PEM files with certificates or public keys"));
    for (size_t i = 0; i < place->node->count; i++)
        TRY(with_file(place, place->node->members[i], SIGNERS_FILE_MAX, add_signers, policy->measurements.signers));
    return OK;
}

struct err read_corim_unsigned(const struct policy_place *place, struct policy *policy, void *field)
{
    bool *takes_unsigned = field;
    (void)policy;
    bool is_allowed = policy_is_text(place->node) && strcmp(place->node->text, "allow") == 0;
    if (!is_allowed && !(policy_is_text(place->node) && strcmp(place->node->text, "refuse") == 0))
        return policy_expect(place, place->node, "allow or refuse");
    *takes_unsigned = is_allowed;
    return OK;
}

/* ---- the files ---- */

/* A CoRIM that is being taken, and for how long its values hold. */
struct corim_taking {
    struct policy_measurements *measurements;
    struct corim_period period;
};

/* Both have to hold. False when they never do. */
static bool narrow(struct corim_period *period, int64_t not_before_s, int64_t not_after_s)
{
    if (period->not_before_s < not_before_s)
        period->not_before_s = not_before_s;
    if (period->not_after_s > not_after_s)
        period->not_after_s = not_after_s;
    return period->not_before_s <= period->not_after_s;
}

static struct err take_reference(void *arg, const struct corim_reference *reference)
{
    const struct corim_taking *taking = arg;
    struct policy_measurement allowed = {
        .name = (char *)reference->name,
        .not_before_s = taking->period.not_before_s,
        .not_after_s = taking->period.not_after_s,
        .guest_svn = {reference->has_svn, reference->svn},
        .guest_svn_is_minimum = reference->svn_is_minimum,
        .has_chip_id = reference->chip_id.n > 0,
    };
    memcpy(allowed.bytes, reference->measurement.p, sizeof allowed.bytes);
    if (allowed.has_chip_id)
        memcpy(allowed.chip_id, reference->chip_id.p, sizeof allowed.chip_id);
    return policy_measurements_add(taking->measurements, &allowed);
}

/* Whether somebody whom the policy names stands behind it, and when. */
static struct err check_signature(const struct corim *corim, const struct policy_measurements *measurements,
                                  struct cose_spans *spans)
{
    const struct cose_signers *signers = measurements->signers;
    *spans = (struct cose_spans){.span = {{INT64_MIN, INT64_MAX}}, .count = 1};
    if (!corim->is_signed)
        return measurements->takes_unsigned
                   ? OK
                   : err_make(ERR_DENIED, "nobody signed it, and corim_unsigned is not \"allow\"");
    if (cose_signers_count(signers) == 0)
        return err_make(ERR_DENIED, "it is signed, and corim_signers names nobody");
    return cose_signers_verify(signers, &corim->sign1, spans);
}

static struct err take_corim(void *arg, struct bytes content)
{
    struct corim corim;
    TRY(corim_parse(content, &corim));
    struct corim_taking taking = {arg, corim.period};
    struct cose_spans spans;
    bool is_taken = false;
    TRY(check_signature(&corim, taking.measurements, &spans));
    if (corim.is_signed)
        narrow(&taking.period, corim.signed_for.not_before_s, corim.signed_for.not_after_s);
    const struct corim_period period = taking.period;
    for (size_t i = 0; i < spans.count; i++) {
        taking.period = period;
        bool ever_holds = narrow(&taking.period, spans.span[i].not_before_s, spans.span[i].not_after_s);
        if (!ever_holds && (is_taken || i + 1 < spans.count)) /* one at least stands there, were it retired */
            continue;
        TRY(corim_snp_each(&corim, take_reference, &taking));
        is_taken = true;
    }
    return OK;
}

struct err policy_corim_load(const struct policy_place *place, struct policy_measurements *measurements)
{
    for (size_t i = 0; i < place->node->count; i++)
        TRY(with_file(place, place->node->members[i], CORIM_MAX, take_corim, measurements));
    return OK;
}
