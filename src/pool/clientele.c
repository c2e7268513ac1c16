#include "pool/clientele.h"

#include "base/mem.h"
#include "base/reader.h"
#include "base/writer.h"

#include <openssl/aes.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

/* The process id is a positive int32: worker above, slot below. */
#define SLOT_BITS 22
#define SLOT_MASK ((UINT32_C(1) << SLOT_BITS) - 1)

static EVP_CIPHER_CTX *clientele_new_cipher(const uint8_t *key)
{
    EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
    if (!cipher || EVP_EncryptInit_ex(cipher, EVP_aes_256_ecb(), NULL, key, NULL) != 1 ||
        EVP_CIPHER_CTX_set_padding(cipher, 0) != 1)
        abort(); /* only memory can be missing */
    return cipher;
}

void clientele_init(struct clientele *clientele, struct place *place, struct limit *limit, const uint8_t *cancel_key)
{
    *clientele = (struct clientele){.place = place, .limit = limit, .cipher = clientele_new_cipher(cancel_key)};
    TAILQ_INIT(&clientele->guests);
}

void clientele_free(struct clientele *clientele)
{
    EVP_CIPHER_CTX_free(clientele->cipher);
    free(clientele->slots);
    free(clientele->free_slots);
}

static void clientele_grow(struct clientele *clientele)
{
    uint32_t count = clientele->slot_count ? 2 * clientele->slot_count : 64;
    clientele->slots = mem_resize(clientele->slots, count * sizeof(struct guest *));
    clientele->free_slots = mem_resize(clientele->free_slots, count * sizeof *clientele->free_slots);
    for (uint32_t slot = count; slot > clientele->slot_count; slot--) {
        clientele->slots[slot - 1] = NULL;
        clientele->free_slots[clientele->free_slot_count++] = slot - 1;
    }
    clientele->slot_count = count;
}

void clientele_add(struct clientele *clientele, struct guest *guest)
{
    if (clientele->free_slot_count == 0)
        clientele_grow(clientele);
    guest->slot = clientele->free_slots[--clientele->free_slot_count];
    clientele->slots[guest->slot] = guest;
    guest->active_us = loop_now_us(clientele->place->loop);
    TAILQ_INSERT_TAIL(&clientele->guests, guest, entry);
    clientele->count++;
}

void clientele_remove(struct clientele *clientele, struct guest *guest)
{
    TAILQ_REMOVE(&clientele->guests, guest, entry);
    clientele->slots[guest->slot] = NULL;
    clientele->free_slots[clientele->free_slot_count++] = guest->slot;
    clientele->count--;
    limit_give(clientele->limit);
}

void clientele_touch(struct clientele *clientele, struct guest *guest)
{
    guest->active_us = loop_now_us(clientele->place->loop);
    if (TAILQ_LAST(&clientele->guests, guest_list) == guest)
        return;
    TAILQ_REMOVE(&clientele->guests, guest, entry);
    TAILQ_INSERT_TAIL(&clientele->guests, guest, entry);
}

size_t clientele_secret_size(unsigned protocol_minor)
{
    return protocol_minor >= 2 ? CANCEL_SECRET_MAX : 4;
}

/* A block cipher over blocks that never repeat: whoever has not its key cannot tell the outcome from chance. */
static uint32_t clientele_make_key(const struct clientele *clientele, const struct guest *guest, uint8_t *secret,
                                   size_t size)
{
    uint8_t blocks[CANCEL_SECRET_MAX];
    int made = 0;
    uint32_t pid = (uint32_t)clientele->place->index << SLOT_BITS | (guest->slot & SLOT_MASK);
    struct writer writer = writer_over(blocks, sizeof blocks);
    for (uint32_t number = 0; number < sizeof blocks / AES_BLOCK_SIZE; number++) {
        writer_u32(&writer, number);
        writer_u32(&writer, pid);
        writer_u64(&writer, guest->id);
    }
    if (EVP_EncryptUpdate(clientele->cipher, blocks, &made, blocks, sizeof blocks) != 1 || made != sizeof blocks)
        abort(); /* never: whole blocks, and a key is set */
    memcpy(secret, blocks, size);
    OPENSSL_cleanse(blocks, sizeof blocks);
    return pid;
}

uint32_t clientele_cancel_key(const struct clientele *clientele, struct guest *guest, uint8_t *secret, size_t size)
{
    guest->secret_size = size;
    return clientele_make_key(clientele, guest, secret, size);
}

bool clientele_worker_of_key(struct bytes key, size_t *worker)
{
    struct reader reader = reader_of(key);
    uint32_t pid = reader_u32(&reader);
    *worker = pid >> SLOT_BITS;
    return key.n >= 8;
}

struct guest *clientele_find(const struct clientele *clientele, struct bytes key)
{
    struct reader reader = reader_of(key);
    uint32_t slot = reader_u32(&reader) & SLOT_MASK;
    struct bytes given = reader_rest(&reader);
    struct guest *guest = slot < clientele->slot_count ? clientele->slots[slot] : NULL;
    uint8_t secret[CANCEL_SECRET_MAX];
    /* A part of a long secret is no key: it would be as easy to guess as a short one. */
    if (!guest || guest->secret_size == 0 || given.n != guest->secret_size)
        return NULL;
    clientele_make_key(clientele, guest, secret, given.n);
    return bytes_equal_secret(given, bytes_of(secret, given.n)) ? guest : NULL;
}
