#include "gate/rules.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The parts of a comma-separated list without the space around them, ended by NULL. */
static char **rules_split(const char *list)
{
    size_t count = 0;
    char **parts = NEW_ARRAY(char *, 1);
    while (*list) {
        size_t n = strcspn(list, ",");
        const char *start = list;
        list += n + (list[n] == ',');
        while (n > 0 && isspace((unsigned char)*start))
            start++, n--;
        while (n > 0 && isspace((unsigned char)start[n - 1]))
            n--;
        if (n == 0)
            continue;
        parts = mem_resize(parts, (count + 2) * sizeof *parts);
        parts[count++] = mem_string_of(bytes_of(start, n));
        parts[count] = NULL;
    }
    return parts;
}

static void rules_free_list(char **parts)
{
    for (char **part = parts; part && *part; part++)
        free(*part);
    free(parts);
}

static struct err rules_check_policy(void *arg, const char *name, size_t line)
{
    (void)line;
    const struct rules *rules = arg;
    if (!policies_find(&rules->policies, name))
        return err_make(ERR_NOT_FOUND, "section [policies] has no policy \"%s\"", name);
    return OK;
}

static struct err rules_read(struct rules *rules)
{
    const struct settings *set = &rules->config->set;
    TRY(err_within(userlist_load(set->auth_file, &rules->users), "auth_file"));
    TRY(policies_load(rules->config, &rules->policies));
    TRY(err_within(ident_load(set->auth_ident_file, &rules->ident), "auth_ident_file"));
    rules->ignored = rules_split(set->ignore_startup_parameters);
    rules->admins = rules_split(set->admin_users);
    rules->watchers = rules_split(set->stats_users);
    if (set->auth_type != AUTH_TYPE_HBA)
        return OK;
    TRY(err_within(hba_load(set->auth_hba_file, &rules->hba), "auth_hba_file"));
    TRY(hba_check_maps(rules->hba, rules->ident));
    return hba_each_policy(rules->hba, rules_check_policy, rules);
}

struct err rules_load(struct config *config, struct rules **out)
{
    struct rules *rules = NEW(struct rules);
    atomic_init(&rules->references, 1);
    rules->config = config_ref(config);
    struct err e = rules_read(rules);
    if (failed(e))
        rules_drop(rules);
    else
        *out = rules;
    return e;
}

struct rules *rules_ref(struct rules *rules)
{
    atomic_fetch_add(&rules->references, 1);
    return rules;
}

void rules_drop(struct rules *rules)
{
    if (!rules || atomic_fetch_sub(&rules->references, 1) != 1)
        return;
    userlist_free(rules->users);
    hba_free(rules->hba);
    ident_free(rules->ident);
    policies_free(&rules->policies);
    rules_free_list(rules->ignored);
    rules_free_list(rules->admins);
    rules_free_list(rules->watchers);
    config_unref(rules->config);
    free(rules);
}

bool rules_want_certificates(const struct rules *rules)
{
    const struct settings *set = &rules->config->set;
    return set->client_attest_policy[0] || set->auth_type == AUTH_TYPE_CERT ||
           set->client_tls_sslmode >= SSLMODE_VERIFY_CA || (rules->hba && hba_wants_certificates(rules->hba));
}

const struct hba_line *rules_find_line(const struct rules *rules, const struct hba_question *question)
{
    return rules->config->set.auth_type == AUTH_TYPE_HBA ? hba_find(rules->hba, question) : NULL;
}

const char *rules_attest(const struct rules *rules, const struct hba_line *line)
{
    const char *name = line && line->attest ? line->attest : rules->config->set.client_attest_policy;
    return name[0] && strcmp(name, "none") != 0 ? name : NULL;
}

static bool rules_list_has(char *const *parts, const char *name)
{
    for (; *parts; parts++)
        if (strcmp(*parts, name) == 0)
            return true;
    return false;
}

bool rules_is_admin(const struct rules *rules, const char *user)
{
    return rules_list_has(rules->admins, user);
}

bool rules_is_watcher(const struct rules *rules, const char *user)
{
    return rules_list_has(rules->watchers, user);
}

bool rules_ignores_parameter(const struct rules *rules, const char *name)
{
    for (char *const *part = rules->ignored; *part; part++)
        if (strcasecmp(*part, name) == 0)
            return true;
    return false;
}
