/*
 * cancel.h: a CancelRequest on its way to a backend. The place's thread.
 */
#ifndef POOL_CANCEL_H
#define POOL_CANCEL_H

#include "pool/shard.h"

/* Asks the backend to cancel what it runs on this link, by a connection of its own to the address that the link has
 * reached. Until that connection has ended the link does not change hands, so that the request cannot hit the next
 * user. Nothing happens for a link without a key, or with as many requests under way as one link may have. */
void cancel_start(struct server *server);

#endif
