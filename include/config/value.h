/*
 * value.h: texts of numbers, durations, lists and addresses, as settings write them. Pure; any thread.
 */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "base/bytes.h"

/* 0/1, no/yes, false/true, off/on, in any case. */
struct err value_bool(const char *text, bool *out) MUST_CHECK;

/* A whole number between min and max; 0x… is hexadecimal, 0… octal. */
struct err value_int(const char *text, int64_t min, int64_t max, int64_t *out) MUST_CHECK;

/* 64 bits: decimal, 0x… or 0…. */
struct err value_bits(const char *text, uint64_t *out) MUST_CHECK;

/* Bytes: a whole number, or one followed by kB, MB or GB (1024 each). */
struct err value_size(const char *text, int64_t min, int64_t max, int64_t *out) MUST_CHECK;

struct err value_decimal(const char *text, int64_t min, int64_t max, double *out) MUST_CHECK;

/* Seconds, whole or fractional, or a number followed by us, ms, s, min (or m), h or d. Never negative, at most 100
 * years. In microseconds. */
struct err value_duration(const char *text, int64_t *out_us) MUST_CHECK;

/* The shortest text of a duration in seconds: "3600", "0.25". On the heap. */
char *value_duration_text(int64_t us);

/* The next item of a comma-separated list, without blanks around it; empty items are passed over. False at the end.
 * `*cursor` starts as the list. */
bool value_list_next(const char **cursor, struct bytes *item);
/* Whether a comma-separated list has an item; exact, or without regard to ASCII case. */
bool value_list_has(const char *list, const char *item);
bool value_list_has_nocase(const char *list, const char *item);

/* "host:port", "[2001:db8::1]:port" or ":port" (host ""). *host is on the heap. */
struct err value_host_port(const char *text, char **host, int *port) MUST_CHECK;

/* TLS versions as client_tls_protocols writes them. */
enum tls_protocol { TLS_PROTOCOL_1_0 = 1, TLS_PROTOCOL_1_1 = 2, TLS_PROTOCOL_1_2 = 4, TLS_PROTOCOL_1_3 = 8 };
struct err value_tls_protocols(const char *text, unsigned *out) MUST_CHECK;

#endif
