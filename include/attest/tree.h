/*
 * tree.h: a small part of YAML 1.1, read whole into a tree that knows its lines.
 *
 * One document of maps, lists and scalars. Anchors, aliases and tags are refused: a policy means what stands there.
 * The tree belongs to one thread at a time.
 */
#ifndef ATTEST_TREE_H
#define ATTEST_TREE_H

#include "base/bytes.h"

#define TREE_NODES_MAX 16384
#define TREE_DEPTH_MAX 8

enum tree_kind { TREE_TEXT, TREE_LIST, TREE_MAP };

/* A map's pairs and a list's items are its members; members of a list have the key NULL. */
struct tree {
    enum tree_kind kind;
    size_t line; /* from 1 */
    char *key;
    size_t key_line;
    char *text;   /* of a scalar, without zero bytes; "" for the others */
    bool is_null; /* a plain scalar that says nothing: empty, ~ or null */
    bool is_plain;
    struct tree **members;
    size_t count;
};

/* ERR_INPUT "FILE:LINE: …" when it is not such a document, has no node, or a key stands twice in a map; `name` is the
 * file's. ERR_LIMIT when it is too deep or has too many nodes. *out is the caller's. */
struct err tree_parse(const char *name, struct bytes text, struct tree **out) MUST_CHECK;
void tree_free(struct tree *node); /* NULL does nothing */

/* The value of a key; NULL when it is not there. */
struct tree *tree_find(const struct tree *map, const char *key);

/* "a map", "a list", "nothing", or the scalar in quotes, cut to size: for errors. */
#define TREE_TOLD_SIZE 64
void tree_tell(const struct tree *node, char out[TREE_TOLD_SIZE]);

#endif
