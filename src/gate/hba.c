#include "gate/hba.h"

#include "base/mem.h"
#include "gate/text_file.h"
#include "gate/words.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum hba_kind { HBA_LOCAL, HBA_HOST, HBA_HOSTSSL, HBA_HOSTNOSSL };

/* One field of names: `all`, `sameuser` and `replication` have their meaning only without quotes. */
struct hba_names {
    bool all;
    bool sameuser;
    char **name;
    size_t count;
};

struct hba_network {
    bool all;
    int family;
    uint8_t address[16];
    uint8_t mask[16];
};

struct hba_entry {
    struct hba_line line;
    enum hba_kind kind;
    struct hba_names databases;
    struct hba_names users;
    struct hba_network network;
    char *map;
    char *attest;
};

struct hba {
    char *path;
    struct hba_entry *entries;
    size_t count;
};

/* ---- parsing ---- */

/* Where the parser stands in the words of a line. */
struct hba_cursor {
    const struct words *words;
    size_t next;
    const char *path;
    size_t line;
};

static void hba_add_name(struct hba_names *names, const char *text)
{
    names->name = mem_resize(names->name, (names->count + 1) * sizeof *names->name);
    names->name[names->count++] = mem_string(text);
}

static struct err hba_take_file_line(void *arg, const char *path, size_t line, const char *text)
{
    struct words words;
    TRY(err_within(words_split(text, &words), "%s:%zu", path, line));
    for (size_t i = 0; i < words.count; i++)
        hba_add_name(arg, words.word[i].text);
    words_free(&words);
    return OK;
}

/* @file, relative to the directory of the HBA file. */
static struct err hba_take_file(struct hba_names *names, const char *hba_path, const char *name)
{
    const char *slash = strrchr(hba_path, '/');
    int directory = slash && name[0] != '/' ? (int)(slash + 1 - hba_path) : 0;
    char *path = mem_format("%.*s%s", directory, hba_path, name);
    struct err e = text_file_each_line(path, hba_take_file_line, names);
    free(path);
    return e;
}

static struct err hba_take_name(struct hba_names *names, const struct hba_cursor *cursor, const struct word *word,
                                bool databases)
{
    if (!word->quoted && strcmp(word->text, "all") == 0) {
        names->all = true;
    } else if (!word->quoted && databases && strcmp(word->text, "sameuser") == 0) {
        names->sameuser = true;
    } else if (!word->quoted && databases && strcmp(word->text, "replication") == 0) {
        return OK; /* means replication connections, which are not served, and no database of that name */
    } else if (!word->quoted && word->text[0] == '@') {
        return hba_take_file(names, cursor->path, word->text + 1);
    } else if (!word->quoted &&
               (word->text[0] == '+' || strcmp(word->text, "samerole") == 0 || strcmp(word->text, "samegroup") == 0)) {
        return err_make(ERR_UNSUPPORTED, "\"%s\": membership in roles cannot be looked up here; name the users",
                        word->text);
    } else {
        hba_add_name(names, word->text);
    }
    return OK;
}

static struct err hba_take_names(struct hba_names *names, struct hba_cursor *cursor, bool databases)
{
    if (cursor->next == cursor->words->count)
        return err_make(ERR_INPUT, "the line ends where %s are expected", databases ? "databases" : "users");
    do {
        TRY(hba_take_name(names, cursor, &cursor->words->word[cursor->next], databases));
        cursor->next++;
    } while (cursor->next < cursor->words->count && cursor->words->word[cursor->next].joined);
    return OK;
}

static const struct word *hba_take_word(struct hba_cursor *cursor)
{
    return cursor->next < cursor->words->count ? &cursor->words->word[cursor->next++] : NULL;
}

static void hba_prefix_mask(unsigned bits, uint8_t mask[16])
{
    for (unsigned i = 0; i < 16; i++) {
        unsigned here = bits >= 8 * (i + 1) ? 8 : bits > 8 * i ? bits - 8 * i : 0;
        mask[i] = (uint8_t)(0xFF << (8 - here));
    }
}

static struct err hba_take_prefix(const char *text, unsigned max, uint8_t mask[16])
{
    char *end;
    unsigned long bits = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || bits > max)
        return err_make(ERR_INPUT, "\"/%s\" is not a prefix length from 0 to %u", text, max);
    hba_prefix_mask((unsigned)bits, mask);
    return OK;
}

static int hba_parse_address(const char *text, uint8_t out[16])
{
    if (inet_pton(AF_INET, text, out) == 1)
        return AF_INET;
    if (inet_pton(AF_INET6, text, out) == 1)
        return AF_INET6;
    return AF_UNSPEC;
}

