/* manual_text.c: what the manual says beyond the tables, and how it names types. */
#include "app/manual.h"
#include "base/mem.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

static const struct manual_paragraph file_text[] = {
    {NULL,
     "The file has sections, `[databases]`, `[users]`, `[policies]`, `[peers]` and `[pgvouch]`, and in them lines "
     "`name = value`. Section `[pgbouncer]` is another name of `[pgvouch]`, so that a pgbouncer.ini can stay as it "
     "is. A section may come several times; of a setting that stands twice the last line counts."},
    {NULL,
     "Lines that begin with `;` or `#` are comments; behind a value these characters mean nothing. A name of other "
     "characters than letters, digits and `_ . -` stands in double quotes. `%include FILE` reads another file "
     "in its place. An unknown section or setting is an error, which names file and line."},
    {NULL, "RELOAD on the console and the signal HUP read the file again. A file with an error changes nothing. "
           "Settings that need a restart keep their value, and the log says so."},
    {0},
};

static const struct manual_paragraph values_text[] = {
    {NULL, "A *switch* is `1` or `0`, also `on`, `off`, `yes`, `no`, `true`, `false`."},
    {NULL, "A *duration* is a number of seconds, which may have a fraction, or a number followed by `us`, `ms`, `s`, "
           "`min` (or `m`), `h` or `d`."},
    {NULL, "A *size* is a number of bytes, or one followed by `kB`, `MB` or `GB`."},
    {NULL, "*Bits* are a number, which may be hexadecimal: `0x20000`."},
    {0},
};

const struct manual_chapter manual_before[] = {{"The file", file_text}, {"Values", values_text}, {0}};

static const struct manual_paragraph databases_text[] = {
    {NULL,
     "One line for each database that clients may ask for: its name, and a connection string of `key=value` pairs "
     "separated by blanks. A value with blanks stands in single quotes. The name `*` stands for all databases "
     "that no line names. `pgvouch` and `pgbouncer` are the console and cannot stand here."},
    {"ini", "[databases]\n"
            "app = host=10.0.0.5 port=5432 dbname=app\n"
            "reports = host=10.0.0.6,10.0.0.7 pool_mode=session pool_size=5\n"
            "* = host=/run/postgresql"},
    {0},
};

static const struct manual_paragraph users_text[] = {
    {NULL, "Settings for a user, in the same form. They count before those of the database and of section "
           "`[pgvouch]`."},
    {"ini", "[users]\nnightly = pool_mode=session query_timeout=1h"},
    {0},
};

static const struct manual_paragraph policies_text[] = {
    {NULL,
     "One line for each policy by which evidence is judged: its name, and its file. HBA lines (`attest=NAME`) and "
     "`client_attest_policy` use the name. The keys of the file are in attestation.md."},
    {"ini", "[policies]\nstrict = /etc/pgvouch/policy.yaml"},
    {0},
};

static const struct manual_paragraph peers_text[] = {
    {NULL,
     "Other pgvouch processes, by `peer_id`, to which cancel requests are to be forwarded. The section is read and "
     "shown by SHOW PEERS; this version forwards nothing yet. A process with several threads needs no peers."},
    {0},
};

const struct manual_section manual_sections[] = {
    {"[databases]", databases_text, &entry_database},
    {"[users]", users_text, &entry_user},
    {"[policies]", policies_text, NULL},
    {"[peers]", peers_text, &entry_peer},
    {0},
};

static const struct manual_paragraph userlist_text[] = {
    {NULL, "`auth_file` has a line for each user: name and secret in double quotes, a double quote in them twice. A "
           "secret is a password, an MD5 hash (`md5` and 32 digits) or a SCRAM secret, as PostgreSQL has them in "
           "pg_authid. Lines that begin with `;` are comments."},
    {"text", "\"app\" \"SCRAM-SHA-256$4096:salt$stored:server\"\n\"monitor\" \"a password\""},
    {NULL, "To log in to a server, pgvouch uses the password, or the keys that a client's SCRAM login has left; so the "
           "secret there and here must be of the same salt and iterations. An MD5 hash works where the server asks for "
           "MD5."},
    {0},
};

