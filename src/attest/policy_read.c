#include "attest/policy_read.h"

#include "attest/policy_contradictions.h"
#include "attest/policy_corim.h"
#include "attest/policy_key.h"
#include "attest/policy_place.h"
#include "base/distance.h"

#include <stdio.h>
#include <string.h>

static enum policy_group find_group(const char *name)
{
    for (int group = POLICY_GROUP_NONE + 1; group < POLICY_GROUPS; group++)
        if (strcmp(policy_group_name((enum policy_group)group), name) == 0)
            return (enum policy_group)group;
    return POLICY_GROUP_NONE;
}

static const struct policy_key *find_key(enum policy_group group, const char *name)
{
    for (size_t i = 0; i < policy_key_count; i++)
        if (policy_keys[i].group == group && strcmp(policy_keys[i].name, name) == 0)
            return &policy_keys[i];
    return NULL;
}

static void consider(const char *name, const char *candidate, const char **nearest, size_t *limit)
{
    size_t distance = text_distance(name, candidate);
    if (distance < *limit) {
        *limit = distance;
        *nearest = candidate;
    }
}

/* What stands in the group under a name like it; NULL when nothing does. */
static const char *nearest_key(enum policy_group group, const char *name)
{
    const char *nearest = NULL;
    size_t limit = text_distance_limit(name);
    for (size_t i = 0; i < policy_key_count; i++)
        if (policy_keys[i].group == group)
            consider(name, policy_keys[i].name, &nearest, &limit);
    for (int i = POLICY_GROUP_NONE + 1; i < POLICY_GROUPS && group == POLICY_GROUP_NONE; i++)
        consider(name, policy_group_name((enum policy_group)i), &nearest, &limit);
    return nearest;
}

/* The one group that has such a key; NULL when none has, or several. */
static const char *group_of(const char *name)
{
    const char *found = NULL;
    for (size_t i = 0; i < policy_key_count; i++) {
        if (policy_keys[i].group == POLICY_GROUP_NONE || strcmp(policy_keys[i].name, name) != 0)
            continue;
        if (found)
            return NULL;
        found = policy_group_name(policy_keys[i].group);
    }
    return found;
}

static struct err refuse_key(const struct policy_place *place, enum policy_group group)
{
    char told[TREE_TOLD_SIZE];
    tree_tell(&(struct tree){.kind = TREE_TEXT, .text = place->node->key}, told);
    char hint[TREE_TOLD_SIZE] = "";
    const char *nearest = nearest_key(group, place->node->key);
    const char *elsewhere = group_of(place->node->key);
    if (nearest)
        snprintf(hint, sizeof hint, "; did you mean %s?", nearest);
    else if (elsewhere)
        snprintf(hint, sizeof hint, "; it belongs to %s", elsewhere);
    return err_make(ERR_INPUT, "%s:%zu: unknown key %s%s%s%s", place->path, place->node->key_line, told,
                    place->group[0] ? " in " : "", place->group, hint);
}

static struct err read_key(const char *path, enum policy_group group, const struct tree *node, struct policy *policy)
{
    const struct policy_key *key = find_key(group, node->key);
    struct policy_place place = {path, policy_group_name(group), node->key, node, key};
    return key ? key->read(&place, policy, (char *)policy + key->field) : refuse_key(&place, group);
}

static struct err read_group(const char *path, enum policy_group group, const struct tree *node, struct policy *policy)
{
    struct policy_place place = {path, "", node->key, node, NULL};
    if (node->kind != TREE_MAP)
        return policy_expect(&place, node, "a group of keys");
    for (size_t i = 0; i < node->count; i++)
        TRY(read_key(path, group, node->members[i], policy));
    return OK;
}

/* CoRIMs, once it is known whose are taken, wherever in the group that stands. */
static struct err load_corims(const struct tree *root, struct policy *policy)
{
    const struct tree *group = tree_find(root, "measurements");
    const struct tree *node = group ? tree_find(group, "corim") : NULL;
    const struct policy_place place = {policy->path, "measurements", "corim", node, NULL};
    return node ? policy_corim_load(&place, &policy->measurements) : OK;
}

/* What no single key can tell. */
static struct err check_measurements(const struct tree *root, struct policy *policy)
{
    const struct tree *group = tree_find(root, "measurements");
    policy->measurements.given = group != NULL;
    if (!group || policy->measurements.count > 0 || policy->measurements.mode == POLICY_DISABLED)
        return OK;
    return err_make(ERR_INPUT, "%s:%zu: measurements: name at least one, or set mode: disabled", policy->path,
                    group->key_line);
}

/* A mode that is not strict is the keys for it, all at once; whoever is let in is so with a warning, in every verdict.
 */
static void relax_proof(struct policy *policy)
{
    if (policy->certificates.mode == POLICY_STRICT)
        return;
    policy->certificates.verify_chain = policy->certificates.verify_signature = false;
    if (policy->certificates.mode == POLICY_DISABLED)
        policy->certificates.crl = SNP_CRL_OFF;
}

struct err policy_read(const struct tree *root, struct policy *policy)
{
    if (root->kind != TREE_MAP)
        return err_make(ERR_INPUT, "%s:%zu: expected keys and values, the first of them version", policy->path,
                        root->line);
    for (size_t i = 0; i < root->count; i++) {
        const struct tree *node = root->members[i];
        enum policy_group group = find_group(node->key);
        TRY(group != POLICY_GROUP_NONE ? read_group(policy->path, group, node, policy)
                                       : read_key(policy->path, group, node, policy));
    }
    relax_proof(policy);
    TRY(load_corims(root, policy));
    TRY(check_measurements(root, policy));
    return policy_refuse_contradictions(root, policy);
}