static struct err hba_take_network(struct hba_network *network, struct hba_cursor *cursor)
{
    const struct word *word = hba_take_word(cursor);
    if (!word)
        return err_make(ERR_INPUT, "the line ends where an address is expected");
    if (!word->quoted && strcmp(word->text, "all") == 0) {
        network->all = true;
        return OK;
    }
    char *slash = strchr(word->text, '/');
    if (slash)
        *slash = '\0';
    network->family = hba_parse_address(word->text, network->address);
    if (network->family == AF_UNSPEC)
        return err_make(ERR_INPUT, "\"%s\" is not an IPv4 or IPv6 address (host names are not supported)", word->text);
    if (slash)
        return hba_take_prefix(slash + 1, network->family == AF_INET ? 32 : 128, network->mask);
    const struct word *mask = hba_take_word(cursor);
    if (!mask || hba_parse_address(mask->text, network->mask) != network->family)
        return err_make(ERR_INPUT, "address \"%s\" needs a prefix length (/32) or a mask", word->text);
    return OK;
}

static struct err hba_take_method(struct hba_entry *entry, struct hba_cursor *cursor)
{
    const struct word *word = hba_take_word(cursor);
    if (!word)
        return err_make(ERR_INPUT, "the line ends where a method is expected");
    int method = strcmp(word->text, "password") == 0 ? AUTH_TYPE_PLAIN : enum_value(auth_type_hba_words, word->text);
    switch (method) {
    case AUTH_TYPE_TRUST:
    case AUTH_TYPE_REJECT:
    case AUTH_TYPE_PLAIN:
    case AUTH_TYPE_MD5:
    case AUTH_TYPE_SCRAM_SHA_256:
        break;
    case AUTH_TYPE_PEER:
        if (entry->kind != HBA_LOCAL)
            return err_make(ERR_INPUT, "method peer is only for local lines");
        break;
    case AUTH_TYPE_CERT:
        if (entry->kind != HBA_HOSTSSL)
            return err_make(ERR_INPUT, "method cert is only for hostssl lines");
        break;
    default:
        return err_make(ERR_INPUT,
                        "unknown method \"%s\"; known are trust, reject, password, md5, scram-sha-256, cert, peer",
                        word->text);
    }
    entry->line.method = (enum auth_type)method;
    return OK;
}

static struct err hba_take_options(struct hba_entry *entry, struct hba_cursor *cursor)
{
    const struct word *word;
    while ((word = hba_take_word(cursor))) {
        char **value = NULL;
        if (strncmp(word->text, "map=", 4) == 0)
            value = &entry->map;
        else if (strncmp(word->text, "attest=", 7) == 0)
            value = &entry->attest;
        const char *text = strchr(word->text, '=');
        if (!value || !text[1])
            return err_make(ERR_INPUT, "unknown option \"%s\"; known are map=NAME and attest=POLICY", word->text);
        if (*value)
            return err_make(ERR_INPUT, "option \"%s\" is given twice", word->text);
        *value = mem_string(text + 1);
    }
    if (entry->map && entry->line.method != AUTH_TYPE_CERT && entry->line.method != AUTH_TYPE_PEER)
        return err_make(ERR_INPUT, "map= goes with the methods cert and peer only");
    if (entry->attest && strcmp(entry->attest, "none") != 0 && entry->kind != HBA_HOSTSSL)
        return err_make(ERR_INPUT, "attest= goes with hostssl lines only: evidence comes inside TLS");
    return OK;
}

static struct err hba_take_entry(struct hba_entry *entry, struct hba_cursor *cursor)
{
    static const char *const kinds[] = {"local", "host", "hostssl", "hostnossl", NULL};
    int kind = enum_value(kinds, hba_take_word(cursor)->text);
    if (kind < 0)
        return err_make(ERR_INPUT, "unknown connection type \"%s\"; known are local, host, hostssl, hostnossl",
                        cursor->words->word[0].text);
    entry->kind = (enum hba_kind)kind;
    TRY(hba_take_names(&entry->databases, cursor, true));
    TRY(hba_take_names(&entry->users, cursor, false));
    if (entry->kind != HBA_LOCAL)
        TRY(hba_take_network(&entry->network, cursor));
    TRY(hba_take_method(entry, cursor));
    return hba_take_options(entry, cursor);
}

static struct err hba_take_line(void *arg, const char *path, size_t line, const char *text)
{
    struct hba *hba = arg;
    struct words words;
    TRY(err_within(words_split(text, &words), "%s:%zu", path, line));
    struct err e = OK;
    if (words.count > 0) {
        hba->entries = mem_resize(hba->entries, (hba->count + 1) * sizeof *hba->entries);
        struct hba_entry *entry = &hba->entries[hba->count++];
        struct hba_cursor cursor = {.words = &words, .path = path, .line = line};
        *entry = (struct hba_entry){0};
        entry->line.line = line;
        e = err_within(hba_take_entry(entry, &cursor), "%s:%zu", path, line);
        entry->line.map = entry->map;
        entry->line.attest = entry->attest;
    }
    words_free(&words);
    return e;
}

