#include "attest/tree.h"

#include "attest/printable.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

struct tree_reading {
    const char *name;
    struct bytes text;
    yaml_parser_t parser;
    size_t nodes;
};

static size_t line_of(const yaml_event_t *event)
{
    return event->start_mark.line + 1;
}

static struct err refuse(const struct tree_reading *reading, size_t line, enum err_code code, const char *why)
{
    return err_make(code, "%s:%zu: %s", reading->name, line, why);
}

/* The reader of characters knows an offset, the others a place. */
static struct err syntax_error(const struct tree_reading *reading)
{
    const yaml_parser_t *parser = &reading->parser;
    size_t line = parser->problem_mark.line + 1;
    if (parser->error == YAML_READER_ERROR) {
        line = 1;
        for (size_t i = 0; i < reading->text.n && i < parser->problem_offset; i++)
            line += reading->text.p[i] == '\n';
    }
    return err_make(ERR_INPUT, "%s:%zu: not YAML: %s%s%s", reading->name, line,
                    parser->problem ? parser->problem : "syntax error", parser->context ? " " : "",
                    parser->context ? parser->context : "");
}

static struct err next_event(struct tree_reading *reading, yaml_event_t *event)
{
    return yaml_parser_parse(&reading->parser, event) ? OK : syntax_error(reading);
}

static struct err refuse_abbreviations(const struct tree_reading *reading, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL;
    const yaml_char_t *tag = NULL;
    if (event->type == YAML_ALIAS_EVENT)
        return refuse(reading, line_of(event), ERR_INPUT, "aliases (*name) are not allowed; write the value out");
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    if (anchor)
        return refuse(reading, line_of(event), ERR_INPUT, "anchors (&name) are not allowed; write the value out");
    if (tag)
        return refuse(reading, line_of(event), ERR_INPUT, "tags (!name) are not allowed");
    return OK;
}

/* On the heap; NULL when there is a zero byte within. */
static char *take_text(const yaml_event_t *event)
{
    const char *value = (const char *)event->data.scalar.value;
    return strlen(value) == event->data.scalar.length ? mem_string(value) : NULL;
}

static struct err refuse_zero_byte(const struct tree_reading *reading, const yaml_event_t *event)
{
    return refuse(reading, line_of(event), ERR_INPUT, "there is a zero byte in this text");
}

static bool says_nothing(const char *text)
{
    return text[0] == '\0' || strcmp(text, "~") == 0 || strcasecmp(text, "null") == 0;
}

static struct err read_text(const struct tree_reading *reading, const yaml_event_t *event, struct tree *node)
{
    char *text = take_text(event);
    if (!text)
        return refuse_zero_byte(reading, event);
    free(node->text);
    node->text = text;
    node->is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->is_null = node->is_plain && says_nothing(text);
    return OK;
}

static void add_member(struct tree *node, struct tree *member)
{
    if ((node->count & (node->count - 1)) == 0) /* full at every power of two */
        node->members = mem_resize(node->members, (node->count > 0 ? 2 * node->count : 1) * sizeof(struct tree *));
    node->members[node->count++] = member;
}

static struct tree *new_node(void)
{
    struct tree *node = NEW(struct tree);
    node->text = mem_string("");
    return node;
}

static struct err check_key_is_new(const struct tree_reading *reading, const yaml_event_t *event,
                                   const struct tree *map, const char *key)
{
    const struct tree *before = tree_find(map, key);
    if (!before)
        return OK;
    char *told = printable_text(key, TREE_TOLD_SIZE);
    struct err e = err_make(ERR_INPUT, "%s:%zu: the key %s stands twice; first in line %zu", reading->name,
                            line_of(event), told, before->key_line);
    free(told);
    return e;
}

static struct err read_key(const struct tree_reading *reading, const yaml_event_t *event, const struct tree *map,
                           char **key)
{
    TRY(refuse_abbreviations(reading, event));
    if (event->type != YAML_SCALAR_EVENT)
        return refuse(reading, line_of(event), ERR_INPUT, "a key must be a word");
    *key = take_text(event);
    return *key ? check_key_is_new(reading, event, map, *key) : refuse_zero_byte(reading, event);
}

static struct err read_node(struct tree_reading *reading, const yaml_event_t *event, size_t depth, struct tree *node);

/* `event` is the pair's key. */
static struct err read_pair(struct tree_reading *reading, const yaml_event_t *event, size_t depth, struct tree *map,
                            struct tree *member)
{
    yaml_event_t value;
    TRY(read_key(reading, event, map, &member->key));
    member->key_line = line_of(event);
    TRY(next_event(reading, &value));
    struct err e = read_node(reading, &value, depth, member);
    yaml_event_delete(&value);
    return e;
}

