#include "config/value.h"

#include "base/clock.h"
#include "base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DURATION_MAX_S INT64_C(3155760000) /* 100 years */

static const char *const true_words[] = {"1", "yes", "true", "on", NULL};
static const char *const false_words[] = {"0", "no", "false", "off", NULL};

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++) {
        if (strcasecmp(text, *words) == 0)
            return true;
    }
    return false;
}

struct err value_bool(const char *text, bool *out)
{
    bool yes = is_one_of(text, true_words);
    if (!yes && !is_one_of(text, false_words))
        return err_make(ERR_INPUT, "expected 0 or 1 (or no/yes, off/on, false/true)");
    *out = yes;
    return OK;
}

static struct err out_of_range(int64_t min, int64_t max)
{
    return err_make(ERR_INPUT, "expected a whole number between %" PRId64 " and %" PRId64, min, max);
}

/* strtoll that wants a digit or a sign first: no blanks, no empty text. */
static bool whole_number(const char *text, int64_t *out, const char **end)
{
    if (!isdigit((unsigned char)text[text[0] == '-' || text[0] == '+']))
        return false;
    char *stop;
    errno = 0;
    *out = strtoll(text, &stop, 0);
    *end = stop;
    return errno == 0;
}

struct err value_int(const char *text, int64_t min, int64_t max, int64_t *out)
{
    int64_t number;
    const char *end;
    if (!whole_number(text, &number, &end) || *end || number < min || number > max)
        return out_of_range(min, max);
    *out = number;
    return OK;
}

struct err value_bits(const char *text, uint64_t *out)
{
    if (isdigit((unsigned char)text[0])) {
        char *end;
        errno = 0;
        uint64_t number = strtoull(text, &end, 0);
        if (errno == 0 && !*end) {
            *out = number;
            return OK;
        }
    }
    return err_make(ERR_INPUT, "expected a number of 64 bits, such as 0x20000");
}

struct unit {
    const char *name;
    int64_t factor;
};

/* The factor of a unit, or 0. An empty name is the first unit. */
static int64_t unit_factor(const struct unit *units, const char *name)
{
    while (*name == ' ')
        name++;
    if (!*name)
        return units->factor;
    for (; units->name; units++) {
        if (strcasecmp(units->name, name) == 0)
            return units->factor;
    }
    return 0;
}

