/*
 * snp_guest.c: for tests, by LD_PRELOAD: a process that believes to run in an SEV-SNP guest.
 *
 * What it does with /dev/sev-guest, configfs-tsm, and the CPUID and MSR devices goes to the imagined machine of
 * test/support/machine.py, over the Unix socket named by PGVOUCH_TEST_MACHINE; everything else goes to libc. This file
 * only carries calls: how the kernel, the host and the processor behave is decided there.
 *
 * Each file is a connection (SOCK_SEQPACKET), whose descriptor the process holds in the file's place. A call is one
 * message and gets one answer.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_MAX 65536
#define FILES_MAX   65536

enum operation {
    OP_ACCESS = 1,
    OP_MKDIR,
    OP_RMDIR,
    OP_CHOWN,
    OP_OPEN,
    OP_READ,
    OP_PREAD,
    OP_WRITE,
    OP_CLOSE,
    OP_IOCTL,
    OP_FLOCK,
};

struct call {
    uint32_t operation;
    uint32_t number; /* flags, size, or the ioctl's code */
    uint64_t offset;
    uint8_t payload[MESSAGE_MAX];
};

struct answer {
    int32_t error; /* errno; 0: success */
    int32_t value; /* what the call returns; of an ioctl what the payload holds */
    uint8_t payload[MESSAGE_MAX];
};
#define ANSWER_HEAD offsetof(struct answer, payload)

/* <linux/sev-guest.h> */
struct guest_request {
    uint8_t msg_version;
    uint64_t req_data, resp_data, exitinfo2;
};
struct guest_ask {
    uint8_t user_data[64];
    uint32_t vmpl;
    uint8_t rsvd[28];
    uint64_t certs_address; /* from here on of SNP_GET_EXT_REPORT alone */
    uint32_t certs_len;
};
#define SNP_GET_REPORT     0xc0205300UL
#define SNP_GET_EXT_REPORT 0xc0205302UL
#define ASK_SIZE_PLAIN     96
#define RESPONSE_SIZE      4000

/* What an ioctl's answer holds after the request itself. */
enum { HOLDS_REQUEST = 1, HOLDS_ASK = 2, HOLDS_RESPONSE = 4 };

/* The path behind each of our descriptors; NULL: not ours. */
static _Atomic(char *) files[FILES_MAX];

/* The next one's definition of the function that calls this. */
#define REAL(name) ((__typeof__(&name))real_function(#name))

