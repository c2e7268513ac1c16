#include "attest/policy_contradictions.h"

#include "attest/nonces.h"
#include "attest/policy_key.h"
#include "attest/policy_products.h"

#include <string.h>

#define BIT(n)        (UINT64_C(1) << (n))
#define POLICY_ABI    UINT64_C(0xffff)
#define TURIN_ID_SIZE 8
#define VMPL_MAX      3 /* publication 56860: there are four levels */

/* Whether a group's demands count here: those of its mode, and of every stricter one. POLICY_STRICT: what is refused.
 * POLICY_WARN: what is at least warned of. */
static bool is_asked(const struct policy *policy, enum policy_mode weakest, enum policy_group group)
{
    return policy_group_mode(policy, group) <= weakest;
}

/* ---- bits ---- */

static bool guest_asks(const struct policy *policy, enum policy_mode weakest, bool asked)
{
    return asked && is_asked(policy, weakest, POLICY_GROUP_GUEST);
}

static bool policy_bits_clash(const struct policy *policy, enum policy_mode weakest)
{
    return guest_asks(policy, weakest, (policy->guest.policy_required & policy->guest.policy_forbidden) != 0);
}

static bool platform_bits_clash(const struct policy *policy, enum policy_mode weakest)
{
    return is_asked(policy, weakest, POLICY_GROUP_PLATFORM) &&
           (policy->platform.required & policy->platform.forbidden) != 0;
}

static bool levels_clash(const struct policy *policy, enum policy_mode weakest)
{
    const struct policy_number *least = &policy->guest.min_vmpl, *most = &policy->guest.max_vmpl;
    return guest_asks(policy, weakest, least->given && most->given && least->value > most->value);
}

static bool no_level_is_so_high(const struct policy *policy, enum policy_mode weakest)
{
    return guest_asks(policy, weakest, policy->guest.min_vmpl.given && policy->guest.min_vmpl.value > VMPL_MAX);
}

static bool debug_is_required(const struct policy *policy, enum policy_mode weakest)
{
    return guest_asks(policy, weakest, policy->guest.debug_disabled) &&
           bit_is_set(policy->guest.policy_required, SNP_POLICY_DEBUG);
}

static bool smt_is_required(const struct policy *policy, enum policy_mode weakest)
{
    return guest_asks(policy, weakest, policy->guest.smt_disabled) &&
           bit_is_set(policy->guest.policy_required, SNP_POLICY_SMT);
}

static bool smt_is_required_of_platform(const struct policy *policy, enum policy_mode weakest)
{
    return guest_asks(policy, weakest, policy->guest.smt_disabled) &&
           is_asked(policy, weakest, POLICY_GROUP_PLATFORM) && bit_is_set(policy->platform.required, SNP_PLATFORM_SMT);
}

static bool one_is_forbidden(const struct policy *policy, enum policy_mode weakest)
{
    return guest_asks(policy, weakest, bit_is_set(policy->guest.policy_forbidden, SNP_POLICY_RESERVED_ONE));
}

/* Whether POLICY has to have one of these bits set, or clear, to be what it must be exactly. */
static bool exact_sets(const struct policy *policy, enum policy_mode weakest, uint64_t bits)
{
    return guest_asks(policy, weakest, (policy->guest.policy_exact.value & bits) != 0);
}

static bool exact_clears(const struct policy *policy, enum policy_mode weakest, uint64_t bits)
{
    const struct policy_word *exact = &policy->guest.policy_exact;
    return guest_asks(policy, weakest, (exact->mask & ~exact->value & bits) != 0);
}

static bool exact_clears_required(const struct policy *policy, enum policy_mode weakest)
{
    return exact_clears(policy, weakest, policy->guest.policy_required);
}

static bool exact_sets_forbidden(const struct policy *policy, enum policy_mode weakest)
{
    return exact_sets(policy, weakest, policy->guest.policy_forbidden);
}

static bool exact_sets_debug(const struct policy *policy, enum policy_mode weakest)
{
    return policy->guest.debug_disabled && exact_sets(policy, weakest, BIT(SNP_POLICY_DEBUG));
}

static bool exact_sets_smt(const struct policy *policy, enum policy_mode weakest)
{
    return policy->guest.smt_disabled && exact_sets(policy, weakest, BIT(SNP_POLICY_SMT));
}