struct err value_size(const char *text, int64_t min, int64_t max, int64_t *out)
{
    static const struct unit units[] = {{"B", 1}, {"kB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}, {NULL, 0}};
    int64_t number;
    const char *end;
    if (!whole_number(text, &number, &end))
        return out_of_range(min, max);
    int64_t factor = unit_factor(units, end);
    if (factor == 0)
        return err_make(ERR_INPUT, "expected a number of bytes, or one with kB, MB or GB");
    int64_t size;
    if (__builtin_mul_overflow(number, factor, &size) || size < min || size > max)
        return out_of_range(min, max);
    *out = size;
    return OK;
}

/* A decimal number, neither hexadecimal nor infinite. The program never leaves the C locale. */
static bool decimal_number(const char *text, double *out, const char **end)
{
    const char *digits = text + (text[0] == '-' || text[0] == '+');
    if (digits[0] == '.')
        digits++;
    if (!isdigit((unsigned char)digits[0]) || (digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X')))
        return false;
    char *stop;
    errno = 0;
    *out = strtod(text, &stop);
    *end = stop;
    return isfinite(*out) && errno == 0;
}

struct err value_decimal(const char *text, int64_t min, int64_t max, double *out)
{
    double number;
    const char *end;
    if (!decimal_number(text, &number, &end) || *end || number < (double)min || number > (double)max)
        return err_make(ERR_INPUT, "expected a number between %" PRId64 " and %" PRId64, min, max);
    *out = number;
    return OK;
}

struct err value_duration(const char *text, int64_t *out_us)
{
    static const struct unit units[] = {{"s", US_PER_SECOND},
                                        {"us", 1},
                                        {"ms", US_PER_MS},
                                        {"min", 60 * US_PER_SECOND},
                                        {"m", 60 * US_PER_SECOND},
                                        {"h", 3600 * US_PER_SECOND},
                                        {"d", 86400 * US_PER_SECOND},
                                        {NULL, 0}};
    double number;
    const char *end;
    if (!decimal_number(text, &number, &end))
        return err_make(ERR_INPUT, "expected seconds, or a number with us, ms, s, min, h or d");
    int64_t factor = unit_factor(units, end);
    if (factor == 0)
        return err_make(ERR_INPUT, "expected seconds, or a number with us, ms, s, min, h or d");
    double us = number * (double)factor;
    if (us < 0 || us > (double)(DURATION_MAX_S * US_PER_SECOND))
        return err_make(ERR_INPUT, "expected a duration between 0 and 100 years");
    *out_us = llround(us);
    return OK;
}

char *value_duration_text(int64_t us)
{
    const char *sign = us < 0 ? "-" : "";
    uint64_t size = us < 0 ? -(uint64_t)us : (uint64_t)us;
    char *text = mem_format("%s%" PRIu64 ".%06" PRIu64, sign, size / US_PER_SECOND, size % US_PER_SECOND);
    size_t n = strlen(text);
    while (text[n - 1] == '0')
        n--;
    if (text[n - 1] == '.')
        n--;
    text[n] = '\0';
    return text;
}

bool value_list_next(const char **cursor, struct bytes *item)
{
    const char *p = *cursor;
    while (*p == ',' || isspace((unsigned char)*p))
        p++;
    size_t n = strcspn(p, ",");
    *cursor = p + n;
    while (n > 0 && isspace((unsigned char)p[n - 1]))
        n--;
    *item = bytes_of(p, n);
    return n > 0;
}

bool value_list_has(const char *list, const char *item)
{
    struct bytes next;
    while (value_list_next(&list, &next)) {
        if (bytes_equal(next, bytes_of_string(item)))
            return true;
    }
    return false;
}

bool value_list_has_nocase(const char *list, const char *item)
{
    struct bytes next;
    while (value_list_next(&list, &next)) {
        if (next.n == strlen(item) && strncasecmp((const char *)next.p, item, next.n) == 0)
            return true;
    }
    return false;
}

struct err value_host_port(const char *text, char **host, int *port)
{
    const char *start = text;
    const char *end;
    const char *colon;
    if (*text == '[') {
        start = text + 1;
        end = strchr(start, ']');
        colon = end ? end + 1 : NULL;
    } else {
        end = colon = strchr(text, ':');
    }
    if (!colon || *colon != ':' || (*text != '[' && strchr(colon + 1, ':')))
        return err_make(ERR_INPUT, "expected host:port, an IPv6 address in brackets");
    int64_t number = 0;
    if (failed(value_int(colon + 1, 0, 65535, &number)))
        return err_make(ERR_INPUT, "expected a port between 0 and 65535 after the colon");
    *host = mem_string_of(bytes_of(start, (size_t)(end - start)));
    *port = (int)number;
    return OK;
}

/* PgBouncer separates the list by commas; colons and blanks are known from its examples. */
struct err value_tls_protocols(const char *text, unsigned *out)
{
    static const struct {
        const char *name;
        unsigned bits;
    } names[] = {
        {"tlsv1.0", TLS_PROTOCOL_1_0},
        {"tlsv1.1", TLS_PROTOCOL_1_1},
        {"tlsv1.2", TLS_PROTOCOL_1_2},
        {"tlsv1.3", TLS_PROTOCOL_1_3},
        {"secure", TLS_PROTOCOL_1_2 | TLS_PROTOCOL_1_3},
        {"all", TLS_PROTOCOL_1_0 | TLS_PROTOCOL_1_1 | TLS_PROTOCOL_1_2 | TLS_PROTOCOL_1_3},
        {"legacy", TLS_PROTOCOL_1_0 | TLS_PROTOCOL_1_1 | TLS_PROTOCOL_1_2 | TLS_PROTOCOL_1_3},
    };
    static const char separators[] = ",: \t";
    unsigned bits = 0;
    for (text += strspn(text, separators); *text; text += strspn(text, separators)) {
        size_t n = strcspn(text, separators);
        unsigned found = 0;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            if (strlen(names[i].name) == n && strncasecmp(names[i].name, text, n) == 0)
                found = names[i].bits;
        }
        if (found == 0)
            return err_make(ERR_INPUT, "expected secure, all, or a list of tlsv1.0, tlsv1.1, tlsv1.2 and tlsv1.3");
        bits |= found;
        text += n;
    }
    if (bits == 0)
        return err_make(ERR_INPUT, "expected secure, all, or a list of tlsv1.0, tlsv1.1, tlsv1.2 and tlsv1.3");
    *out = bits;
    return OK;
}
