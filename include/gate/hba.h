/*
 * hba.h: who may come from where to which database, and how it must prove itself: auth_hba_file and auth_ident_file.
 *
 * The dialect of pg_hba.conf that PgBouncer documents: local, host, hostssl and hostnossl lines; databases and users by
 * name, `all`, `sameuser`, `replication` (which no session that is served matches) and @file; addresses with prefix
 * length or mask, or `all`; methods trust, reject, password, md5, scram-sha-256, cert and peer; options map=NAME and
 * attest=NAME (a policy that the client's evidence must meet, or `none`). The first line that matches decides; where
 * none does, the answer is no. Once parsed a file is immutable; any thread may ask.
 */
#ifndef GATE_HBA_H
#define GATE_HBA_H

#include "base/bytes.h"
#include "base/connector.h"
#include "config/enums.h"

struct hba;
struct ident;

struct hba_line {
    enum auth_type method;
    const char *map;    /* NULL: none */
    const char *attest; /* NULL: not said; "none": no evidence asked */
    size_t line;
};

/* A connection that asks. */
struct hba_question {
    const struct address *peer;
    bool is_unix;
    bool is_tls;
    const char *database;
    const char *user;
};

/* Errors name FILE:LINE. */
struct err hba_load(const char *path, struct hba **out) MUST_CHECK;
struct err hba_parse(const char *path, struct bytes text, struct hba **out) MUST_CHECK;
void hba_free(struct hba *hba);

/* The first line that matches; NULL when none does. */
const struct hba_line *hba_find(const struct hba *hba, const struct hba_question *question);

/* Whether any line demands evidence, or a certificate: then one must be asked for in the TLS handshake. */
bool hba_wants_certificates(const struct hba *hba);
/* Calls `each` with every policy name that lines use, for the check that they exist. */
struct err hba_each_policy(const struct hba *hba, struct err (*each)(void *arg, const char *name, size_t line),
                           void *arg) MUST_CHECK;
/* Whether every map that lines name stands in the ident file. The error names the line. */
struct err hba_check_maps(const struct hba *hba, const struct ident *ident) MUST_CHECK;

/* auth_ident_file: lines `map system-user database-user`; `all` as database user means any. "" gives an empty one. */
struct err ident_load(const char *path, struct ident **out) MUST_CHECK;
struct err ident_parse(const char *path, struct bytes text, struct ident **out) MUST_CHECK;
void ident_free(struct ident *ident);
bool ident_has_map(const struct ident *ident, const char *map);
/* Whether the map lets `system_user` be `user`. */
bool ident_allows(const struct ident *ident, const char *map, const char *system_user, const char *user);

#endif