static bool exact_clears_one(const struct policy *policy, enum policy_mode weakest)
{
    return exact_clears(policy, weakest, BIT(SNP_POLICY_RESERVED_ONE));
}

/* The highest ABI that the exact bits leave is lower than the least. */
static bool exact_abi_is_low(const struct policy *policy, enum policy_mode weakest)
{
    const struct policy_word *exact = &policy->guest.policy_exact;
    uint64_t highest = (exact->value | ~exact->mask) & POLICY_ABI;
    return guest_asks(policy, weakest,
                      exact->given && policy->guest.min_abi.given && highest < policy->guest.min_abi.value);
}

/* ---- keys of the launch ---- */

static bool values_are_zero(const struct policy_values *values, size_t width)
{
    return values->count > 0 && bytes_are_zero(bytes_of(values->bytes, values->count * width));
}

static bool id_key_is_none(const struct policy *policy, enum policy_mode weakest)
{
    return is_asked(policy, weakest, POLICY_GROUP_LAUNCH) && policy->launch.id_key_required &&
           values_are_zero(&policy->launch.id_key_digest, 48);
}

static bool author_key_is_none(const struct policy *policy, enum policy_mode weakest)
{
    return is_asked(policy, weakest, POLICY_GROUP_LAUNCH) && policy->launch.author_key_required &&
           values_are_zero(&policy->launch.author_key_digest, 48);
}

/* ---- products ---- */

/* Every processor that there is, as a report names it. */
static const uint64_t processors[] = {BIT(SNP_PRODUCT_MILAN), BIT(SNP_PRODUCT_GENOA),
                                      BIT(POLICY_PRODUCT_SIENA) | BIT(POLICY_PRODUCT_BERGAMO), BIT(SNP_PRODUCT_TURIN)};
#define PROCESSORS (sizeof processors / sizeof processors[0])

static bool chip_lets_in(const struct policy *policy, enum policy_mode weakest, uint64_t processor)
{
    uint64_t allowed = policy->chip.products_allowed;
    if (!is_asked(policy, weakest, POLICY_GROUP_CHIP))
        return true;
    return (allowed == 0 || policy_products_cover(allowed, processor)) &&
           !policy_products_touch(policy->chip.products_denied, processor);
}

static bool no_product_is_left(const struct policy *policy, enum policy_mode weakest)
{
    for (size_t i = 0; i < PROCESSORS; i++)
        if (chip_lets_in(policy, weakest, processors[i]))
            return false;
    return true;
}

/* Whether no processor that chip lets in has all of the first so many minima. */
static bool minima_leave_none(const struct policy *policy, enum policy_mode weakest, size_t count)
{
    const struct policy_tcb *minima[] = {&policy->tcb.min_reported, &policy->tcb.min_current,
                                         &policy->tcb.min_committed, &policy->tcb.min_launch};
    if (!is_asked(policy, weakest, POLICY_GROUP_TCB) || !minima[count - 1]->given)
        return false;
    for (size_t i = 0; i < PROCESSORS; i++) {
        bool is_left = chip_lets_in(policy, weakest, processors[i]);
        for (size_t j = 0; j < count; j++)
            is_left = is_left && (!minima[j]->given || policy_products_cover(minima[j]->names, processors[i]));
        if (is_left)
            return false;
    }
    return true;
}

static bool reported_minima_leave_none(const struct policy *policy, enum policy_mode weakest)
{
    return minima_leave_none(policy, weakest, 1);
}

static bool current_minima_leave_none(const struct policy *policy, enum policy_mode weakest)
{
    return minima_leave_none(policy, weakest, 2);
}

static bool committed_minima_leave_none(const struct policy *policy, enum policy_mode weakest)
{
    return minima_leave_none(policy, weakest, 3);
}

static bool launch_minima_leave_none(const struct policy *policy, enum policy_mode weakest)
{
    return minima_leave_none(policy, weakest, 4);
}

/* ---- chips ---- */

static bool chip_is_denied(const struct policy *policy, const uint8_t *id)
{
    for (size_t i = 0; i < policy->chip.ids_denied.count; i++)
        if (memcmp(policy->chip.ids_denied.bytes + i * SNP_CHIP_ID_SIZE, id, SNP_CHIP_ID_SIZE) == 0)
            return true;
    return false;
}