static const struct manual_paragraph hba_text[] = {
    {NULL, "With `auth_type = hba`, `auth_hba_file` says who may come in, in the form of pg_hba.conf: type (`local`, "
           "`host`, `hostssl`, `hostnossl`), databases, users, address (not for local), method, options. The first "
           "line that matches decides; where none does, the client is refused."},
    {"hba test", "# evidence that policy \"strict\" allows, and then a password\n"
                 "hostssl  app  all  10.0.0.0/8  scram-sha-256  attest=strict\n"
                 "local    all  all              peer"},
    {NULL, "Databases and users are names, lists with commas, `all`, `@file`; databases also `sameuser`. Methods are "
           "`trust`, `reject`, `password`, `md5`, `scram-sha-256`, `cert` (hostssl only) and `peer` (local only). "
           "Options are `map=NAME`, a map of `auth_ident_file`, and `attest=NAME`, a policy of section `[policies]` "
           "(hostssl only), or `attest=none`: no evidence is asked, whatever `client_attest_policy` says. Roles "
           "(`+name`) and host names are not looked up, and are errors."},
    {0},
};

static const struct manual_paragraph ident_text[] = {
    {NULL,
     "`auth_ident_file` has lines of three words: the map, the name that the certificate (its common name) or the "
     "operating system gives, and the user that it may be; `all` stands for any user."},
    {"text", "staff  alice@example.com  alice"},
    {0},
};

const struct manual_chapter manual_after[] = {
    {"User list", userlist_text}, {"HBA file", hba_text}, {"User name maps", ident_text}, {0}};

static char *type_choice(const char *const *words)
{
    char *text = mem_string("choice: ");
    for (size_t i = 0; words[i]; i++) {
        char *longer = mem_format("%s%s%s", text, i ? ", " : "", words[i]);
        free(text);
        text = longer;
    }
    return text;
}

/* INT_MAX is no limit that anybody needs to know. */
static char *type_number(const char *what, int64_t min, int64_t max)
{
    if (max >= INT_MAX)
        return min == 0 ? mem_string(what) : mem_format("%s from %" PRId64, what, min);
    return mem_format("%s from %" PRId64 " to %" PRId64, what, min, max);
}

char *manual_type(const struct setting *setting)
{
    switch (setting->type) {
    case SETTING_TYPE_BOOL:
        return mem_string("switch");
    case SETTING_TYPE_INT:
        return type_number("number", setting->min, setting->max);
    case SETTING_TYPE_OCTAL:
        return mem_string("octal number");
    case SETTING_TYPE_SIZE:
        return type_number("size", setting->min, setting->max);
    case SETTING_TYPE_BITS:
        return mem_string("bits");
    case SETTING_TYPE_DECIMAL:
        return mem_string("decimal number");
    case SETTING_TYPE_DURATION:
        return mem_string("duration");
    case SETTING_TYPE_STRING:
        return mem_string(setting->flags & SETTING_PATH ? "path" : "text");
    case SETTING_TYPE_ENUM:
        return type_choice(setting->words);
    case SETTING_TYPE_GROUP:
        break;
    }
    return mem_string("");
}

char *manual_key_type(const struct entry_key *key)
{
    switch (key->type) {
    case ENTRY_STRING:
    case ENTRY_SECRET:
        return mem_string("text");
    case ENTRY_INT:
        return type_number("number", key->min, key->max);
    case ENTRY_DURATION:
        return mem_string("duration");
    case ENTRY_ENUM:
        return type_choice(key->words);
    }
    return mem_string("");
}

const char *manual_flags(const struct setting *setting)
{
    if (setting->flags & SETTING_INERT)
        return "Accepted; has no effect in this version.";
    bool restart = !(setting->flags & SETTING_RELOADABLE);
    if (setting->flags & SETTING_DIGESTED)
        return restart ? "Needs a restart. Part of the configuration digest." : "Part of the configuration digest.";
    return restart ? "Needs a restart." : "";
}
