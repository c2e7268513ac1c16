/*
 * storm.c: how long running sessions wait for an answer while foreign clients arrive.
 *
 *   storm PID PORT STATE-DIR CALLERS [RATE [SECONDS [ROUNDS]]]
 *
 * Four sessions that are logged in send `SELECT 1`, each at its own steady pace, and note how long the answer took. By
 * turns, in every round: calm; a storm of TLS logins with a client certificate that nobody looks at (user bare); the
 * same storm with certificates of the same kind, whose evidence is judged (user foreign). What the third has beyond the
 * second is what judging costs the sessions. Every login of the storm shows a certificate made for it alone. The
 * clients of the storm are a program of their own, CALLERS (bench/callers).
 *
 * Latencies are of the wall clock, from when it was due to be sent to ReadyForQuery, and counted in classes of powers
 * of two: on a machine that has other work they are that work's, too. What is not is the processor time that the
 * pooler's threads (of process PID, schedstat) take: that of its one worker, which is the busiest while all is calm,
 * and that of all others.
 *
 * Fails where somebody was refused, or where a judged login costs the worker more beyond a bare one than it costs the
 * other threads, whose work judging is.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "mint.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <err.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SESSIONS = 4, CLASSES = 12, FIRST_CLASS_US = 64, PACE_US = 10000, MAX_LATENCIES = 1 << 20, MAX_THREADS = 64 };
enum { DEFAULT_RATE = 500, DEFAULT_SECONDS = 5, DEFAULT_ROUNDS = 3 };

enum phase { CALM, BARE, FOREIGN, PHASES };
static const char *const phase_names[PHASES] = {"calm", "logins alone", "logins with evidence judged"};
static const char *const phase_users[PHASES] = {"calm", "bare", "foreign"};

struct latencies {
    uint32_t us[MAX_LATENCIES];
    size_t count;
};

struct usage {
    long tid[MAX_THREADS];
    double us[MAX_THREADS];
    size_t count;
};

static struct {
    int pid, port;
    long worker; /* the thread */
    double worker_us[PHASES], others_us[PHASES];
    const char *callers;
    char *certificates; /* the file with one for each login of a round, and its key */
    size_t rate, seconds, rounds;
    atomic_bool over;
    size_t logins[PHASES], refused[PHASES];
    struct latencies *latencies[PHASES];
    pthread_mutex_t lock; /* over latencies */
} storm = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int dial(void)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)storm.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct timeval limit = {.tv_sec = 30};
    if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) < 0)
        err(1, "cannot connect to port %d", storm.port);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

/* A StartupMessage; its size. */
static size_t startup(const char *user, uint8_t out[128])
{
    static const uint8_t version[] = {0, 3, 0, 0};
    char text[96];
    int size = snprintf(text, sizeof text, "user%c%s%cdatabase%cbench%c", 0, user, 0, 0, 0) + 1;
    memset(out, 0, 128);
    memcpy(out + 4, version, sizeof version);
    memcpy(out + 8, text, (size_t)size);
    out[3] = (uint8_t)(8 + size);
    return 8 + (size_t)size;
}

/* Whether what has been read ends in ReadyForQuery. */
static bool is_ready(const uint8_t *bytes, size_t size)
{
    static const uint8_t ready[] = {'Z', 0, 0, 0, 5, 'I'};
    return size >= sizeof ready && memcmp(bytes + size - sizeof ready, ready, sizeof ready) == 0;
}

static bool await_ready(int fd)
{
    uint8_t bytes[8192];
    size_t size = 0;
    while (!is_ready(bytes, size)) {
        ssize_t n = read(fd, bytes + size, sizeof bytes - size);
        if (n <= 0 || size + (size_t)n == sizeof bytes)
            return false;
        size += (size_t)n;
    }
    return true;
}

static bool send_all(int fd, const uint8_t *bytes, size_t size)
{
    return write(fd, bytes, size) == (ssize_t)size;
}

/* ---- sessions ---- */

static void note(enum phase phase, int64_t us)
{
    pthread_mutex_lock(&storm.lock);
    struct latencies *latencies = storm.latencies[phase];
    if (latencies->count < MAX_LATENCIES)
        latencies->us[latencies->count++] = (uint32_t)us;
    pthread_mutex_unlock(&storm.lock);
}