/* How many chips are allowed and denied. */
static size_t chips_on_both_lists(const struct policy *policy)
{
    size_t count = 0;
    for (size_t i = 0; i < policy->chip.ids_allowed.count; i++)
        count += chip_is_denied(policy, policy->chip.ids_allowed.bytes + i * SNP_CHIP_ID_SIZE);
    return count;
}

/* Zeros stand for a chip that a report hides; it is on no list. */
static bool id_is_nobodys(const uint8_t *id)
{
    return bytes_are_zero(bytes_of(id, SNP_CHIP_ID_SIZE));
}

static bool no_allowed_chip_is_one(const struct policy *policy, enum policy_mode weakest)
{
    return is_asked(policy, weakest, POLICY_GROUP_CHIP) && values_are_zero(&policy->chip.ids_allowed, SNP_CHIP_ID_SIZE);
}

static bool no_chip_is_left(const struct policy *policy, enum policy_mode weakest)
{
    for (size_t i = 0; i < policy->chip.ids_allowed.count; i++) {
        const uint8_t *id = policy->chip.ids_allowed.bytes + i * SNP_CHIP_ID_SIZE;
        if (!id_is_nobodys(id) && !chip_is_denied(policy, id))
            return false;
    }
    return is_asked(policy, weakest, POLICY_GROUP_CHIP) && chips_on_both_lists(policy) > 0;
}

/* Turin's ids have 8 bytes, and zeros behind them. */
static bool no_chip_is_of_a_product(const struct policy *policy, enum policy_mode weakest)
{
    bool lets_turin_in = chip_lets_in(policy, weakest, BIT(SNP_PRODUCT_TURIN)), lets_others_in = false;
    for (size_t i = 0; i < PROCESSORS; i++)
        lets_others_in =
            lets_others_in || (processors[i] != BIT(SNP_PRODUCT_TURIN) && chip_lets_in(policy, weakest, processors[i]));
    for (size_t i = 0; i < policy->chip.ids_allowed.count; i++) {
        const uint8_t *id = policy->chip.ids_allowed.bytes + i * SNP_CHIP_ID_SIZE;
        bool is_turins = bytes_are_zero(bytes_of(id + TURIN_ID_SIZE, SNP_CHIP_ID_SIZE - TURIN_ID_SIZE));
        if (!id_is_nobodys(id) && (is_turins ? lets_turin_in : lets_others_in))
            return false;
    }
    return is_asked(policy, weakest, POLICY_GROUP_CHIP) && policy->chip.ids_allowed.count > 0;
}

static bool takes_only(const struct policy *policy, enum policy_mode weakest, enum snp_vek_kind kind)
{
    return is_asked(policy, weakest, POLICY_GROUP_CHIP) && policy->chip.key_kinds == BIT(kind);
}

static bool vleks_chip_is_allowed(const struct policy *policy, enum policy_mode weakest)
{
    return takes_only(policy, weakest, SNP_VEK_VLEK) && policy->chip.ids_allowed.count > 0;
}

static bool vleks_chip_is_denied(const struct policy *policy, enum policy_mode weakest)
{
    return takes_only(policy, weakest, SNP_VEK_VLEK) && policy->chip.ids_denied.count > 0;
}

static bool vceks_provider_is_asked(const struct policy *policy, enum policy_mode weakest)
{
    return takes_only(policy, weakest, SNP_VEK_VCEK) && policy->chip.csp_ids.count > 0;
}

static bool provider_and_chip_are_asked(const struct policy *policy, enum policy_mode weakest)
{
    return is_asked(policy, weakest, POLICY_GROUP_CHIP) && policy->chip.csp_ids.count > 0 &&
           policy->chip.ids_allowed.count + policy->chip.ids_denied.count > 0;
}

/* ---- formats ---- */

static bool pcrs_without_azure(const struct policy *policy, enum policy_mode weakest)
{
    return is_asked(policy, weakest, POLICY_GROUP_LAUNCH) && policy->launch.tpm_pcrs.count > 0 &&
           !policy->formats[EVIDENCE_AZURE];
}

