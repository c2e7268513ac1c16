#include "attest/journal.h"

#include "attest/journal_line.h"
#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JOURNAL_PREFIX_SIZE  5                     /* bytes of an id that stand for the process */
#define JOURNAL_COUNTER_MASK UINT64_C(0xfffffffff) /* what fits behind them */

/* The file that lines are appended to. A line is one write under the lock, so that none is torn by another, and none
 * goes to a file that is closed meanwhile. */
struct journal_log {
    pthread_mutex_t lock;
    int fd;          /* -1: none */
    bool is_failing; /* the last line was not written whole; said once */
    bool is_torn;    /* the file ends within a line */
};

/* `ring` holds the last `count` entries; the one written next stands at `next`. */
struct journal {
    pthread_mutex_t lock; /* over all but prefix, limit and log */
    struct journal_entry **ring;
    size_t limit;
    size_t next;
    size_t count;
    uint64_t written;
    struct journal_counts counts;
    char prefix[2 * JOURNAL_PREFIX_SIZE + 1];
    struct journal_log log;
};

struct journal *journal_new(size_t limit)
{
    struct journal *journal = NEW(struct journal);
    uint8_t random[JOURNAL_PREFIX_SIZE];
    if (RAND_bytes(random, sizeof random) != 1) {
        log_warning("no random numbers for the journal: ids may repeat in another process");
        memset(random, 0, sizeof random);
    }
    hex_encode(BYTES(random), journal->prefix);
    pthread_mutex_init(&journal->lock, NULL);
    pthread_mutex_init(&journal->log.lock, NULL);
    journal->log.fd = -1;
    journal->limit = limit > 0 ? limit : 1;
    journal->ring = NEW_ARRAY(struct journal_entry *, journal->limit);
    return journal;
}

void journal_free(struct journal *journal)
{
    if (!journal)
        return;
    for (size_t i = 0; i < journal->limit; i++)
        journal_drop(journal->ring[i]);
    if (journal->log.fd >= 0)
        close(journal->log.fd);
    pthread_mutex_destroy(&journal->log.lock);
    pthread_mutex_destroy(&journal->lock);
    free(journal->ring);
    free(journal);
}

struct err journal_open_log(struct journal *journal, const char *path)
{
    struct journal_log *log = &journal->log;
    int fd = -1;
    if (path[0]) {
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
        if (fd < 0)
            return err_system("cannot open attest_log \"%s\"", path);
    }
    pthread_mutex_lock(&log->lock);
    int before = log->fd;
    log->fd = fd;
    log->is_failing = false;
    log->is_torn = false;
    pthread_mutex_unlock(&log->lock);
    if (before >= 0)
        close(before);
    return OK;
}

static ssize_t write_once(int fd, const char *text, size_t n)
{
    ssize_t written;
    do {
        written = write(fd, text, n);
    } while (written < 0 && errno == EINTR);
    return written;
}

/* Under the log's lock. A line that a full disk cut off is ended before the next one. */
static void log_append(struct journal_log *log, const char *line)
{
    size_t n = strlen(line);
    if (log->is_torn && write_once(log->fd, "\n", 1) == 1)
        log->is_torn = false;
    ssize_t written = write_once(log->fd, line, n);
    bool is_whole = written >= 0 && (size_t)written == n;
    if (written > 0 && !is_whole)
        log->is_torn = true;
    if (!is_whole && !log->is_failing)
        log_error("cannot append to attest_log: %s; verdicts are missing there from now on",
                  written < 0 ? strerror(errno) : "the disk is full");
    if (is_whole && log->is_failing)
        log_info("attest_log can be written to again");
    log->is_failing = !is_whole;
}

static void journal_log(struct journal *journal, const struct journal_entry *entry)
{
    struct journal_log *log = &journal->log;
    char *line = journal_line(entry);
    pthread_mutex_lock(&log->lock);
    if (log->fd >= 0)
        log_append(log, line);
    pthread_mutex_unlock(&log->lock);
    free(line);
}

