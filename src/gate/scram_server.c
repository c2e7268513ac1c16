/* scram_server.c: the side of SCRAM that asks. */
#include "base/mem.h"
#include "base/reader.h"
#include "gate/scram.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#define NONCE_BYTES 18
#define MESSAGE_MAX 4096

/* `auth` grows into AuthMessage (RFC 5802 section 3): client-first-message-bare, server-first-message and
 * client-final-message-without-proof, joined by commas. */
struct scram_server {
    struct scram_secret secret;
    bool doomed;
    bool plus;
    uint8_t binding[64];
    size_t binding_size;
    struct writer auth;
    struct writer gs2; /* the header as the client sent it, for "c=" of its final message */
    struct writer nonce;
};

struct scram_server *scram_server_new(const struct scram_secret *secret, struct bytes channel_binding, bool doomed)
{
    struct scram_server *server = NEW(struct scram_server);
    server->secret = *secret;
    server->doomed = doomed;
    if (channel_binding.n <= sizeof server->binding && channel_binding.n > 0) {
        memcpy(server->binding, channel_binding.p, channel_binding.n);
        server->binding_size = channel_binding.n;
    }
    server->auth = writer_growing(3 * MESSAGE_MAX);
    server->gs2 = writer_growing(MESSAGE_MAX);
    server->nonce = writer_growing(MESSAGE_MAX);
    return server;
}

void scram_server_free(struct scram_server *server)
{
    if (!server)
        return;
    writer_free(&server->auth);
    writer_free(&server->gs2);
    writer_free(&server->nonce);
    mem_free_secret(server, sizeof *server);
}

/* The next attribute "x=value"; its value up to a comma or the end. */
static struct err scram_attribute(struct reader *reader, char name, struct bytes *value)
{
    const uint8_t *start = reader->p;
    while (reader_left(reader) > 0 && *reader->p != ',')
        reader_skip(reader, 1);
    struct bytes text = bytes_of(start, (size_t)(reader->p - start));
    if (reader_left(reader) > 0)
        reader_skip(reader, 1);
    if (text.n < 2 || text.p[0] != (uint8_t)name || text.p[1] != '=')
        return err_make(ERR_INPUT, "malformed SCRAM message: attribute \"%c\" expected", name);
    *value = bytes_of(text.p + 2, text.n - 2);
    return OK;
}

/* RFC 5802 section 6: "p" the client binds the channel, "y" it could but thinks we cannot, "n" it cannot. */
static struct err scram_server_take_gs2(struct scram_server *server, struct reader *reader)
{
    const uint8_t *start = reader->p;
    uint8_t flag = reader_u8(reader);
    if (flag == 'p') {
        struct bytes rest = reader_bytes(reader, sizeof "=tls-server-end-point" - 1);
        if (!server->plus || !bytes_equal(rest, BYTES_LITERAL("=tls-server-end-point")))
            return err_make(ERR_INPUT, "unsupported SCRAM channel-binding type");
    } else if (server->plus) {
        return err_make(ERR_INPUT, "SCRAM-SHA-256-PLUS was chosen without channel binding");
    } else if (flag == 'y' && server->binding_size > 0) {
        return err_make(ERR_DENIED, "SCRAM channel binding negotiation error: somebody removed SCRAM-SHA-256-PLUS "
                                    "from the list of mechanisms");
    } else if (flag != 'y' && flag != 'n') {
        return err_make(ERR_INPUT, "malformed SCRAM message");
    }
    struct bytes no_authzid = reader_bytes(reader, 2);
    if (!bytes_equal(no_authzid, BYTES_LITERAL(",,")))
        return err_make(ERR_INPUT, "malformed SCRAM message: authorization identities are not supported");
    writer_put(&server->gs2, bytes_of(start, (size_t)(reader->p - start)));
    return OK;
}