/* Whether every format that is accepted has this in common. */
static bool every_format(const struct policy *policy, bool (*is_so)(enum evidence_format format))
{
    for (int i = EVIDENCE_NONE + 1; i < EVIDENCE_FORMATS; i++)
        if (policy->formats[i] && !is_so((enum evidence_format)i))
            return false;
    return true;
}

static bool binds_no_time(enum evidence_format format)
{
    return !evidence_format_is_ours(format);
}

static bool binds_no_key(enum evidence_format format)
{
    return !evidence_format_binds_key(format);
}

static bool carries_no_nonce(enum evidence_format format)
{
    return format == EVIDENCE_RAW;
}

static bool age_without_time(const struct policy *policy, enum policy_mode weakest)
{
    return is_asked(policy, weakest, POLICY_GROUP_EVIDENCE) && policy->evidence.max_age_us > 0 &&
           every_format(policy, binds_no_time);
}

static bool unbound_is_let_in(const struct policy *policy)
{
    return policy->certificates.allow_unbound && policy->formats[EVIDENCE_GO_EAT];
}

/* Refused in whatever mode: not what nothing can meet, but what everybody can. */
static bool unbound_without_nonce(const struct policy *policy, enum policy_mode weakest)
{
    (void)weakest;
    return unbound_is_let_in(policy) && policy->nonce.mode != POLICY_STRICT;
}

/* Where a nonce is required, its age must be known (attest/challenge.h), and that of anybody's is not. */
static bool unbound_with_any_nonce(const struct policy *policy, enum policy_mode weakest)
{
    (void)weakest;
    return unbound_is_let_in(policy) && policy->nonce.source == POLICY_NONCE_ANY && !policy->nonce.required;
}

#define ROW(group, key, stands, why)                                                                                   \
    {                                                                                                                  \
        group, key, stands, why, group "." key ": " why " (a mode is warn: who is let in is so with a warning)"        \
    }

/* The key that stands there whenever the contradiction does; what is said of it where it is refused, and where not all
 * of the groups that it takes are strict. */
static const struct contradiction {
    const char *group, *key;
    bool (*stands)(const struct policy *policy, enum policy_mode weakest);
    const char *why, *doubt;
} contradictions[] = {
    ROW("guest", "policy_forbidden", policy_bits_clash, "a bit is required, too"),
    ROW("guest", "policy_forbidden", one_is_forbidden, "reserved_one is set in every POLICY"),
    ROW("guest", "policy_required", debug_is_required,
        "debug is required, which debug_disabled (by default true) forbids"),
    ROW("guest", "policy_required", smt_is_required, "smt is required, which smt_disabled (by default true) forbids"),
    ROW("guest", "policy_exact", exact_clears_required, "a bit that policy_required asks for is to be clear"),
    ROW("guest", "policy_exact", exact_sets_forbidden, "a bit that policy_forbidden forbids is to be set"),
    ROW("guest", "policy_exact", exact_sets_debug,
        "debug is to be set, which debug_disabled (by default true) forbids"),
    ROW("guest", "policy_exact", exact_sets_smt, "smt is to be set, which smt_disabled (by default true) forbids"),
    ROW("guest", "policy_exact", exact_clears_one, "reserved_one is to be clear, and is set in every POLICY"),
    ROW("guest", "policy_exact", exact_abi_is_low, "no ABI that these bits leave reaches min_abi"),
    ROW("guest", "min_vmpl", no_level_is_so_high, "more than 3, the highest that there is, so no guest would do"),
    ROW("guest", "max_vmpl", levels_clash, "less than min_vmpl, so no guest would do"),
    ROW("platform", "forbidden", platform_bits_clash, "a bit is required, too"),
    ROW("platform", "required", smt_is_required_of_platform,
        "smt is required, which guest.smt_disabled (by default true) forbids"),
    ROW("launch", "id_key_required", id_key_is_none, "every id_key_digest is zero, which says that there is none"),
    ROW("launch", "author_key_required", author_key_is_none,
        "every author_key_digest is zero, which says that there is none"),
    ROW("launch", "tpm_pcrs", pcrs_without_azure, "only the format azure has any, and formats does not name it"),
    ROW("chip", "products_denied", no_product_is_left, "no product is left that would do"),
    ROW("chip", "chip_ids_allowed", no_allowed_chip_is_one,
        "zeros are no chip's: a report that says so hides which it is of, and is on no list"),
    ROW("chip", "chip_ids_denied", no_chip_is_left, "every chip that is allowed is denied, too"),
    ROW("chip", "chip_ids_allowed", no_chip_is_of_a_product,
        "none is the id of a product that is let in: Turin's have 8 bytes, the others' 64"),
    ROW("chip", "chip_ids_allowed", vleks_chip_is_allowed, "key_kinds takes VLEKs alone, whose reports name no chip"),
    ROW("chip", "chip_ids_denied", vleks_chip_is_denied, "key_kinds takes VLEKs alone, whose reports name no chip"),
    ROW("chip", "csp_ids", vceks_provider_is_asked, "key_kinds takes VCEKs alone, which name no provider"),
    ROW("chip", "csp_ids", provider_and_chip_are_asked,
        "VLEKs alone name a provider, and their reports name no chip, which the lists of chips ask for"),
    ROW("tcb", "min_reported", reported_minima_leave_none, "no product that chip lets in has a minimum here"),
    ROW("tcb", "min_current", current_minima_leave_none,
        "no product that chip lets in has a minimum here and in those before"),
    ROW("tcb", "min_committed", committed_minima_leave_none,
        "no product that chip lets in has a minimum here and in those before"),
    ROW("tcb", "min_launch", launch_minima_leave_none,
        "no product that chip lets in has a minimum here and in those before"),
    ROW("evidence", "max_age", age_without_time, "no format that is accepted says when evidence was made"),
    ROW("nonce", "mode", unbound_without_nonce,
        "go-eat, which allow_unbound lets in, binds nothing but its nonce: without one anybody could show it for ever"),
    ROW("nonce", "source", unbound_with_any_nonce,
        "go-eat, which allow_unbound lets in, binds nothing but its nonce: where any will do, and required is false, "
        "anybody could show it for ever"),
};
#define CONTRADICTIONS (sizeof contradictions / sizeof contradictions[0])

