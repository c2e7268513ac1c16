#include "pool/listener.h"

#include "base/log.h"
#include "base/mem.h"
#include "pool/tuning.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_FDS_START 3      /* sd_listen_fds(3) */
#define REST_US          250000 /* without descriptors or memory */

struct listener {
    int fd;
    bool is_unix;
    size_t worker;
    struct event *event;
    struct event *rest; /* takes `event` up again */
    listener_accepted *accepted;
    void *arg;
};

struct listeners {
    bool is_trial; /* nothing is listened on, nor said */
    struct listener *all;
    size_t count;
    char *unix_path; /* to be removed at the end; NULL for none, and for abstract names */
    dev_t unix_device;
    ino_t unix_inode;
};

static void listeners_add(struct listeners *listeners, int fd, bool is_unix, size_t worker)
{
    listeners->all = mem_resize(listeners->all, (listeners->count + 1) * sizeof *listeners->all);
    listeners->all[listeners->count++] = (struct listener){.fd = fd, .is_unix = is_unix, .worker = worker};
}

static void listener_set(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

/* ---- TCP ---- */

static struct err listener_bind(const struct addrinfo *where, const char *name, bool share, int *out)
{
    int fd = socket(where->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_system("cannot make a socket for %s", name);
    listener_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (share)
        listener_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (where->ai_family == AF_INET6)
        listener_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (bind(fd, where->ai_addr, where->ai_addrlen) != 0) {
        struct err e = err_system("cannot listen on %s", name);
        close(fd);
        return e;
    }
    *out = fd;
    return OK;
}

/* Sockets that share a port would hide another process on it: so it is tried alone first. */
static struct err listener_check_free(const struct addrinfo *where, const char *name)
{
    int fd = -1;
    TRY(listener_bind(where, name, false, &fd));
    close(fd);
    return OK;
}

static struct err listener_open_tcp(struct listeners *listeners, const struct config *config,
                                    const struct addrinfo *where, const char *host, size_t workers)
{
    char name[NI_MAXHOST + 8];
    snprintf(name, sizeof name, "%s:%d", host, config->set.listen_port);
    if (!config->set.so_reuseport)
        TRY(listener_check_free(where, name));
    for (size_t worker = 0; worker < workers; worker++) {
        int fd;
        TRY(listener_bind(where, name, true, &fd));
        listeners_add(listeners, fd, false, worker);
        if (config->set.tcp_defer_accept > 0)
            listener_set(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, (int)config->set.tcp_defer_accept);
        if (!listeners->is_trial && listen(fd, config->set.listen_backlog) != 0)
            return err_system("cannot listen on %s", name);
    }
    if (!listeners->is_trial)
        log_info("listening on %s", name);
    return OK;
}

static struct err listener_open_name(struct listeners *listeners, const struct config *config, const char *name,
                                     size_t workers)
{
    char port[16];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    bool any = strcmp(name, "*") == 0;
    snprintf(port, sizeof port, "%d", config->set.listen_port);
    int failure = getaddrinfo(any ? NULL : name, port, &hints, &found);
    if (failure)
        return err_make(ERR_NOT_FOUND, "listen_addr: cannot resolve \"%s\": %s", name, gai_strerror(failure));
    struct err e = OK;
    size_t before = listeners->count;
    for (struct addrinfo *one = found; one && !failed(e); one = one->ai_next) {
        e = listener_open_tcp(listeners, config, one, name, workers);
        /* A machine without IPv6 still serves "*". */
        if (failed(e) && any && (one->ai_next || listeners->count > before) && errno == EAFNOSUPPORT)
            e = OK;
    }
    freeaddrinfo(found);
    return e;
}

static struct err listener_open_names(struct listeners *listeners, const struct config *config, size_t workers)
{
    char *list = mem_string(config->set.listen_addr);
    char *cursor = NULL;
    struct err e = OK;
    for (char *name = strtok_r(list, ", \t", &cursor); name && !failed(e); name = strtok_r(NULL, ", \t", &cursor))
        e = listener_open_name(listeners, config, name, workers);
    free(list);
    return e;
}

/* ---- Unix ---- */

/* A file left behind by a process that has gone is removed; one that somebody listens on is not. */
static struct err listener_clear_path(const struct sockaddr_un *address, socklen_t size)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_system("cannot make a socket");
    bool alive = connect(fd, (const struct sockaddr *)address, size) == 0;
    close(fd);
    if (alive)
        return err_make(ERR_NOT_NOW, "unix socket \"%s\" is in use: another process listens on it", address->sun_path);
    if (unlink(address->sun_path) != 0 && errno != ENOENT)
        return err_system("cannot remove the old unix socket \"%s\"", address->sun_path);
    return OK;
}

static struct err listener_set_file(struct listeners *listeners, const struct config *config, const char *path)
{
    struct stat about;
    if (config->set.unix_socket_group[0]) {
        const struct group *group = getgrnam(config->set.unix_socket_group);
        if (!group)
            return err_make(ERR_NOT_FOUND, "unix_socket_group: no group \"%s\"", config->set.unix_socket_group);
        if (chown(path, (uid_t)-1, group->gr_gid) != 0)
            return err_system("cannot give the unix socket \"%s\" to group \"%s\"", path,
                              config->set.unix_socket_group);
    }
    if (chmod(path, (mode_t)config->set.unix_socket_mode) != 0 || stat(path, &about) != 0)
        return err_system("cannot set the mode of the unix socket \"%s\"", path);
    listeners->unix_path = mem_string(path);
    listeners->unix_device = about.st_dev;
    listeners->unix_inode = about.st_ino;
    return OK;
}

static struct err listener_open_unix(struct listeners *listeners, const struct config *config)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *directory = config->set.unix_socket_dir;
    bool abstract = directory[0] == '@';
    int n = snprintf(address.sun_path, sizeof address.sun_path, "%s/.s.PGSQL.%d", directory, config->set.listen_port);
    if (n < 0 || (size_t)n >= sizeof address.sun_path)
        return err_make(ERR_LIMIT, "unix_socket_dir is too long for a socket path");
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n + !abstract);
    if (!abstract)
        TRY(listener_clear_path(&address, size));
    char *name = mem_string(address.sun_path);
    if (abstract)
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct err e = OK;
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, size) != 0 ||
        (!listeners->is_trial && listen(fd, config->set.listen_backlog) != 0))
        e = err_system("cannot listen on unix socket \"%s\"", name);
    if (fd >= 0)
        listeners_add(listeners, fd, true, 0);
    if (!failed(e) && !abstract)
        e = listener_set_file(listeners, config, name);
    if (!failed(e) && !listeners->is_trial)
        log_info("listening on unix:%s", name);
    free(name);
    return e;
}

