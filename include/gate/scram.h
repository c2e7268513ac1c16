/*
 * scram.h: SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677) as PostgreSQL speaks them, both sides.
 *
 * Messages go in and come out as bytes; nothing here reads or writes a socket. Deriving keys from a password (PBKDF2)
 * takes milliseconds and is a function of its own, for the crew. One thread at a time; everything secret is wiped.
 */
#ifndef GATE_SCRAM_H
#define GATE_SCRAM_H

#include "base/writer.h"
#include "gate/scram_math.h"

#define SCRAM_SALT_MAX       64
#define SCRAM_ITERATIONS_MAX 10000000

extern const char scram_mechanism[];      /* "SCRAM-SHA-256" */
extern const char scram_mechanism_plus[]; /* "SCRAM-SHA-256-PLUS" */

/* What a server stores for a user. */
struct scram_secret {
    uint32_t iterations;
    uint8_t salt[SCRAM_SALT_MAX];
    size_t salt_size;
    uint8_t stored_key[SCRAM_KEY_SIZE];
    uint8_t server_key[SCRAM_KEY_SIZE];
};

/* Whether a text has the form "SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>". */
bool scram_is_secret(const char *text);
struct err scram_secret_parse(const char *text, struct scram_secret *out) MUST_CHECK;

/* What a password gives with a salt and iterations: ClientKey and ServerKey. SASLprep (RFC 4013) is applied, and a
 * password that it refuses is taken as it is, as PostgreSQL does. Takes milliseconds: for the crew. */
struct scram_keys {
    uint8_t client_key[SCRAM_KEY_SIZE];
    uint8_t server_key[SCRAM_KEY_SIZE];
};
struct err scram_derive(const char *password, struct bytes salt, uint32_t iterations,
                        struct scram_keys *out) MUST_CHECK;
/* The stored form of derived keys. */
struct err scram_secret_of(const struct scram_keys *keys, struct bytes salt, uint32_t iterations,
                           struct scram_secret *out) MUST_CHECK;

/* ---- the side that asks (clients log in to us) ---- */

struct scram_server;

/* `secret` is copied. `channel_binding`: our leaf's tls-server-end-point hash, empty without TLS; with it the client
 * may use -PLUS, and must not claim that we do not offer it. `doomed`: the user does not exist; the exchange runs all
 * the same and fails at its end, so that it does not tell. */
struct scram_server *scram_server_new(const struct scram_secret *secret, struct bytes channel_binding, bool doomed);
void scram_server_free(struct scram_server *server); /* NULL does nothing */

/* client-first-message in, server-first-message out. `mechanism` is what the client chose. */
struct err scram_server_first(struct scram_server *server, const char *mechanism, struct bytes in,
                              struct writer *out) MUST_CHECK;
/* client-final-message in, server-final-message out. ERR_DENIED: the proof is wrong. On success *client_key is what
 * the client has proved to hold. */
struct err scram_server_final(struct scram_server *server, struct bytes in, struct writer *out,
                              uint8_t client_key[SCRAM_KEY_SIZE]) MUST_CHECK;

/* A secret for a user who does not exist: always the same for one name, and never matched. */
struct err scram_secret_mock(const char *user, uint32_t iterations, struct scram_secret *out) MUST_CHECK;

/* ---- the side that answers (our links log in to a backend) ---- */

struct scram_client;

/* `channel_binding` empty: no -PLUS. `server_offers_plus`: whether the backend's list had it. */
struct scram_client *scram_client_new(struct bytes channel_binding, bool server_offers_plus);
void scram_client_free(struct scram_client *client);

const char *scram_client_mechanism(const struct scram_client *client);
struct err scram_client_first(struct scram_client *client, struct writer *out) MUST_CHECK;
/* Takes server-first-message: *salt (a view of the client's memory) and *iterations are what scram_derive needs. */
struct err scram_client_take_first(struct scram_client *client, struct bytes in, struct bytes *salt,
                                   uint32_t *iterations) MUST_CHECK;
struct err scram_client_final(struct scram_client *client, const struct scram_keys *keys,
                              struct writer *out) MUST_CHECK;
/* Takes server-final-message. ERR_DENIED: the backend does not know the secret. */
struct err scram_client_take_final(struct scram_client *client, struct bytes in) MUST_CHECK;

#endif
