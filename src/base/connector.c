#include "base/connector.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* While `resolving`, host, port, addresses and resolved belong to the crew. A cancelled connector is freed by whoever
 * holds it then: the crew's job or nobody. */
struct connector {
    struct loop *loop;
    void (*connected)(void *arg, int fd, const struct address *peer, struct err outcome);
    void *arg;
    char *host;
    int port;
    struct address *addresses;
    size_t count;
    size_t next;
    struct err outcome; /* of the last address tried */
    int fd;
    struct event *writable;
    struct loop_task start; /* a failure, too, is told only after connector_start has returned */
    bool resolving;
    atomic_bool cancelled;
};

void address_text(const struct address *address, char out[ADDRESS_TEXT_SIZE])
{
    const char *text = NULL;
    if (address->length > 0 && address->any.sa_family == AF_INET)
        text = inet_ntop(AF_INET, &((const struct sockaddr_in *)&address->storage)->sin_addr, out, ADDRESS_TEXT_SIZE);
    else if (address->length > 0 && address->any.sa_family == AF_INET6)
        text =
            inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)&address->storage)->sin6_addr, out, ADDRESS_TEXT_SIZE);
    if (!text)
        snprintf(out, ADDRESS_TEXT_SIZE, "unix");
}

int address_port(const struct address *address)
{
    if (address->length > 0 && address->any.sa_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)&address->storage)->sin_port);
    if (address->length > 0 && address->any.sa_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&address->storage)->sin6_port);
    return 0;
}

static void connector_free(struct connector *connector)
{
    loop_cancel(connector->loop, &connector->start);
    if (connector->writable)
        event_free(connector->writable);
    if (connector->fd >= 0)
        close(connector->fd);
    free(connector->addresses);
    free(connector->host);
    free(connector);
}

static void connector_finish(struct connector *connector, struct err outcome)
{
    int fd = connector->fd;
    const struct address nowhere = {0};
    const struct address *peer = connector->next > 0 ? &connector->addresses[connector->next - 1] : &nowhere;
    connector->fd = -1;
    if (connector->writable)
        event_free(connector->writable);
    connector->writable = NULL;
    connector->connected(connector->arg, fd, peer, outcome);
    connector_free(connector);
}

static void connector_try_next(struct connector *connector);

static void connector_address_failed(struct connector *connector, int number)
{
    errno = number;
    connector->outcome = err_system("connect failed");
    if (connector->writable)
        event_free(connector->writable);
    connector->writable = NULL;
    if (connector->fd >= 0)
        close(connector->fd);
    connector->fd = -1;
    connector_try_next(connector);
}

static void connector_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    struct connector *connector = arg;
    int number = 0;
    socklen_t size = sizeof number;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size) != 0)
        number = errno;
    if (number)
        connector_address_failed(connector, number);
    else
        connector_finish(connector, OK);
}

/* Returns 0, EINPROGRESS, or why this address cannot be reached. */
static int connector_begin(struct connector *connector, const struct address *address)
{
    int one = 1;
    connector->fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connector->fd < 0)
        return errno;
    if (address->any.sa_family != AF_UNIX)
        (void)setsockopt(connector->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return connect(connector->fd, &address->any, address->length) == 0 ? 0 : errno;
}

static void connector_try_next(struct connector *connector)
{
    if (connector->next == connector->count) {
        connector_finish(connector, connector->outcome);
        return;
    }
    int number = connector_begin(connector, &connector->addresses[connector->next++]);
    if (number == 0) {
        connector_finish(connector, OK);
        return;
    }
    if (number == EINPROGRESS) {
        connector->writable =
            event_new(loop_base(connector->loop), connector->fd, EV_WRITE, connector_writable, connector);
        if (connector->writable && event_add(connector->writable, NULL) == 0)
            return;
        number = ENOMEM;
    }
    connector_address_failed(connector, number);
}

static void connector_started(void *arg)
{
    connector_try_next(arg);
}