/* `event` begins the member: its key in a map, itself in a list. */
static struct err read_member(struct tree_reading *reading, const yaml_event_t *event, size_t depth, struct tree *node)
{
    struct tree *member = new_node();
    struct err e = node->kind == TREE_LIST ? read_node(reading, event, depth, member)
                                           : read_pair(reading, event, depth, node, member);
    add_member(node, member);
    return e;
}

static struct err read_members(struct tree_reading *reading, size_t depth, struct tree *node)
{
    for (;;) {
        yaml_event_t event;
        TRY(next_event(reading, &event));
        bool ended = event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
        struct err e = ended ? OK : read_member(reading, &event, depth, node);
        yaml_event_delete(&event);
        if (ended || failed(e))
            return e;
    }
}

static struct err read_node(struct tree_reading *reading, const yaml_event_t *event, size_t depth, struct tree *node)
{
    TRY(refuse_abbreviations(reading, event));
    if (depth > TREE_DEPTH_MAX)
        return refuse(reading, line_of(event), ERR_LIMIT, "maps and lists lie too deep in one another");
    if (++reading->nodes > TREE_NODES_MAX)
        return refuse(reading, line_of(event), ERR_LIMIT, "there is too much in this file");
    node->line = line_of(event);
    if (event->type == YAML_SCALAR_EVENT)
        return read_text(reading, event, node);
    node->kind = event->type == YAML_SEQUENCE_START_EVENT ? TREE_LIST : TREE_MAP;
    return read_members(reading, depth + 1, node);
}

/* What libyaml says between the beginning of the stream and that of the document. */
static struct err read_event_of(struct tree_reading *reading, yaml_event_type_t wanted, const char *otherwise)
{
    yaml_event_t event;
    TRY(next_event(reading, &event));
    bool fits = event.type == wanted;
    size_t line = line_of(&event);
    yaml_event_delete(&event);
    return fits ? OK : refuse(reading, line, ERR_INPUT, otherwise);
}

static struct err read_document(struct tree_reading *reading, struct tree *root)
{
    yaml_event_t event;
    TRY(read_event_of(reading, YAML_STREAM_START_EVENT, "not YAML"));
    TRY(read_event_of(reading, YAML_DOCUMENT_START_EVENT, "the file is empty"));
    TRY(next_event(reading, &event));
    struct err e = read_node(reading, &event, 0, root);
    yaml_event_delete(&event);
    TRY(e);
    TRY(read_event_of(reading, YAML_DOCUMENT_END_EVENT, "not YAML"));
    return read_event_of(reading, YAML_STREAM_END_EVENT, "a second document begins; there may be only one");
}

struct err tree_parse(const char *name, struct bytes text, struct tree **out)
{
    struct tree_reading reading = {.name = name, .text = text};
    *out = NULL;
    if (!yaml_parser_initialize(&reading.parser))
        return err_make(ERR_SYSTEM, "%s: out of memory", name);
    yaml_parser_set_encoding(&reading.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reading.parser, text.n > 0 ? text.p : (const uint8_t *)"", text.n);
    struct tree *root = new_node();
    struct err e = read_document(&reading, root);
    yaml_parser_delete(&reading.parser);
    if (failed(e))
        tree_free(root);
    else
        *out = root;
    return e;
}

void tree_free(struct tree *node)
{
    if (!node)
        return;
    for (size_t i = 0; i < node->count; i++)
        tree_free(node->members[i]);
    free(node->members);
    free(node->key);
    free(node->text);
    free(node);
}

struct tree *tree_find(const struct tree *map, const char *key)
{
    for (size_t i = 0; i < map->count; i++)
        if (map->members[i]->key && strcmp(map->members[i]->key, key) == 0)
            return map->members[i];
    return NULL;
}

void tree_tell(const struct tree *node, char out[TREE_TOLD_SIZE])
{
    if (node->kind != TREE_TEXT || node->is_null) {
        const char *what = node->kind == TREE_LIST ? "a list" : node->kind == TREE_MAP ? "a map" : "nothing";
        snprintf(out, TREE_TOLD_SIZE, "%s", what);
        return;
    }
    char *told = printable_text(node->text, TREE_TOLD_SIZE - 8);
    snprintf(out, TREE_TOLD_SIZE, "\"%s\"%s", told, strlen(node->text) > strlen(told) ? "…" : "");
    free(told);
}