static char *text_or_none(const char *text)
{
    return mem_string(text ? text : "");
}

static struct journal_entry *entry_new(const struct journal_peer *peer, struct verdict *verdict)
{
    struct journal_entry *entry = NEW(struct journal_entry);
    atomic_init(&entry->references, 2); /* the ring's and the writer's */
    entry->role = text_or_none(peer->role);
    entry->user = text_or_none(peer->user);
    entry->database = text_or_none(peer->database);
    entry->address = text_or_none(peer->address);
    entry->port = peer->port;
    entry->client_id = peer->client_id;
    entry->verdict = *verdict;
    *verdict = (struct verdict){.kind = VERDICT_DENY};
    return entry;
}

static struct journal_entry *entry_ref(struct journal_entry *entry)
{
    atomic_fetch_add_explicit(&entry->references, 1, memory_order_relaxed);
    return entry;
}

void journal_drop(struct journal_entry *entry)
{
    if (!entry || atomic_fetch_sub_explicit(&entry->references, 1, memory_order_acq_rel) != 1)
        return;
    verdict_release(&entry->verdict);
    free(entry->role);
    free(entry->user);
    free(entry->database);
    free(entry->address);
    free(entry);
}

/* Under the lock. */
static void count_verdict(struct journal_counts *counts, enum verdict_kind kind)
{
    switch (kind) {
    case VERDICT_DENY:
        counts->denied++;
        break;
    case VERDICT_WARN:
        counts->warned++;
        break;
    case VERDICT_ALLOW:
        counts->allowed++;
        break;
    }
}

/* Names the entry and puts it into the ring. */
static void journal_keep(struct journal *journal, struct journal_entry *entry)
{
    pthread_mutex_lock(&journal->lock);
    snprintf(entry->id, sizeof entry->id, "%s%08" PRIx64, journal->prefix, ++journal->written & JOURNAL_COUNTER_MASK);
    struct journal_entry *oldest = journal->ring[journal->next];
    journal->ring[journal->next] = entry;
    journal->next = (journal->next + 1) % journal->limit;
    if (journal->count < journal->limit)
        journal->count++;
    count_verdict(&journal->counts, entry->verdict.kind);
    pthread_mutex_unlock(&journal->lock);
    journal_drop(oldest);
}

void journal_write(struct journal *journal, const struct journal_peer *peer, struct verdict *verdict,
                   char id[JOURNAL_ID_SIZE])
{
    struct journal_entry *entry = entry_new(peer, verdict);
    journal_keep(journal, entry);
    journal_log(journal, entry);
    memcpy(id, entry->id, JOURNAL_ID_SIZE);
    journal_drop(entry);
}

/* Under the lock: 0 is the newest. */
static struct journal_entry *entry_at(const struct journal *journal, size_t age)
{
    return journal->ring[(journal->next + journal->limit - 1 - age) % journal->limit];
}

struct journal_entry **journal_latest(struct journal *journal, size_t *count)
{
    pthread_mutex_lock(&journal->lock);
    *count = journal->count;
    struct journal_entry **latest = NEW_ARRAY(struct journal_entry *, journal->count + 1);
    for (size_t i = 0; i < journal->count; i++)
        latest[i] = entry_ref(entry_at(journal, i));
    pthread_mutex_unlock(&journal->lock);
    return latest;
}

struct journal_entry *journal_find(struct journal *journal, const char *id)
{
    struct journal_entry *found = NULL;
    pthread_mutex_lock(&journal->lock);
    for (size_t i = 0; i < journal->count && !found; i++)
        if (strcmp(entry_at(journal, i)->id, id) == 0)
            found = entry_ref(entry_at(journal, i));
    pthread_mutex_unlock(&journal->lock);
    return found;
}

struct journal_counts journal_count(struct journal *journal)
{
    pthread_mutex_lock(&journal->lock);
    struct journal_counts counts = journal->counts;
    pthread_mutex_unlock(&journal->lock);
    return counts;
}