struct err scram_server_first(struct scram_server *server, const char *mechanism, struct bytes in, struct writer *out)
{
    struct bytes user;
    struct bytes nonce;
    uint8_t random[NONCE_BYTES];
    char random_text[SCRAM_BASE64_SIZE(NONCE_BYTES)];
    char salt_text[SCRAM_BASE64_SIZE(SCRAM_SALT_MAX)];
    server->plus = strcmp(mechanism, scram_mechanism_plus) == 0;
    if (in.n > MESSAGE_MAX || (!server->plus && strcmp(mechanism, scram_mechanism) != 0) ||
        (server->plus && server->binding_size == 0))
        return err_make(ERR_INPUT, "client selected an invalid SASL authentication mechanism");
    struct reader reader = reader_of(in);
    TRY(scram_server_take_gs2(server, &reader));
    struct bytes bare = bytes_of(reader.p, reader_left(&reader));
    TRY(scram_attribute(&reader, 'n', &user)); /* ignored, as in PostgreSQL: StartupMessage named the user */
    TRY(scram_attribute(&reader, 'r', &nonce));
    if (nonce.n == 0)
        return err_make(ERR_INPUT, "malformed SCRAM message: empty nonce");
    if (RAND_bytes(random, sizeof random) != 1)
        return err_crypto("cannot draw random bytes");
    scram_base64_encode(BYTES(random), random_text);
    scram_base64_encode(bytes_of(server->secret.salt, server->secret.salt_size), salt_text);
    writer_put(&server->nonce, nonce);
    writer_put(&server->nonce, bytes_of_string(random_text));
    TRY(writer_finish(&server->nonce, "SCRAM nonce"));
    size_t start = out->used;
    writer_put(out, BYTES_LITERAL("r="));
    writer_put(out, writer_bytes(&server->nonce));
    writer_format(out, ",s=%s,i=%u", salt_text, server->secret.iterations);
    writer_put(&server->auth, bare);
    writer_u8(&server->auth, ',');
    writer_put(&server->auth, bytes_of(out->start + start, out->used - start));
    return writer_finish(out, "server-first-message");
}

/* "c=" must be the base64 of the header and, with -PLUS, the hash of our certificate. */
static bool scram_server_binding_holds(const struct scram_server *server, struct bytes c)
{
    uint8_t decoded[MESSAGE_MAX];
    size_t size = 0;
    if (failed(scram_base64_decode(c, decoded, sizeof decoded, &size)))
        return false;
    struct bytes header = writer_bytes(&server->gs2);
    size_t binding_size = server->plus ? server->binding_size : 0;
    return size == header.n + binding_size && memcmp(decoded, header.p, header.n) == 0 &&
           bytes_equal_secret(bytes_of(decoded + header.n, binding_size), bytes_of(server->binding, binding_size));
}

/* RFC 5802 section 3: ClientKey = ClientProof XOR HMAC(StoredKey, AuthMessage), and H(ClientKey) must be StoredKey. */
static struct err scram_server_check_proof(struct scram_server *server, struct bytes proof_text,
                                           uint8_t client_key[SCRAM_KEY_SIZE])
{
    uint8_t proof[SCRAM_KEY_SIZE];
    uint8_t signature[SCRAM_KEY_SIZE];
    uint8_t hashed[SCRAM_KEY_SIZE];
    size_t size;
    TRY(scram_base64_decode(proof_text, proof, sizeof proof, &size));
    if (size != sizeof proof)
        return err_make(ERR_INPUT, "malformed SCRAM message: proof");
    TRY(scram_hmac(BYTES(server->secret.stored_key), writer_bytes(&server->auth), signature));
    scram_xor(proof, signature, client_key);
    TRY(scram_hash(client_key, hashed));
    bool same = bytes_equal_secret(BYTES(hashed), BYTES(server->secret.stored_key));
    if (!same || server->doomed) {
        OPENSSL_cleanse(client_key, SCRAM_KEY_SIZE);
        return err_make(ERR_DENIED, "SCRAM authentication failed");
    }
    return OK;
}

struct err scram_server_final(struct scram_server *server, struct bytes in, struct writer *out,
                              uint8_t client_key[SCRAM_KEY_SIZE])
{
    struct bytes binding = BYTES_NONE;
    struct bytes nonce = BYTES_NONE;
    struct bytes proof = BYTES_NONE;
    uint8_t signature[SCRAM_KEY_SIZE];
    char text[SCRAM_BASE64_SIZE(SCRAM_KEY_SIZE)];
    if (in.n > MESSAGE_MAX)
        return err_make(ERR_INPUT, "SCRAM message is too long");
    struct reader reader = reader_of(in);
    TRY(scram_attribute(&reader, 'c', &binding));
    TRY(scram_attribute(&reader, 'r', &nonce));
    struct bytes without_proof = bytes_of(in.p, (size_t)(reader.p - in.p));
    TRY(scram_attribute(&reader, 'p', &proof));
    TRY(reader_finish(&reader, "SCRAM message"));
    if (!bytes_equal(nonce, writer_bytes(&server->nonce)))
        return err_make(ERR_DENIED, "SCRAM nonce does not match");
    if (!scram_server_binding_holds(server, binding))
        return err_make(ERR_DENIED, "SCRAM channel binding check failed");
    writer_u8(&server->auth, ',');
    writer_put(&server->auth, bytes_of(without_proof.p, without_proof.n - 1));
    TRY(writer_finish(&server->auth, "SCRAM AuthMessage"));
    TRY(scram_server_check_proof(server, proof, client_key));
    TRY(scram_hmac(BYTES(server->secret.server_key), writer_bytes(&server->auth), signature));
    scram_base64_encode(BYTES(signature), text);
    writer_format(out, "v=%s", text);
    return writer_finish(out, "server-final-message");
}
