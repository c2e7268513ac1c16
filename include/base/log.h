/*
 * log.h: the log: one line a call, in PgBouncer's format "2026-01-31 23:59:59.123 UTC [pid] LEVEL text".
 *
 * Any thread. A line is handed to the kernel with one write before the call returns, so that it stands in the file
 * before any reply that follows from it. Text from peers may be passed as arguments: control characters are escaped.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

enum log_level {
    LOG_LEVEL_FATAL,
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_NOISE
};

/* Where lines go. `file` may be NULL. Replaces the earlier target whole or, on failure, not at all. Called at start
 * and on reload, by main only. With `reopen` alone unchanged arguments reopen the file (log rotation). */
struct log_target {
    const char *file; /* appended to, mode 0600 when made */
    bool to_stderr;
    bool to_syslog;
    const char *syslog_ident;
    const char *syslog_facility; /* "daemon", "local0", … */
};
struct err log_open(const struct log_target *target) MUST_CHECK;

/* -1: up to WARNING; 0: also INFO; 1: also DEBUG; 2 and more: also NOISE. */
void log_set_verbose(int verbose);
bool log_enabled(enum log_level level);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_fatal(...)   log_write(LOG_LEVEL_FATAL, __VA_ARGS__)
#define log_error(...)   log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)                                                                                                 \
    do {                                                                                                               \
        if (log_enabled(LOG_LEVEL_DEBUG))                                                                              \
            log_write(LOG_LEVEL_DEBUG, __VA_ARGS__);                                                                   \
    } while (0)

#endif