static void sleep_until(int64_t at_us)
{
    int64_t left = at_us - clock_monotonic_us();
    if (left > 0)
        usleep((useconds_t)left);
}

static void *session(void *arg)
{
    static const uint8_t query[] = "Q\0\0\0\rSELECT 1";
    const enum phase phase = *(const enum phase *)arg;
    uint8_t hello[128];
    int fd = dial();
    if (!send_all(fd, hello, startup("calm", hello)) || !await_ready(fd))
        errx(1, "a session could not log in");
    for (int64_t due_us = clock_monotonic_us(); !atomic_load(&storm.over); due_us += PACE_US) {
        bool is_late = clock_monotonic_us() > due_us; /* the answer before kept it: that is part of its latency */
        sleep_until(due_us);
        int64_t began = is_late ? due_us : clock_monotonic_us();
        if (!send_all(fd, query, sizeof query) || !await_ready(fd))
            errx(1, "a session was ended");
        note(phase, clock_monotonic_us() - began);
    }
    close(fd);
    return NULL;
}

/* ---- the storm ---- */

/* A file with `count` new certificates, each before its key. */
static void mint_all(struct provider *provider, size_t count)
{
    uint8_t nonce[MINT_NONCE_SIZE];
    FILE *file = fopen(storm.certificates, "w");
    if (!file)
        err(1, "%s", storm.certificates);
    for (size_t i = 0; i < count; i++) {
        if (RAND_bytes(nonce, sizeof nonce) != 1)
            errx(1, "no random numbers");
        struct tls_identity *identity = mint_identity(provider, nonce);
        if (PEM_write_X509(file, tls_identity_certificate(identity)) != 1 ||
            PEM_write_PKCS8PrivateKey(file, tls_identity_key(identity), NULL, NULL, 0, NULL, NULL) != 1)
            errx(1, "%s cannot be written", storm.certificates);
        tls_identity_release(identity);
    }
    if (fclose(file) != 0)
        err(1, "%s", storm.certificates);
}

struct callers {
    pid_t pid;
    FILE *to, *from;
};

static void callers_exec(enum phase phase)
{
    char port[16], rate[24], seconds[24];
    snprintf(port, sizeof port, "%d", storm.port);
    snprintf(rate, sizeof rate, "%zu", storm.rate);
    snprintf(seconds, sizeof seconds, "%zu", storm.seconds);
    execl(storm.callers, storm.callers, port, phase_users[phase], rate, seconds, storm.certificates, (char *)NULL);
    err(1, "%s", storm.callers);
}

/* Returns when they have read their certificates. */
static struct callers callers_start(enum phase phase)
{
    int to[2], from[2];
    char line[64];
    if (pipe(to) < 0 || pipe(from) < 0)
        err(1, "pipe");
    struct callers callers = {.pid = fork()};
    if (callers.pid < 0)
        err(1, "fork");
    if (callers.pid == 0) {
        dup2(to[0], STDIN_FILENO);
        dup2(from[1], STDOUT_FILENO);
        for (int i = 0; i < 2; i++) {
            close(to[i]);
            close(from[i]);
        }
        callers_exec(phase);
    }
    close(to[0]);
    close(from[1]);
    callers.to = fdopen(to[1], "w");
    callers.from = fdopen(from[0], "r");
    if (!callers.to || !callers.from || !fgets(line, sizeof line, callers.from))
        errx(1, "%s did not start", storm.callers);
    return callers;
}

static void callers_go(struct callers *callers)
{
    if (fputs("go\n", callers->to) < 0 || fflush(callers->to) != 0)
        errx(1, "%s did not begin", storm.callers);
}

static void callers_finish(struct callers *callers, enum phase phase)
{
    char line[64];
    char *end = line;
    bool told = fgets(line, sizeof line, callers->from) != NULL;
    if (told) {
        storm.logins[phase] += strtoul(line, &end, 10);
        storm.refused[phase] += strtoul(end, &end, 10);
    }
    if (!told || *end != '\n' || waitpid(callers->pid, NULL, 0) < 0)
        errx(1, "%s did not end well", storm.callers);
    fclose(callers->to);
    fclose(callers->from);
}

