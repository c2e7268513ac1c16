#include "attest/policy_place.h"

#include "base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct err policy_complain(const struct policy_place *place, const struct tree *node, const char *what)
{
    return err_make(ERR_INPUT, "%s:%zu: %s%s%s: %s", place->path, node->line, place->group, place->group[0] ? "." : "",
                    place->name, what);
}

static struct err expect(const struct policy_place *place, const struct tree *node, size_t line, const char *expected)
{
    char told[TREE_TOLD_SIZE];
    tree_tell(node, told);
    return err_make(ERR_INPUT, "%s:%zu: %s%s%s: expected %s, found %s", place->path, line, place->group,
                    place->group[0] ? "." : "", place->name, expected, told);
}

struct err policy_expect(const struct policy_place *place, const struct tree *node, const char *expected)
{
    return expect(place, node, node->line, expected);
}

struct err policy_expect_key(const struct policy_place *place, const struct tree *node, const char *expected)
{
    return expect(place, &(struct tree){.kind = TREE_TEXT, .text = node->key}, node->key_line, expected);
}

char *policy_beside(const struct policy_place *place, const char *path)
{
    const char *slash = strrchr(place->path, '/');
    if (path[0] == '/' || !slash)
        return mem_string(path);
    return mem_format("%.*s/%s", (int)(slash - place->path), place->path, path);
}

bool policy_is_text(const struct tree *node)
{
    return node->kind == TREE_TEXT && !node->is_null;
}

bool policy_is_word(const struct tree *node)
{
    bool fits = policy_is_text(node) && node->text[0] != '\0' && strlen(node->text) <= POLICY_WORD_MAX;
    for (const char *p = node->text; fits && *p; p++)
        fits = isprint((unsigned char)*p) != 0;
    return fits;
}

/* A leading zero could be meant as octal, so it is refused. */
static bool parse_whole(const char *text, uint64_t max, uint64_t *out)
{
    bool is_hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = is_hex ? text + 2 : text;
    if (!isxdigit((unsigned char)digits[0]) || (!is_hex && digits[0] == '0' && digits[1] != '\0'))
        return false;
    char *end;
    errno = 0;
    *out = strtoull(digits, &end, is_hex ? 16 : 10);
    return *end == '\0' && end != digits && errno == 0 && *out <= max;
}

struct err policy_take_whole(const struct policy_place *place, const struct tree *node, uint64_t max, uint64_t *out)
{
    if (policy_is_text(node) && node->is_plain && parse_whole(node->text, max, out))
        return OK;
    char expected[64];
    snprintf(expected, sizeof expected, "a whole number from 0 to %" PRIu64, max);
    return policy_expect(place, node, expected);
}