/* The line of a key of a group; the file's first, were it not there. */
static size_t line_of(const struct tree *root, const char *group, const char *key)
{
    const struct tree *map = tree_find(root, group);
    const struct tree *node = map ? tree_find(map, key) : NULL;
    return node ? node->line : 1;
}

struct err policy_refuse_contradictions(const struct tree *root, const struct policy *policy)
{
    for (size_t i = 0; i < CONTRADICTIONS; i++) {
        const struct contradiction *c = &contradictions[i];
        if (c->stands(policy, POLICY_STRICT))
            return err_make(ERR_INPUT, "%s:%zu: %s.%s: %s", policy->path, line_of(root, c->group, c->key), c->group,
                            c->key, c->why);
    }
    return OK;
}

/* ---- doubts ---- */

static bool no_measurement_holds(const struct policy *policy, int64_t now_s)
{
    const struct policy_measurements *measurements = &policy->measurements;
    for (size_t i = 0; i < measurements->count; i++)
        if (measurements->allowed[i].not_before_s <= now_s && now_s <= measurements->allowed[i].not_after_s)
            return false;
    return measurements->count > 0 && measurements->mode != POLICY_DISABLED;
}

static bool product_is_on_both_lists(const struct policy *policy, int64_t now_s)
{
    (void)now_s;
    return is_asked(policy, POLICY_WARN, POLICY_GROUP_CHIP) &&
           (policy->chip.products_allowed & policy->chip.products_denied) != 0;
}

static bool chip_is_on_both_lists(const struct policy *policy, int64_t now_s)
{
    (void)now_s;
    return is_asked(policy, POLICY_WARN, POLICY_GROUP_CHIP) && chips_on_both_lists(policy) > 0;
}

static bool denies_siena_or_bergamo(const struct policy *policy, int64_t now_s)
{
    (void)now_s;
    return is_asked(policy, POLICY_WARN, POLICY_GROUP_CHIP) && policy_products_are_torn(policy->chip.products_denied);
}

static bool age_of_no_list(const struct policy *policy, int64_t now_s)
{
    (void)now_s;
    return policy->certificates.crl == SNP_CRL_OFF && policy->certificates.crl_max_age_us > 0;
}