static void start(pthread_t *thread, void *(*run)(void *), void *arg)
{
    if (pthread_create(thread, NULL, run, arg) != 0)
        errx(1, "cannot start a thread");
}

static void run_phase(enum phase phase)
{
    pthread_t sessions[SESSIONS];
    struct callers callers;
    if (phase != CALM)
        callers = callers_start(phase);
    int64_t began_us = clock_monotonic_us();
    atomic_store(&storm.over, false);
    for (size_t i = 0; i < SESSIONS; i++)
        start(&sessions[i], session, &phase);
    if (phase != CALM)
        callers_go(&callers);
    sleep_until(began_us + (int64_t)storm.seconds * 1000000);
    atomic_store(&storm.over, true);
    for (size_t i = 0; i < SESSIONS; i++)
        pthread_join(sessions[i], NULL);
    if (phase != CALM)
        callers_finish(&callers, phase);
}

/* ---- processor time ---- */

/* Of one thread of the pooler, in microseconds. */
static double thread_us(long tid)
{
    char path[64], text[128];
    snprintf(path, sizeof path, "/proc/%d/task/%ld/schedstat", storm.pid, tid);
    FILE *file = fopen(path, "r");
    if (!file || !fgets(text, sizeof text, file))
        errx(1, "%s cannot be read", path);
    fclose(file);
    return strtod(text, NULL) / 1000;
}

static void take_usage(struct usage *usage)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/task", storm.pid);
    DIR *folder = opendir(path);
    if (!folder)
        err(1, "%s", path);
    usage->count = 0;
    for (struct dirent *entry; (entry = readdir(folder)) && usage->count < MAX_THREADS;)
        if (entry->d_name[0] != '.') {
            usage->tid[usage->count] = strtol(entry->d_name, NULL, 10);
            usage->us[usage->count] = thread_us(usage->tid[usage->count]);
            usage->count++;
        }
    closedir(folder);
    if (usage->count == 0)
        errx(1, "process %d has no threads", storm.pid);
}

/* What was used since `before`, of the worker and of all others. The threads are the same throughout. */
static void count_usage(enum phase phase, const struct usage *before)
{
    struct usage now = {0};
    take_usage(&now);
    if (now.count == 0 || now.count != before->count)
        errx(1, "the pooler's threads have changed");
    for (size_t i = 0; i < now.count; i++)
        now.us[i] -= before->us[i];
    if (phase == CALM) {
        size_t busiest = 0;
        for (size_t i = 1; i < now.count; i++)
            busiest = now.us[i] > now.us[busiest] ? i : busiest;
        storm.worker = now.tid[busiest];
    }
    for (size_t i = 0; i < now.count; i++)
        *(now.tid[i] == storm.worker ? &storm.worker_us[phase] : &storm.others_us[phase]) += now.us[i];
}

/* ---- results ---- */

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint32_t quantile(const struct latencies *latencies, double part)
{
    size_t at = (size_t)(part * (double)latencies->count);
    return latencies->count == 0 ? 0 : latencies->us[at < latencies->count ? at : latencies->count - 1];
}

static void print_row(const char *title, double values[PHASES], int digits)
{
    printf("| %s |", title);
    for (int i = 0; i < PHASES; i++) {
        putchar(' ');
        printf("%.*f", digits, values[i]);
        printf(" |");
    }
    putchar('\n');
}

static void print_quantiles(void)
{
    static const struct {
        const char *title;
        double part;
    } rows[] = {{"median, us", 0.5},
                {"90 of 100 within, us", 0.9},
                {"99 of 100 within, us", 0.99},
                {"999 of 1000 within, us", 0.999}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double values[PHASES];
        for (int phase = 0; phase < PHASES; phase++)
            values[phase] = quantile(storm.latencies[phase], rows[i].part);
        print_row(rows[i].title, values, 0);
    }
}

static void print_histogram(void)
{
    for (int class = 0; class < CLASSES; class ++) {
        uint32_t from = class == 0 ? 0 : (uint32_t)FIRST_CLASS_US << (class - 1);
        uint32_t to = class == CLASSES - 1 ? UINT32_MAX : (uint32_t)FIRST_CLASS_US << class;
        double values[PHASES];
        char title[64];
        for (int phase = 0; phase < PHASES; phase++) {
            const struct latencies *latencies = storm.latencies[phase];
            size_t in = 0;
            for (size_t i = 0; i < latencies->count; i++)
                in += latencies->us[i] >= from && latencies->us[i] < to;
            values[phase] = latencies->count == 0 ? 0 : 100.0 * (double)in / (double)latencies->count;
        }
        if (class == CLASSES - 1)
            snprintf(title, sizeof title, "%u us and more, %%", from);
        else
            snprintf(title, sizeof title, "%u to %u us, %%", from, to);
        print_row(title, values, 3);
    }
}

