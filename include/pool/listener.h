/*
 * listener.h: sockets on which clients are accepted.
 *
 * Every worker has TCP listeners of its own (SO_REUSEPORT); the Unix socket has one, on the first worker, which hands
 * descriptors round. Opening happens on main before the workers start, the rest on the thread of the loop.
 */
#ifndef POOL_LISTENER_H
#define POOL_LISTENER_H

#include "base/connector.h"
#include "config/config.h"

struct listener;
struct listeners;

/* Somebody has connected; the descriptor, non-blocking, is the callee's. */
typedef void listener_accepted(void *arg, int fd, const struct address *peer, bool is_unix);

/* The sockets for `workers` workers that the configuration names, bound and listening: listen_addr, listen_port,
 * unix_socket_dir, or those that a supervisor has passed (LISTEN_FDS). Another process on the same port is noticed,
 * unless so_reuseport allows it. ERR_SYSTEM names the address. */
struct err listeners_open(const struct config *config, size_t workers, struct listeners **out) MUST_CHECK;
/* The same for nothing: whether all could be opened. Nobody can connect meanwhile, and nothing is held afterwards. */
struct err listeners_try(const struct config *config) MUST_CHECK;
/* Begins to accept what belongs to worker `index` on its loop. */
void listeners_start(struct listeners *listeners, size_t index, struct loop *loop, listener_accepted *accepted,
                     void *arg);
/* As the tcp_* settings say, for clients that come from now on. */
void listeners_tune(const struct listeners *listeners, size_t index, const struct settings *set);
/* Closes what belongs to worker `index`; new clients are refused by the kernel. */
void listeners_stop(struct listeners *listeners, size_t index);
/* After all have been stopped. Removes the Unix socket's file. */
void listeners_free(struct listeners *listeners);

#endif
