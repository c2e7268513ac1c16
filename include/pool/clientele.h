/*
 * clientele.h: the clients of one worker, and the keys by which a CancelRequest finds one.
 *
 * A key is BackendKeyData's process id, which holds the worker and a slot, and a secret, which is the slot and the
 * client's id, encrypted: nothing is stored for it, and a slot's next user has another secret. One worker's thread,
 * unless said otherwise.
 */
#ifndef POOL_CLIENTELE_H
#define POOL_CLIENTELE_H

#include "pool/registry.h"

#include <openssl/evp.h>

#define CANCEL_KEY_SIZE   32 /* of the secret that keys are made with */
#define CANCEL_SECRET_MAX 32

/* Embedded in a client. */
struct guest {
    TAILQ_ENTRY(guest) entry;
    uint64_t id;
    int64_t active_us; /* monotonic: when it last did something; the list is in this order */
    uint32_t slot;
    size_t secret_size; /* of the key it was given; 0: none yet */
};
TAILQ_HEAD(guest_list, guest);

struct clientele {
    struct place *place;
    struct registry *registry;
    struct limit *limit;      /* max_client_conn, of the whole process */
    struct guest_list guests; /* longest idle first */
    size_t count;
    struct guest **slots;
    uint32_t slot_count;
    uint32_t *free_slots;
    uint32_t free_slot_count;
    EVP_CIPHER_CTX *cipher; /* AES-256, keyed once */
    bool leaving;           /* shutdown: a client ends when it gives its link back */
};

/* The owner sets `registry` before the first guest comes: it is made of the workers' places. `cancel_key` is copied:
 * CANCEL_KEY_SIZE bytes, the same for all workers. */
void clientele_init(struct clientele *clientele, struct place *place, struct limit *limit, const uint8_t *cancel_key);
/* When no guest is left. */
void clientele_free(struct clientele *clientele);

/* Its place in the process-wide limit was taken when it was accepted, and is given back here when it leaves. */
void clientele_add(struct clientele *clientele, struct guest *guest);
void clientele_remove(struct clientele *clientele, struct guest *guest);
/* It did something just now. */
void clientele_touch(struct clientele *clientele, struct guest *guest);

/* Secrets have four bytes in protocol 3.0, and CANCEL_SECRET_MAX from 3.2 on. */
size_t clientele_secret_size(unsigned protocol_minor);
/* Gives the guest its key: the process id, and a secret of `size` bytes, from 4 to CANCEL_SECRET_MAX. */
uint32_t clientele_cancel_key(const struct clientele *clientele, struct guest *guest, uint8_t *secret, size_t size);
/* Which worker a key belongs to. Any thread. False when it is too short to be one. */
bool clientele_worker_of_key(struct bytes key, size_t *worker);
/* Whose key it is, the whole of it as it was given; NULL when it is nobody's. The secret is compared in constant time.
 */
struct guest *clientele_find(const struct clientele *clientele, struct bytes key);

#endif