/* Of the worker's time, an answer costs what it costs while all is calm; the rest is the logins'. Returns whether
 * judging is none of it. */
static bool print_usage(const double logins[PHASES], const double answers[PHASES])
{
    double worker[PHASES] = {0}, others[PHASES] = {0};
    double per_answer = storm.worker_us[CALM] / answers[CALM];
    for (int i = BARE; i < PHASES; i++) {
        double count = logins[i] * (double)(storm.seconds * storm.rounds);
        worker[i] = (storm.worker_us[i] - per_answer * answers[i]) / count;
        others[i] = storm.others_us[i] / count;
    }
    print_row("the worker's CPU us a login", worker, 0);
    print_row("other threads' CPU us a login", others, 0);
    return worker[FOREIGN] - worker[BARE] < others[FOREIGN] - others[BARE];
}

static void print_results(void)
{
    size_t all_refused = 0;
    double logins[PHASES], refused[PHASES], answers[PHASES];
    printf("| |");
    for (int i = 0; i < PHASES; i++) {
        printf(" %s |", phase_names[i]);
        qsort(storm.latencies[i]->us, storm.latencies[i]->count, sizeof(uint32_t), compare);
        logins[i] = (double)storm.logins[i] / (double)(storm.seconds * storm.rounds);
        refused[i] = (double)storm.refused[i];
        all_refused += storm.refused[i];
        answers[i] = (double)storm.latencies[i]->count;
    }
    printf("\n|---|---:|---:|---:|\n");
    print_row("logins a second", logins, 0);
    print_row("refused", refused, 0);
    print_row("answers", answers, 0);
    bool is_crews = print_usage(logins, answers);
    print_quantiles();
    print_histogram();
    if (all_refused > 0 || storm.logins[BARE] == 0 || storm.logins[FOREIGN] == 0)
        errx(1, "not everybody was let in");
    if (!is_crews)
        errx(1, "the worker takes part in judging");
}

static size_t number(int argc, char **argv, int at, size_t otherwise)
{
    size_t value = argc > at ? strtoul(argv[at], NULL, 10) : otherwise;
    if (value == 0)
        errx(2, "argument %d is no number", at);
    return value;
}

int main(int argc, char **argv)
{
    if (argc < 5)
        errx(2, "usage: storm PID PORT STATE-DIR CALLERS [RATE [SECONDS [ROUNDS]]]");
    storm.pid = (int)number(argc, argv, 1, 0);
    storm.port = (int)number(argc, argv, 2, 0);
    storm.rate = number(argc, argv, 5, DEFAULT_RATE);
    storm.seconds = number(argc, argv, 6, DEFAULT_SECONDS);
    storm.rounds = number(argc, argv, 7, DEFAULT_ROUNDS);
    storm.callers = argv[4];
    storm.certificates = mem_format("%s/storm.pem", argv[3]);
    struct provider *provider = mint_open(argv[3]);
    for (int i = 0; i < PHASES; i++)
        storm.latencies[i] = NEW(struct latencies);
    for (size_t round = 0; round < storm.rounds; round++) {
        fprintf(stderr, "round %zu/%zu: making %zu certificates\n", round + 1, storm.rounds,
                storm.rate * storm.seconds);
        mint_all(provider, storm.rate * storm.seconds);
        for (int phase = 0; phase < PHASES; phase++) {
            fprintf(stderr, "round %zu/%zu: %s\n", round + 1, storm.rounds, phase_names[phase]);
            struct usage before;
            take_usage(&before);
            run_phase((enum phase)phase);
            count_usage((enum phase)phase, &before);
        }
    }
    print_results();
    free(storm.certificates);
    for (int i = 0; i < PHASES; i++)
        free(storm.latencies[i]);
    provider_free(provider);
    return 0;
}
