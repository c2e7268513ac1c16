/*
 * mem.h: allocation that does not fail, and wiping.
 *
 * Every length that comes from a peer is bounded before it is allocated, so that exhaustion is a fault of the machine:
 * the process then says so and aborts, for its supervisor to start it again. Any thread.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include "base/bytes.h"

/* n bytes, zeroed. The caller owns them and frees them with free(). */
void *mem_alloc(size_t n) __attribute__((malloc, returns_nonnull));

/* A zeroed object of a type. */
#define NEW(type)          ((type *)mem_alloc(sizeof(type)))
#define NEW_ARRAY(type, n) ((type *)mem_alloc_array(sizeof(type), (n)))

void *mem_alloc_array(size_t size, size_t n) __attribute__((malloc, returns_nonnull));

/* As realloc; what is new is not zeroed. */
void *mem_resize(void *p, size_t n) __attribute__((returns_nonnull));

/* Copies on the heap; free with free(). mem_string(NULL) is NULL. */
char *mem_string(const char *text);
char *mem_string_of(struct bytes b);
char *mem_format(const char *format, ...) __attribute__((format(printf, 1, 2), returns_nonnull));
void *mem_copy(struct bytes b) __attribute__((returns_nonnull));

/* Wipes n bytes and frees. NULL does nothing. */
void mem_free_secret(void *p, size_t n);
/* Wipes a C string and frees it. NULL does nothing. */
void mem_free_secret_string(char *text);

#endif