static struct err hba_finish(struct hba *hba, struct err e, struct hba **out)
{
    if (failed(e))
        hba_free(hba);
    else
        *out = hba;
    return e;
}

static struct hba *hba_new(const char *path)
{
    struct hba *hba = NEW(struct hba);
    hba->path = mem_string(path);
    return hba;
}

struct err hba_parse(const char *path, struct bytes text, struct hba **out)
{
    struct hba *hba = hba_new(path);
    return hba_finish(hba, text_each_line(path, text, hba_take_line, hba), out);
}

struct err hba_load(const char *path, struct hba **out)
{
    struct hba *hba = hba_new(path);
    return hba_finish(hba, text_file_each_line(path, hba_take_line, hba), out);
}

static void hba_names_free(struct hba_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->name[i]);
    free(names->name);
}

void hba_free(struct hba *hba)
{
    if (!hba)
        return;
    for (size_t i = 0; i < hba->count; i++) {
        hba_names_free(&hba->entries[i].databases);
        hba_names_free(&hba->entries[i].users);
        free(hba->entries[i].map);
        free(hba->entries[i].attest);
    }
    free(hba->entries);
    free(hba->path);
    free(hba);
}

/* ---- asking ---- */

static bool hba_names_match(const struct hba_names *names, const char *name, const char *user)
{
    if (names->all || (names->sameuser && strcmp(name, user) == 0))
        return true;
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->name[i], name) == 0)
            return true;
    return false;
}

/* An IPv4 client of an IPv6 socket has an IPv4-mapped address, and is matched as IPv4 (RFC 4291 section 2.5.5.2). */
static int hba_peer_bytes(const struct address *peer, uint8_t out[16])
{
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    if (peer->any.sa_family == AF_INET) {
        memcpy(out, &((const struct sockaddr_in *)&peer->storage)->sin_addr, 4);
        return AF_INET;
    }
    if (peer->any.sa_family != AF_INET6)
        return AF_UNSPEC;
    memcpy(out, &((const struct sockaddr_in6 *)&peer->storage)->sin6_addr, 16);
    if (memcmp(out, mapped, sizeof mapped) != 0)
        return AF_INET6;
    memmove(out, out + 12, 4);
    return AF_INET;
}

static bool hba_network_matches(const struct hba_network *network, const struct address *peer)
{
    uint8_t address[16] = {0};
    int family = hba_peer_bytes(peer, address);
    if (network->all)
        return true;
    if (family != network->family)
        return false;
    for (size_t i = 0; i < (family == AF_INET ? 4U : 16U); i++)
        if ((address[i] & network->mask[i]) != (network->address[i] & network->mask[i]))
            return false;
    return true;
}

static bool hba_kind_matches(enum hba_kind kind, const struct hba_question *question)
{
    switch (kind) {
    case HBA_LOCAL:
        return question->is_unix;
    case HBA_HOST:
        return !question->is_unix;
    case HBA_HOSTSSL:
        return !question->is_unix && question->is_tls;
    case HBA_HOSTNOSSL:
        return !question->is_unix && !question->is_tls;
    }
    return false;
}

const struct hba_line *hba_find(const struct hba *hba, const struct hba_question *question)
{
    for (size_t i = 0; i < hba->count; i++) {
        const struct hba_entry *entry = &hba->entries[i];
        if (hba_kind_matches(entry->kind, question) &&
            (question->is_unix || hba_network_matches(&entry->network, question->peer)) &&
            hba_names_match(&entry->databases, question->database, question->user) &&
            hba_names_match(&entry->users, question->user, question->user))
            return &entry->line;
    }
    return NULL;
}

static bool hba_demands_evidence(const struct hba_line *line)
{
    return line->attest && strcmp(line->attest, "none") != 0;
}

bool hba_wants_certificates(const struct hba *hba)
{
    for (size_t i = 0; i < hba->count; i++)
        if (hba_demands_evidence(&hba->entries[i].line) || hba->entries[i].line.method == AUTH_TYPE_CERT)
            return true;
    return false;
}

struct err hba_each_policy(const struct hba *hba, struct err (*each)(void *arg, const char *name, size_t line),
                           void *arg)
{
    for (size_t i = 0; i < hba->count; i++) {
        const struct hba_line *line = &hba->entries[i].line;
        if (hba_demands_evidence(line))
            TRY(err_within(each(arg, line->attest, line->line), "%s:%zu", hba->path, line->line));
    }
    return OK;
}

struct err hba_check_maps(const struct hba *hba, const struct ident *ident)
{
    for (size_t i = 0; i < hba->count; i++) {
        const struct hba_line *line = &hba->entries[i].line;
        if (line->map && !ident_has_map(ident, line->map))
            return err_make(ERR_INPUT, "%s:%zu: auth_ident_file has no map \"%s\"", hba->path, line->line, line->map);
    }
    return OK;
}
