#include "base/log.h"

#include "base/clock.h"
#include "base/mem.h"

#include <ctype.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>
#include <unistd.h>

#define LOG_LINE_SIZE 4096

/* `lock` guards where lines go; a line is written under it, so that closing a file cannot race with a write. A reader
 * of standard error that stalls holds up every thread that logs, and would without the lock: each in its own write,
 * since a line must be out before what follows from it. Threads that log nothing go on. */
static struct {
    pthread_mutex_t lock;
    int fd;
    bool to_stderr;
    bool to_syslog;
    char *ident;
    _Atomic int verbose;
} logger = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1, .to_stderr = true};

static const char *const level_names[] = {"FATAL", "ERROR", "WARNING", "LOG", "DEBUG", "NOISE"};
static const int level_priorities[] = {LOG_CRIT, LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG, LOG_DEBUG};

static struct err log_facility(const char *name, int *out)
{
    static const struct {
        const char *name;
        int facility;
    } known[] = {{"auth", LOG_AUTH},     {"authpriv", LOG_AUTHPRIV}, {"daemon", LOG_DAEMON}, {"user", LOG_USER},
                 {"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1},     {"local2", LOG_LOCAL2}, {"local3", LOG_LOCAL3},
                 {"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5},     {"local6", LOG_LOCAL6}, {"local7", LOG_LOCAL7}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcasecmp(known[i].name, name) == 0) {
            *out = known[i].facility;
            return OK;
        }
    }
    return err_make(ERR_INPUT, "unknown syslog facility \"%s\"", name);
}

struct err log_open(const struct log_target *target)
{
    int fd = -1;
    int facility = LOG_DAEMON;
    if (target->to_syslog)
        TRY(log_facility(target->syslog_facility, &facility));
    if (target->file && target->file[0]) {
        fd = open(target->file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (fd < 0)
            return err_system("cannot open log file \"%s\"", target->file);
    }
    pthread_mutex_lock(&logger.lock);
    if (logger.fd >= 0)
        close(logger.fd);
    if (logger.to_syslog)
        closelog();
    free(logger.ident);
    logger.ident = NULL;
    logger.fd = fd;
    logger.to_stderr = target->to_stderr;
    logger.to_syslog = target->to_syslog;
    if (target->to_syslog) {
        logger.ident = mem_string(target->syslog_ident); /* openlog keeps the pointer */
        openlog(logger.ident, LOG_PID, facility);
    }
    pthread_mutex_unlock(&logger.lock);
    return OK;
}

void log_set_verbose(int verbose)
{
    atomic_store_explicit(&logger.verbose, verbose, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
    return (int)level <= (int)LOG_LEVEL_INFO + atomic_load_explicit(&logger.verbose, memory_order_relaxed);
}

/* A peer must not be able to forge a line or drive a terminal. */
static void log_escape(char *text)
{
    for (char *p = text; *p; p++)
        if (iscntrl((unsigned char)*p))
            *p = *p == '\n' || *p == '\t' ? ' ' : '?';
}

static void log_emit(enum log_level level, const char *text)
{
    char stamp[CLOCK_TEXT_SIZE];
    char line[LOG_LINE_SIZE + 128];
    clock_text(clock_wall_us(), stamp);
    int n = snprintf(line, sizeof line, "%s [%d] %s %s\n", stamp, (int)getpid(), level_names[level], text);
    pthread_mutex_lock(&logger.lock);
    ssize_t ignored = 0;
    if (logger.fd >= 0)
        ignored = write(logger.fd, line, (size_t)n);
    if (logger.to_stderr)
        ignored = write(STDERR_FILENO, line, (size_t)n);
    if (logger.to_syslog)
        syslog(level_priorities[level], "%s %s", level_names[level], text);
    pthread_mutex_unlock(&logger.lock);
    (void)ignored; /* a full disk must not stop the service */
}

void log_write(enum log_level level, const char *format, ...)
{
    if (!log_enabled(level))
        return;
    char text[LOG_LINE_SIZE];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0)
        return;
    log_escape(text);
    log_emit(level, text);
}