static bool simulation_without_root(const struct policy *policy, int64_t now_s)
{
    (void)now_s;
    return policy->certificates.allow_simulated && snp_arks_count(policy->certificates.trusted_arks) == 0;
}

static bool hidden_chip_is_asked(const struct policy *policy, int64_t now_s)
{
    (void)now_s;
    return policy->certificates.allow_masked_chip_id && is_asked(policy, POLICY_WARN, POLICY_GROUP_CHIP) &&
           policy->chip.ids_allowed.count + policy->chip.ids_denied.count > 0;
}

static bool nobody_can_bind(const struct policy *policy, int64_t now_s)
{
    (void)now_s;
    return !policy->certificates.allow_unbound && every_format(policy, binds_no_key);
}

static bool nonce_is_longer_than_ours(const struct policy *policy, int64_t now_s)
{
    (void)now_s;
    return is_asked(policy, POLICY_WARN, POLICY_GROUP_NONCE) && policy->nonce.source == POLICY_NONCE_SERVER &&
           policy->nonce.min_length > NONCE_SIZE;
}

static bool every_level_will_do(const struct policy *policy, int64_t now_s)
{
    (void)now_s;
    return guest_asks(policy, POLICY_WARN, policy->guest.max_vmpl.given && policy->guest.max_vmpl.value > VMPL_MAX);
}

static bool names_nobody(const struct policy_values *ids)
{
    for (size_t i = 0; i < ids->count; i++)
        if (id_is_nobodys(ids->bytes + i * SNP_CHIP_ID_SIZE))
            return true;
    return false;
}

static bool chip_is_nobodys(const struct policy *policy, int64_t now_s)
{
    (void)now_s;
    return is_asked(policy, POLICY_WARN, POLICY_GROUP_CHIP) &&
           (names_nobody(&policy->chip.ids_allowed) || names_nobody(&policy->chip.ids_denied));
}

static bool no_client_can_answer(const struct policy *policy, int64_t now_s)
{
    (void)now_s;
    return policy->nonce.mode == POLICY_STRICT && policy->nonce.required && every_format(policy, carries_no_nonce);
}

static const struct {
    bool (*stands)(const struct policy *policy, int64_t now_s);
    const char *what;
} doubts[] = {
    {no_measurement_holds, "measurements: none is in force now: each is retired or has not begun"},
    {product_is_on_both_lists, "chip.products_denied names a product that is allowed, too: it is denied"},
    {chip_is_on_both_lists, "chip.chip_ids_denied names a chip that is allowed, too: it is denied"},
    {denies_siena_or_bergamo,
     "chip.products_denied names one of siena and bergamo: a report does not tell them apart, so both are denied"},
    {hidden_chip_is_asked,
     "certificates.allow_masked_chip_id is true, and a report that hides its chip meets no list of chips"},
    {age_of_no_list, "certificates.crl_max_age is not looked at, since crl is off"},
    {simulation_without_root,
     "certificates.allow_simulated is true, and trusted_arks is empty: no simulated processor is believed"},
    {nobody_can_bind, "formats: go-eat binds no key, and certificates.allow_unbound is false: no evidence will do"},
    {no_client_can_answer, "formats: raw carries no nonce, and nonce.required is true: no client's evidence will do"},
    {nonce_is_longer_than_ours,
     "nonce.min_length is more than 32, the bytes of this server's nonces: none of them is long enough"},
    {every_level_will_do, "guest.max_vmpl is more than 3, the highest that there is: it keeps no guest out"},
    {chip_is_nobodys,
     "chip: an id of zeros is no chip's: a report that says so hides which it is of, and is on no list"},
};
#define DOUBTS (sizeof doubts / sizeof doubts[0])
_Static_assert(CONTRADICTIONS + DOUBTS <= POLICY_DOUBTS_MAX, "there is room for all");

size_t policy_doubts(const struct policy *policy, int64_t now_s, const char *out[POLICY_DOUBTS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < CONTRADICTIONS; i++) /* those that stand without any warn were refused */
        if (contradictions[i].stands(policy, POLICY_WARN))
            out[count++] = contradictions[i].doubt;
    for (size_t i = 0; i < DOUBTS; i++)
        if (doubts[i].stands(policy, now_s))
            out[count++] = doubts[i].what;
    return count;
}
