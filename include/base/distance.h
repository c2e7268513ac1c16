/* distance.h: how far two names are apart, for "did you mean …?". Pure; any thread. */
#ifndef BASE_DISTANCE_H
#define BASE_DISTANCE_H

#include <stddef.h>

#define DISTANCE_TEXT_MAX 63

/* Levenshtein's distance; SIZE_MAX when either is longer than DISTANCE_TEXT_MAX bytes. */
size_t text_distance(const char *a, const char *b);

/* The distance from which on another name is no help to who mistyped `name`. */
size_t text_distance_limit(const char *name);

#endif
