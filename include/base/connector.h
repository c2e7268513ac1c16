/*
 * connector.h: a socket connected to a host: names are resolved on the crew, every address is tried in turn.
 */
#ifndef BASE_CONNECTOR_H
#define BASE_CONNECTOR_H

#include "base/crew.h"

#include <sys/socket.h>

/* Where a peer is. `length` 0: not known. */
struct address {
    socklen_t length;
    union {
        struct sockaddr any;
        struct sockaddr_storage storage;
    };
};

#define ADDRESS_TEXT_SIZE 128
/* "192.0.2.1", "2001:db8::1", or "unix". Any thread. */
void address_text(const struct address *address, char out[ADDRESS_TEXT_SIZE]);
/* 0 for a Unix socket. */
int address_port(const struct address *address);

struct connector;

/* Begins to connect to `host`: a name, an address, or the directory of a Unix socket (beginning with '/', or with '@'
 * in the abstract name space), where the socket is .s.PGSQL.<port>. `connected` is called once on the loop's thread and
 * never before this returns; the non-blocking descriptor is the callee's; on failure it is -1. The connector frees
 * itself after the call. */
struct connector *connector_start(struct loop *loop, struct crew *crew, const char *host, int port,
                                  void (*connected)(void *arg, int fd, const struct address *peer, struct err outcome),
                                  void *arg);
/* As connector_start, to one known address. */
struct connector *
connector_start_at(struct loop *loop, const struct address *address,
                   void (*connected)(void *arg, int fd, const struct address *peer, struct err outcome), void *arg);
/* `connected` will not be called. */
void connector_cancel(struct connector *connector);

#endif
