#include "config/ini.h"

#include "base/mem.h"
#include "base/writer.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INI_DEPTH_MAX 10
#define INI_SIZE_MAX  (64 * 1024 * 1024)

struct ini_reading {
    ini_visit *visit;
    void *arg;
    char *section; /* NULL before the first; stays open across included files */
    int depth;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f' || c == '\v';
}

static bool is_bare_key(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-';
}

static char *skip_blanks(char *p)
{
    while (is_blank(*p))
        p++;
    return p;
}

static struct err open_section(struct ini_reading *reading, char *line)
{
    char *end = strchr(line, ']');
    if (!end)
        return err_make(ERR_INPUT, "syntax error: the section has no closing bracket");
    if (*skip_blanks(end + 1))
        return err_make(ERR_INPUT, "syntax error: nothing may follow the section's closing bracket");
    *end = '\0';
    free(reading->section);
    reading->section = mem_string(line + 1);
    struct ini_line visit = {.section = reading->section, .key = NULL, .value = ""};
    return reading->visit(reading->arg, &visit);
}

/* Turns `"a ""b"" c"` into `a "b" c` in place; *after is what follows the closing quote. NULL when there is none. */
static char *unquote(char *quoted, char quote, char **after)
{
    char *from = quoted + 1;
    char *to = quoted;
    for (; *from; from++) {
        if (*from == quote) {
            if (from[1] != quote) {
                *to = '\0';
                *after = from + 1;
                return quoted;
            }
            from++;
        }
        *to++ = *from;
    }
    return NULL;
}

/* The key at the start of a line; *after is what follows it. NULL when it is malformed. */
static char *take_key(char *line, char **after)
{
    if (*line == '"')
        return unquote(line, '"', after);
    char *end = line;
    if (*line == '*')
        end++;
    else
        while (is_bare_key(*end))
            end++;
    *after = end;
    return end > line ? line : NULL;
}

static struct err take_pair(struct ini_reading *reading, char *line)
{
    if (*line == '=')
        return err_make(ERR_INPUT, "syntax error: there is no key before the equals sign");
    char *after;
    char *key = take_key(line, &after);
    if (!key)
        return err_make(ERR_INPUT, "syntax error: a key is letters, digits and _ . -, or stands in double quotes");
    char *equals = skip_blanks(after);
    if (*equals != '=')
        return err_make(ERR_INPUT, "syntax error: expected `key = value`; "
                                   "a key with other characters than letters, digits and _ . - needs double quotes");
    if (!reading->section)
        return err_make(ERR_INPUT, "this line stands before the first section; put [pgvouch] above it");
    *after = '\0';
    struct ini_line visit = {.section = reading->section, .key = key, .value = skip_blanks(equals + 1)};
    return reading->visit(reading->arg, &visit);
}

static struct err read_file(struct ini_reading *reading, const char *path);

static struct err include_file(struct ini_reading *reading, char *line)
{
    static const char word[] = "%include";
    size_t n = sizeof word - 1;
    if (strncmp(line, word, n) != 0 || !is_blank(line[n]))
        return err_make(ERR_INPUT, "syntax error: the only directive is %%include FILE");
    if (reading->depth >= INI_DEPTH_MAX)
        return err_make(ERR_LIMIT, "files include one another more than %d deep", INI_DEPTH_MAX);
    return read_file(reading, skip_blanks(line + n));
}

static struct err take_line(struct ini_reading *reading, char *line)
{
    size_t n = strlen(line);
    while (n > 0 && is_blank(line[n - 1]))
        line[--n] = '\0';
    line = skip_blanks(line);
    switch (*line) {
    case '\0':
    case ';':
    case '#':
        return OK;
    case '[':
        return open_section(reading, line);
    case '%':
        return include_file(reading, line);
    default:
        return take_pair(reading, line);
    }
}