/* ---- sockets from a supervisor ---- */

/* sd_listen_fds(3): LISTEN_PID must be ours. Returns how many there are. */
static int listener_inherited(void)
{
    const char *pid = getenv("LISTEN_PID");
    const char *count = getenv("LISTEN_FDS");
    if (!pid || !count || strtol(pid, NULL, 10) != (long)getpid())
        return 0;
    return (int)strtol(count, NULL, 10);
}

static void listener_adopt(struct listeners *listeners, int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    bool is_unix = getsockname(fd, (struct sockaddr *)&address, &size) == 0 && address.ss_family == AF_UNIX;
    int flags = fcntl(fd, F_GETFL);
    (void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    listeners_add(listeners, fd, is_unix, 0);
    log_info("listening on a socket passed by the supervisor");
}

static struct err listeners_open_all(struct listeners *listeners, const struct config *config, size_t workers)
{
    int inherited = listener_inherited();
    for (int i = 0; i < inherited; i++)
        listener_adopt(listeners, LISTEN_FDS_START + i);
    if (inherited > 0)
        return OK;
    if (config->set.listen_addr[0])
        TRY(listener_open_names(listeners, config, workers));
    if (config->set.unix_socket_dir[0])
        TRY(listener_open_unix(listeners, config));
    if (listeners->count == 0)
        return err_make(ERR_INPUT, "nowhere to listen: set listen_addr or unix_socket_dir");
    return OK;
}

struct err listeners_open(const struct config *config, size_t workers, struct listeners **out)
{
    struct listeners *listeners = NEW(struct listeners);
    struct err e = listeners_open_all(listeners, config, workers);
    if (failed(e))
        listeners_free(listeners);
    else
        *out = listeners;
    return e;
}

struct err listeners_try(const struct config *config)
{
    struct listeners *listeners = NEW(struct listeners);
    listeners->is_trial = true;
    struct err e = listener_inherited() > 0 ? OK : listeners_open_all(listeners, config, 1);
    listeners_free(listeners);
    return e;
}

/* ---- accepting ---- */

/* A client that cannot be accepted stays where it is, and the socket readable: looking again at once would only burn
 * the processor and fill the log. */
static void listener_take_rest(struct listener *listener)
{
    const struct timeval rest = {.tv_usec = REST_US};
    log_warning("cannot accept a client: %s; raise the limit of open files (ulimit -n)", strerror(errno));
    if (event_add(listener->rest, &rest) == 0)
        event_del(listener->event);
}

static void listener_rested(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct listener *listener = arg;
    if (event_add(listener->event, NULL) != 0)
        listener_take_rest(listener);
}

/* One client a turn: sessions under way have theirs between two, and the event comes again while others wait. */
static void listener_readable(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct listener *listener = arg;
    struct address peer = {.length = sizeof peer.storage};
    int client = accept4(fd, &peer.any, &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client >= 0)
        listener->accepted(listener->arg, client, &peer, listener->is_unix);
    else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
        listener_take_rest(listener);
}

void listeners_start(struct listeners *listeners, size_t index, struct loop *loop, listener_accepted *accepted,
                     void *arg)
{
    for (size_t i = 0; i < listeners->count; i++) {
        struct listener *listener = &listeners->all[i];
        if (listener->worker != index)
            continue;
        listener->accepted = accepted;
        listener->arg = arg;
        listener->event = event_new(loop_base(loop), listener->fd, EV_READ | EV_PERSIST, listener_readable, listener);
        listener->rest = evtimer_new(loop_base(loop), listener_rested, listener);
        if (!listener->event || !listener->rest || event_add(listener->event, NULL) != 0)
            log_error("cannot wait for clients: libevent refused the socket");
    }
}

void listeners_tune(const struct listeners *listeners, size_t index, const struct settings *set)
{
    for (size_t i = 0; i < listeners->count; i++) {
        const struct listener *listener = &listeners->all[i];
        if (listener->worker == index && listener->fd >= 0 && !listener->is_unix)
            tuning_set_listener(set, listener->fd);
    }
}

void listeners_stop(struct listeners *listeners, size_t index)
{
    for (size_t i = 0; i < listeners->count; i++) {
        struct listener *listener = &listeners->all[i];
        if (listener->worker != index || listener->fd < 0)
            continue;
        if (listener->event)
            event_free(listener->event);
        if (listener->rest)
            event_free(listener->rest);
        listener->event = NULL;
        listener->rest = NULL;
        close(listener->fd);
        listener->fd = -1;
    }
}

void listeners_free(struct listeners *listeners)
{
    struct stat about;
    if (!listeners)
        return;
    for (size_t i = 0; i < listeners->count; i++)
        if (listeners->all[i].fd >= 0)
            close(listeners->all[i].fd);
    /* Only our own file: another process may have put its socket there meanwhile. */
    if (listeners->unix_path && stat(listeners->unix_path, &about) == 0 && about.st_dev == listeners->unix_device &&
        about.st_ino == listeners->unix_inode)
        unlink(listeners->unix_path);
    free(listeners->unix_path);
    free(listeners->all);
    free(listeners);
}
