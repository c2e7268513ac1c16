/* scram_client.c: the side of SCRAM that answers. */
#include "base/mem.h"
#include "base/reader.h"
#include "gate/scram.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define NONCE_BYTES 18
#define MESSAGE_MAX 4096

struct scram_client {
    uint8_t binding[64];
    size_t binding_size; /* 0: no -PLUS */
    const char *gs2;
    char nonce[SCRAM_BASE64_SIZE(NONCE_BYTES)];
    uint8_t salt[SCRAM_SALT_MAX];
    uint32_t iterations;
    char *server_nonce;
    struct writer auth; /* AuthMessage, RFC 5802 section 3 */
    uint8_t server_signature[SCRAM_KEY_SIZE];
};

struct scram_client *scram_client_new(struct bytes channel_binding, bool server_offers_plus)
{
    struct scram_client *client = NEW(struct scram_client);
    client->gs2 = "n,,";
    if (channel_binding.n > 0 && channel_binding.n <= sizeof client->binding) {
        client->gs2 = server_offers_plus ? "p=tls-server-end-point,," : "y,,";
        client->binding_size = server_offers_plus ? channel_binding.n : 0;
        memcpy(client->binding, channel_binding.p, client->binding_size);
    }
    client->auth = writer_growing(3 * MESSAGE_MAX);
    return client;
}

void scram_client_free(struct scram_client *client)
{
    if (!client)
        return;
    writer_free(&client->auth);
    free(client->server_nonce);
    mem_free_secret(client, sizeof *client);
}

const char *scram_client_mechanism(const struct scram_client *client)
{
    return client->binding_size > 0 ? scram_mechanism_plus : scram_mechanism;
}

struct err scram_client_first(struct scram_client *client, struct writer *out)
{
    uint8_t random[NONCE_BYTES];
    if (RAND_bytes(random, sizeof random) != 1)
        return err_crypto("cannot draw random bytes");
    scram_base64_encode(BYTES(random), client->nonce);
    writer_format(&client->auth, "n=,r=%s", client->nonce); /* the user stands in StartupMessage */
    writer_put(out, bytes_of_string(client->gs2));
    writer_put(out, writer_bytes(&client->auth));
    return writer_finish(out, "client-first-message");
}

/* Takes "x=…" up to a comma or the end. */
static bool scram_client_attribute(struct reader *reader, char name, struct bytes *value)
{
    if (reader_u8(reader) != (uint8_t)name || reader_u8(reader) != '=')
        return false;
    const uint8_t *start = reader->p;
    while (reader_left(reader) > 0 && *reader->p != ',')
        reader_skip(reader, 1);
    *value = bytes_of(start, (size_t)(reader->p - start));
    if (reader_left(reader) > 0)
        reader_skip(reader, 1);
    return !reader->bad && value->n > 0;
}

static bool scram_client_iterations(struct bytes digits, uint32_t *out)
{
    uint32_t value = 0;
    for (size_t i = 0; i < digits.n; i++) {
        if (digits.p[i] < '0' || digits.p[i] > '9' || value > SCRAM_ITERATIONS_MAX)
            return false;
        value = 10 * value + (uint32_t)(digits.p[i] - '0');
    }
    *out = value;
    return value > 0 && value <= SCRAM_ITERATIONS_MAX;
}

struct err scram_client_take_first(struct scram_client *client, struct bytes in, struct bytes *salt,
                                   uint32_t *iterations)
{
    struct reader reader = reader_of(in);
    struct bytes nonce;
    struct bytes salt_text;
    struct bytes count;
    size_t salt_size;
    if (in.n > MESSAGE_MAX || !scram_client_attribute(&reader, 'r', &nonce) ||
        !scram_client_attribute(&reader, 's', &salt_text) || !scram_client_attribute(&reader, 'i', &count))
        return err_make(ERR_INPUT, "the server sent a malformed SCRAM message");
    size_t own = strlen(client->nonce);
    if (nonce.n <= own || memcmp(nonce.p, client->nonce, own) != 0)
        return err_make(ERR_DENIED, "the server sent a wrong SCRAM nonce");
    TRY(scram_base64_decode(salt_text, client->salt, sizeof client->salt, &salt_size));
    if (!scram_client_iterations(count, &client->iterations))
        return err_make(ERR_INPUT, "the server sent an impossible SCRAM iteration count");
    client->server_nonce = mem_string_of(nonce);
    writer_u8(&client->auth, ',');
    writer_put(&client->auth, in);
    *salt = bytes_of(client->salt, salt_size);
    *iterations = client->iterations;
    return OK;
}

static struct err scram_client_proof(struct scram_client *client, const struct scram_keys *keys,
                                     char out[SCRAM_BASE64_SIZE(SCRAM_KEY_SIZE)])
{
    uint8_t stored_key[SCRAM_KEY_SIZE];
    uint8_t proof[SCRAM_KEY_SIZE];
    TRY(scram_hash(keys->client_key, stored_key));
    TRY(scram_hmac(BYTES(stored_key), writer_bytes(&client->auth), proof));
    scram_xor(proof, keys->client_key, proof);
    scram_base64_encode(BYTES(proof), out);
    return scram_hmac(BYTES(keys->server_key), writer_bytes(&client->auth), client->server_signature);
}

struct err scram_client_final(struct scram_client *client, const struct scram_keys *keys, struct writer *out)
{
    uint8_t binding[128];
    char binding_text[SCRAM_BASE64_SIZE(sizeof binding)];
    char proof[SCRAM_BASE64_SIZE(SCRAM_KEY_SIZE)];
    struct writer header = writer_over(binding, sizeof binding);
    writer_put(&header, bytes_of_string(client->gs2));
    writer_put(&header, bytes_of(client->binding, client->binding_size));
    scram_base64_encode(writer_bytes(&header), binding_text);
    size_t start = out->used;
    writer_format(out, "c=%s,r=%s", binding_text, client->server_nonce);
    writer_u8(&client->auth, ',');
    writer_put(&client->auth, bytes_of(out->start + start, out->used - start));
    TRY(writer_finish(&client->auth, "SCRAM AuthMessage"));
    TRY(scram_client_proof(client, keys, proof));
    writer_format(out, ",p=%s", proof);
    return writer_finish(out, "client-final-message");
}

struct err scram_client_take_final(struct scram_client *client, struct bytes in)
{
    struct reader reader = reader_of(in);
    struct bytes text;
    uint8_t signature[SCRAM_KEY_SIZE];
    size_t size;
    if (in.n > 2 && in.p[0] == 'e')
        return err_make(ERR_DENIED, "the server refused the SCRAM exchange");
    if (in.n > MESSAGE_MAX || !scram_client_attribute(&reader, 'v', &text))
        return err_make(ERR_INPUT, "the server sent a malformed SCRAM message");
    TRY(scram_base64_decode(text, signature, sizeof signature, &size));
    if (!bytes_equal_secret(bytes_of(signature, size), BYTES(client->server_signature)))
        return err_make(ERR_DENIED, "the server does not know the SCRAM secret");
    return OK;
}
