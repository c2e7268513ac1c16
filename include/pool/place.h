/*
 * place.h: what the links and clients of one worker stand on. Everything here belongs to the worker's thread; the
 * worker swaps `config` and `server_tls` at a loop boundary.
 */
#ifndef POOL_PLACE_H
#define POOL_PLACE_H

#include "base/crew.h"
#include "base/engine.h"
#include "config/config.h"

struct tls_context;

struct place {
    size_t index; /* of the worker, from 0 */
    struct loop *loop;
    struct engine *engine;
    struct crew *crew;
    struct config *config;
    struct tls_context *server_tls; /* NULL where server_tls_sslmode does not ask for TLS */
};

/* Ids of clients and links, for SHOW and the log: one counter for the process, never 0. Any thread. */
uint64_t place_next_id(void);

#endif