static void *real_function(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

static const char *file_path(int fd)
{
    return fd >= 0 && fd < FILES_MAX ? atomic_load(&files[fd]) : NULL;
}

static int is_ours(const char *path)
{
    static const char *const prefixes[] = {"/dev/sev-guest", "/dev/cpu/0/", "/sys/kernel/config/tsm"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (path && strncmp(path, prefixes[i], strlen(prefixes[i])) == 0)
            return getenv("PGVOUCH_TEST_MACHINE") != NULL;
    return 0;
}

static int machine_connect(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = getenv("PGVOUCH_TEST_MACHINE");
    if (!path || strlen(path) >= sizeof address.sun_path)
        abort();
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        abort(); /* a machine that is not there is no result of a test */
    return fd;
}

/* Carries one call, returns its value or -1 with errno. *size is that of the answer's payload. */
static int machine_call(int fd, const struct call *call, size_t payload_size, struct answer *answer, size_t *size)
{
    ssize_t n = send(fd, call, offsetof(struct call, payload) + payload_size, MSG_NOSIGNAL);
    if (n > 0)
        do
            n = recv(fd, answer, sizeof *answer, 0);
        while (n < 0 && errno == EINTR);
    if (n < (ssize_t)ANSWER_HEAD) {
        errno = ENODEV; /* the machine is gone */
        return -1;
    }
    *size = (size_t)n - ANSWER_HEAD;
    if (answer->error) {
        errno = answer->error;
        return -1;
    }
    return answer->value;
}

/* A call about a path, over the connection `fd`. */
static int machine_call_path(int fd, enum operation operation, uint32_t number, const char *path)
{
    struct call call = {.operation = operation, .number = number};
    struct answer answer;
    size_t size, n = strlen(path);
    if (n >= sizeof call.payload)
        abort();
    memcpy(call.payload, path, n);
    return machine_call(fd, &call, n, &answer, &size);
}

static int machine_ask(enum operation operation, uint32_t number, const char *path)
{
    int fd = machine_connect();
    int result = machine_call_path(fd, operation, number, path), error = errno;
    REAL(close)(fd);
    errno = error;
    return result;
}

static int machine_open(const char *path, int flags)
{
    int fd = machine_connect();
    if (fd >= FILES_MAX)
        abort();
    if (machine_call_path(fd, OP_OPEN, (uint32_t)flags, path) < 0) {
        int error = errno;
        REAL(close)(fd);
        errno = error;
        return -1;
    }
    atomic_store(&files[fd], strdup(path));
    return fd;
}

static ssize_t machine_read(int fd, enum operation operation, void *out, size_t n, off_t offset)
{
    struct call call = {.operation = operation, .number = (uint32_t)n, .offset = (uint64_t)offset};
    struct answer answer;
    size_t size;
    if (machine_call(fd, &call, 0, &answer, &size) < 0)
        return -1;
    if (size > n)
        abort();
    memcpy(out, answer.payload, size);
    return (ssize_t)size;
}

static ssize_t machine_write(int fd, const void *bytes, size_t n)
{
    struct call call = {.operation = OP_WRITE};
    struct answer answer;
    size_t size;
    if (n > sizeof call.payload)
        n = sizeof call.payload;
    memcpy(call.payload, bytes, n);
    return machine_call(fd, &call, n, &answer, &size);
}

static int machine_close(int fd)
{
    struct call call = {.operation = OP_CLOSE};
    struct answer answer;
    size_t size;
    int result = machine_call(fd, &call, 0, &answer, &size), error = errno;
    free(atomic_exchange(&files[fd], NULL));
    REAL(close)(fd);
    errno = error;
    return result;
}

/* The kernel copies the caller's structs in before it does anything, and back what has changed. */
static int machine_ioctl(int fd, unsigned long code, struct guest_request *request)
{
    struct call call = {.operation = OP_IOCTL, .number = (uint32_t)code};
    struct answer answer;
    struct guest_ask *ask = (struct guest_ask *)(uintptr_t)request->req_data;
    size_t size = 0, ask_size = code == SNP_GET_REPORT ? ASK_SIZE_PLAIN : sizeof *ask, at = sizeof *request;
    memcpy(call.payload, request, sizeof *request);
    if (ask && (code == SNP_GET_REPORT || code == SNP_GET_EXT_REPORT))
        memcpy(call.payload + sizeof *request, ask, ask_size);
    void *response = (void *)(uintptr_t)request->resp_data;
    struct answer *got = &answer;
    got->error = ENODEV;
    int result = machine_call(fd, &call, sizeof *request + ask_size, got, &size), error = errno;
    if (size < sizeof *request)
        return result;
    if (got->value & HOLDS_REQUEST)
        memcpy(request, got->payload, sizeof *request);
    if (got->value & HOLDS_ASK)
        memcpy(ask, got->payload + at, ask_size);
    at += ask_size;
    if (got->value & HOLDS_RESPONSE) {
        memcpy(response, got->payload + at, RESPONSE_SIZE);
        at += RESPONSE_SIZE;
        if (size > at)
            memcpy((void *)(uintptr_t)ask->certs_address, got->payload + at, size - at);
    }
    errno = error;
    return result < 0 ? -1 : 0;
}

/* ---- what the process calls ---- */

int access(const char *path, int mode)
{
    return is_ours(path) ? machine_ask(OP_ACCESS, (uint32_t)mode, path) : REAL(access)(path, mode);
}

int mkdir(const char *path, mode_t mode)
{
    return is_ours(path) ? machine_ask(OP_MKDIR, mode, path) : REAL(mkdir)(path, mode);
}

int rmdir(const char *path)
{
    return is_ours(path) ? machine_ask(OP_RMDIR, 0, path) : REAL(rmdir)(path);
}

int open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return is_ours(path) ? machine_open(path, flags) : REAL(open)(path, flags, mode);
}

/* Below one of our directories, or anywhere else. */
static char *path_at(int directory, const char *path)
{
    const char *above = file_path(directory);
    if (!above || *path == '/')
        return NULL;
    size_t n = strlen(above) + strlen(path) + 2;
    char *whole = malloc(n);
    if (!whole)
        abort();
    strcpy(whole, above);
    if (strcmp(path, ".") != 0) {
        strcat(whole, "/");
        strcat(whole, path);
    }
    return whole;
}

int openat(int directory, const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    char *whole = path_at(directory, path);
    int fd = whole           ? machine_open(whole, flags)
             : is_ours(path) ? machine_open(path, flags)
                             : REAL(openat)(directory, path, flags, mode);
    free(whole);
    return fd;
}

int fchownat(int directory, const char *path, uid_t owner, gid_t group, int flags)
{
    char *whole = path_at(directory, path);
    int result = whole ? machine_ask(OP_CHOWN, owner, whole) : REAL(fchownat)(directory, path, owner, group, flags);
    free(whole);
    return result;
}

ssize_t read(int fd, void *out, size_t n)
{
    return file_path(fd) ? machine_read(fd, OP_READ, out, n, 0) : REAL(read)(fd, out, n);
}

ssize_t pread(int fd, void *out, size_t n, off_t offset)
{
    return file_path(fd) ? machine_read(fd, OP_PREAD, out, n, offset) : REAL(pread)(fd, out, n, offset);
}

ssize_t write(int fd, const void *bytes, size_t n)
{
    return file_path(fd) ? machine_write(fd, bytes, n) : REAL(write)(fd, bytes, n);
}

int close(int fd)
{
    return file_path(fd) ? machine_close(fd) : REAL(close)(fd);
}

int ioctl(int fd, unsigned long code, ...)
{
    va_list rest;
    va_start(rest, code);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    return file_path(fd) ? machine_ioctl(fd, code, argument) : REAL(ioctl)(fd, code, argument);
}

int flock(int fd, int operation)
{
    struct call call = {.operation = OP_FLOCK, .number = (uint32_t)operation};
    struct answer answer;
    size_t size;
    return file_path(fd) ? machine_call(fd, &call, 0, &answer, &size) : REAL(flock)(fd, operation);
}

/* By the names that programs with 64-bit offsets use, Python among them. */
int open64(const char *path, int flags, ...) __attribute__((alias("open")));
int openat64(int directory, const char *path, int flags, ...) __attribute__((alias("openat")));
ssize_t pread64(int fd, void *out, size_t n, off_t offset) __attribute__((alias("pread")));

/* As the fortified library calls them. */
ssize_t __read_chk(int fd, void *out, size_t n, size_t room);
ssize_t __pread_chk(int fd, void *out, size_t n, off_t offset, size_t room);

ssize_t __read_chk(int fd, void *out, size_t n, size_t room)
{
    if (n > room)
        abort();
    return read(fd, out, n);
}

ssize_t __pread_chk(int fd, void *out, size_t n, off_t offset, size_t room)
{
    if (n > room)
        abort();
    return pread(fd, out, n, offset);
}