static struct err address_of_unix(const char *directory, int port, struct address *out)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&out->storage;
    un->sun_family = AF_UNIX;
    int n = snprintf(un->sun_path, sizeof un->sun_path, "%s/.s.PGSQL.%d", directory, port);
    if (n < 0 || (size_t)n >= sizeof un->sun_path)
        return err_make(ERR_LIMIT, "the path of the Unix socket in \"%s\" is too long", directory);
    out->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n + 1);
    if (directory[0] == '@') {
        un->sun_path[0] = '\0';
        out->length--; /* an abstract name has no terminator */
    }
    return OK;
}

static struct err connector_resolve(struct connector *connector)
{
    char service[16];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    snprintf(service, sizeof service, "%d", connector->port);
    int failure = getaddrinfo(connector->host, service, &hints, &found);
    if (failure)
        return err_make(ERR_NOT_FOUND, "cannot resolve host name \"%s\": %s", connector->host, gai_strerror(failure));
    for (struct addrinfo *one = found; one; one = one->ai_next)
        connector->count++;
    connector->addresses = NEW_ARRAY(struct address, connector->count);
    size_t i = 0;
    for (struct addrinfo *one = found; one; one = one->ai_next, i++) {
        connector->addresses[i].length = one->ai_addrlen;
        memcpy(&connector->addresses[i].storage, one->ai_addr, one->ai_addrlen);
    }
    freeaddrinfo(found);
    return OK;
}

static void connector_resolve_work(void *arg)
{
    struct connector *connector = arg;
    if (!atomic_load(&connector->cancelled)) /* while it stood in the queue */
        connector->outcome = connector_resolve(connector);
}

static void connector_resolved(void *arg)
{
    struct connector *connector = arg;
    connector->resolving = false;
    if (atomic_load(&connector->cancelled))
        connector_free(connector);
    else
        connector_try_next(connector);
}

static struct connector *
connector_new(struct loop *loop, void (*connected)(void *arg, int fd, const struct address *peer, struct err outcome),
              void *arg)
{
    struct connector *connector = NEW(struct connector);
    connector->loop = loop;
    connector->connected = connected;
    connector->arg = arg;
    connector->fd = -1;
    connector->start = (struct loop_task){.run = connector_started, .arg = connector};
    return connector;
}

/* An address needs no resolver. */
static bool connector_take_literal(struct connector *connector)
{
    struct address address = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address.storage;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address.storage;
    if (connector->host[0] == '/' || connector->host[0] == '@') {
        connector->outcome = address_of_unix(connector->host, connector->port, &address);
        if (failed(connector->outcome))
            return true;
    } else if (inet_pton(AF_INET, connector->host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)connector->port);
        address.length = sizeof *v4;
    } else if (inet_pton(AF_INET6, connector->host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)connector->port);
        address.length = sizeof *v6;
    } else {
        return false;
    }
    connector->addresses = NEW(struct address);
    connector->addresses[0] = address;
    connector->count = 1;
    return true;
}

struct connector *connector_start(struct loop *loop, struct crew *crew, const char *host, int port,
                                  void (*connected)(void *arg, int fd, const struct address *peer, struct err outcome),
                                  void *arg)
{
    struct connector *connector = connector_new(loop, connected, arg);
    connector->host = mem_string(host);
    connector->port = port;
    if (connector_take_literal(connector)) {
        loop_defer(loop, &connector->start);
    } else {
        connector->resolving = true;
        crew_submit(crew, loop, connector_resolve_work, connector_resolved, connector);
    }
    return connector;
}

struct connector *
connector_start_at(struct loop *loop, const struct address *address,
                   void (*connected)(void *arg, int fd, const struct address *peer, struct err outcome), void *arg)
{
    struct connector *connector = connector_new(loop, connected, arg);
    connector->addresses = NEW(struct address);
    connector->addresses[0] = *address;
    connector->count = 1;
    loop_defer(loop, &connector->start);
    return connector;
}

void connector_cancel(struct connector *connector)
{
    if (connector->resolving)
        atomic_store(&connector->cancelled, true);
    else
        connector_free(connector);
}