/* `text` ends with a zero byte and is cut up. */
static struct err read_text(struct ini_reading *reading, const char *name, char *text, size_t size)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    char *end = text + size;
    if (strncmp(text, byte_order_mark, 3) == 0)
        text += 3;
    for (unsigned number = 1; text < end; number++) {
        char *next = memchr(text, '\n', (size_t)(end - text));
        if (next)
            *next = '\0';
        else
            next = end;
        struct err e = memchr(text, '\0', (size_t)(next - text))
                           ? err_make(ERR_INPUT, "syntax error: a zero byte stands in the line")
                           : take_line(reading, text);
        if (failed(e))
            return err_within(e, "%s:%u", name, number);
        text = next + 1;
    }
    return OK;
}

/* A whole file with a zero byte behind it; wiped by mem_free_secret(*text, *size + 1). */
static struct err slurp(const char *path, char **text, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_system("could not load file \"%s\"", path);
    struct writer whole = writer_growing(INI_SIZE_MAX);
    char part[16384];
    ssize_t n;
    while ((n = read(fd, part, sizeof part)) > 0 || (n < 0 && errno == EINTR)) {
        if (n > 0)
            writer_put(&whole, bytes_of(part, (size_t)n));
    }
    struct err e = n < 0 ? err_system("could not read file \"%s\"", path) : writer_finish(&whole, path);
    OPENSSL_cleanse(part, sizeof part);
    close(fd);
    if (!failed(e)) {
        *size = whole.used;
        *text = mem_string_of(writer_bytes(&whole));
    }
    writer_free(&whole);
    return e;
}

static struct err read_file(struct ini_reading *reading, const char *path)
{
    char *text = NULL;
    size_t size = 0;
    struct err e = slurp(path, &text, &size);
    if (!text)
        return e;
    reading->depth++;
    e = read_text(reading, path, text, size);
    reading->depth--;
    mem_free_secret(text, size + 1);
    return e;
}

struct err ini_read(const char *path, ini_visit *visit, void *arg)
{
    struct ini_reading reading = {.visit = visit, .arg = arg};
    struct err e = read_file(&reading, path);
    free(reading.section);
    return e;
}

struct err ini_read_text(const char *name, struct bytes text, ini_visit *visit, void *arg)
{
    struct ini_reading reading = {.visit = visit, .arg = arg};
    char *copy = mem_string_of(text);
    struct err e = read_text(&reading, name, copy, text.n);
    mem_free_secret(copy, text.n + 1);
    free(reading.section);
    return e;
}

/* One pair at the start of p; *next is what follows it. */
static struct err read_pair(char *p, char **next, ini_visit *visit, void *arg)
{
    char *key = p;
    while (is_bare_key(*p))
        p++;
    char *key_end = p;
    p = skip_blanks(p);
    if (key_end == key || *p != '=')
        return err_make(ERR_INPUT, "syntax error in connection string: expected key=value");
    *key_end = '\0';
    char *value = skip_blanks(p + 1);
    char *end;
    if (*value == '\'') {
        value = unquote(value, '\'', &end);
        if (!value)
            return err_make(ERR_INPUT, "syntax error in connection string: the quote after %s= is not closed", key);
        if (*end && !is_blank(*end))
            return err_make(ERR_INPUT, "syntax error in connection string: a blank must follow the quoted value of %s",
                            key);
    } else {
        end = value;
        while (*end && !is_blank(*end))
            end++;
        if (end == value)
            return err_make(ERR_INPUT, "syntax error in connection string: %s has no value", key);
    }
    *next = *end ? end + 1 : end;
    *end = '\0';
    struct ini_line line = {.section = "", .key = key, .value = value};
    return visit(arg, &line);
}

struct err ini_read_pairs(const char *text, ini_visit *visit, void *arg)
{
    size_t size = strlen(text) + 1;
    char *copy = mem_string(text);
    struct err e = OK;
    for (char *p = skip_blanks(copy); !failed(e) && *p; p = skip_blanks(p))
        e = read_pair(p, &p, visit, arg);
    mem_free_secret(copy, size);
    return e;
}
