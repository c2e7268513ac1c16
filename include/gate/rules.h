/*
 * rules.h: everything that decides about a login, read from the files that a configuration names: users, HBA lines,
 * ident maps, attestation policies. Immutable and counted, like the configuration it was made with. Any thread.
 */
#ifndef GATE_RULES_H
#define GATE_RULES_H

#include "attest/policy.h"
#include "config/config.h"
#include "gate/hba.h"
#include "gate/userlist.h"

#include <stdatomic.h>

struct rules {
    _Atomic unsigned references;
    struct config *config;
    struct userlist *users;
    struct hba *hba;     /* NULL unless auth_type = hba */
    struct ident *ident; /* as hba */
    struct policies policies;
    char **ignored;  /* ignore_startup_parameters, ended by NULL */
    char **admins;   /* admin_users, ended by NULL */
    char **watchers; /* stats_users, ended by NULL */
};

/* Reads and checks all files; takes a reference of the configuration. Errors name FILE:LINE. Main thread. */
struct err rules_load(struct config *config, struct rules **out) MUST_CHECK;
struct rules *rules_ref(struct rules *rules);
void rules_drop(struct rules *rules); /* NULL does nothing */

/* Whether any rule could need a client's certificate: then the TLS handshake asks for one. */
bool rules_want_certificates(const struct rules *rules);

/* The line of auth_hba_file that decides; NULL where none does, or auth_type is another than hba. */
const struct hba_line *rules_find_line(const struct rules *rules, const struct hba_question *question);
/* The policy that evidence must meet of those for whom `line` (NULL: none) decides; NULL where none is asked. */
const char *rules_attest(const struct rules *rules, const struct hba_line *line);

bool rules_is_admin(const struct rules *rules, const char *user);
bool rules_is_watcher(const struct rules *rules, const char *user);
bool rules_ignores_parameter(const struct rules *rules, const char *name);

#endif
