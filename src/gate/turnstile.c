#include "gate/turnstile.h"

#include "base/mem.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define KEY_SIZE     17 /* family, and the address as far as it counts */
#define IPV6_NETWORK 8  /* bytes: whoever has one address of a /64 has them all */

/* Exists while one of its tickets is here. On `turns` when one waits and may come in. */
struct turnstile_source {
    UT_hash_handle hh;
    TAILQ_ENTRY(turnstile_source) turn;
    TAILQ_HEAD(, turnstile_ticket) waiting;
    uint8_t key[KEY_SIZE];
    unsigned inside;
    bool has_turn;
};

void turnstile_init(struct turnstile *turnstile, void (*let_in)(struct turnstile_ticket *ticket))
{
    *turnstile = (struct turnstile){.let_in = let_in};
    TAILQ_INIT(&turnstile->turns);
}

static void turnstile_key(const struct address *peer, uint8_t key[KEY_SIZE])
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&peer->storage;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&peer->storage;
    memset(key, 0, KEY_SIZE);
    if (peer->any.sa_family == AF_INET) {
        key[0] = 4;
        memcpy(key + 1, &v4->sin_addr, 4);
    } else if (peer->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        key[0] = 4;
        memcpy(key + 1, v6->sin6_addr.s6_addr + 12, 4);
    } else if (peer->any.sa_family == AF_INET6) {
        key[0] = 6;
        memcpy(key + 1, v6->sin6_addr.s6_addr, IPV6_NETWORK);
    }
}

static struct turnstile_source *turnstile_source_of(struct turnstile *turnstile, const struct address *peer)
{
    uint8_t key[KEY_SIZE];
    struct turnstile_source *source;
    turnstile_key(peer, key);
    HASH_FIND(hh, turnstile->sources, key, KEY_SIZE, source);
    if (source)
        return source;
    source = NEW(struct turnstile_source);
    TAILQ_INIT(&source->waiting);
    memcpy(source->key, key, KEY_SIZE);
    HASH_ADD(hh, turnstile->sources, key, KEY_SIZE, source);
    return source;
}

/* Puts a source into the list of turns, takes it off, or forgets it, as is due now. */
static void turnstile_settle(struct turnstile *turnstile, struct turnstile_source *source)
{
    bool due = !TAILQ_EMPTY(&source->waiting) && source->inside < TURNSTILE_OF_ONE_SOURCE;
    if (due && !source->has_turn)
        TAILQ_INSERT_TAIL(&turnstile->turns, source, turn);
    else if (!due && source->has_turn)
        TAILQ_REMOVE(&turnstile->turns, source, turn);
    source->has_turn = due;
    if (source->inside > 0 || !TAILQ_EMPTY(&source->waiting))
        return;
    HASH_DEL(turnstile->sources, source);
    free(source);
}

static void turnstile_serve(struct turnstile *turnstile)
{
    struct turnstile_source *source;
    while (turnstile->inside < TURNSTILE_OF_ALL && (source = TAILQ_FIRST(&turnstile->turns))) {
        struct turnstile_ticket *ticket = TAILQ_FIRST(&source->waiting);
        TAILQ_REMOVE(&source->waiting, ticket, entry);
        TAILQ_REMOVE(&turnstile->turns, source, turn); /* to the end, if it has more */
        source->has_turn = false;
        source->inside++;
        turnstile->inside++;
        ticket->inside = true;
        turnstile_settle(turnstile, source);
        turnstile->let_in(ticket);
    }
}

void turnstile_arrive(struct turnstile *turnstile, struct turnstile_ticket *ticket, const struct address *peer)
{
    ticket->source = turnstile_source_of(turnstile, peer);
    ticket->inside = false;
    TAILQ_INSERT_TAIL(&ticket->source->waiting, ticket, entry);
    turnstile_settle(turnstile, ticket->source);
    turnstile_serve(turnstile);
}

void turnstile_leave(struct turnstile *turnstile, struct turnstile_ticket *ticket)
{
    struct turnstile_source *source = ticket->source;
    if (!source)
        return;
    ticket->source = NULL;
    if (ticket->inside) {
        source->inside--;
        turnstile->inside--;
    } else {
        TAILQ_REMOVE(&source->waiting, ticket, entry);
    }
    turnstile_settle(turnstile, source);
    turnstile_serve(turnstile);
}
