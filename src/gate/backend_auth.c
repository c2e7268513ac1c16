#include "gate/backend_auth.h"

#include "base/mem.h"
#include "base/reader.h"
#include "gate/md5.h"
#include "gate/secret_cache.h"
#include "wire/message.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

enum backend_auth_state {
    STATE_START,
    STATE_ANSWERED,     /* a password has been sent */
    STATE_SCRAM_FIRST,  /* client-first-message has been sent */
    STATE_SCRAM_DERIVE, /* the crew derives keys */
    STATE_SCRAM_FINAL,  /* client-final-message has been sent */
    STATE_SCRAM_PROVED, /* the backend has shown that it knows the secret */
};

/* `salt` is a view of `scram`. `work` is the crew's outcome. */
struct backend_auth {
    char *user;
    struct credentials *credentials;
    uint8_t binding[64];
    size_t binding_size;
    enum backend_auth_state state;
    struct scram_client *scram;
    struct bytes salt;
    uint32_t iterations;
    struct scram_keys keys;
    struct err work;
};

struct backend_auth *backend_auth_new(const char *user, struct credentials *credentials, struct bytes channel_binding)
{
    struct backend_auth *auth = NEW(struct backend_auth);
    auth->user = mem_string(user);
    auth->credentials = credentials_ref(credentials);
    if (channel_binding.n <= sizeof auth->binding && channel_binding.n > 0) {
        memcpy(auth->binding, channel_binding.p, channel_binding.n);
        auth->binding_size = channel_binding.n;
    }
    return auth;
}

void backend_auth_free(struct backend_auth *auth)
{
    if (!auth)
        return;
    scram_client_free(auth->scram);
    credentials_drop(auth->credentials);
    free(auth->user);
    mem_free_secret(auth, sizeof *auth);
}

static const char *backend_auth_password(const struct backend_auth *auth)
{
    return auth->credentials ? auth->credentials->password : NULL;
}

static struct err backend_auth_missing(const struct backend_auth *auth, const char *what)
{
    return err_make(ERR_DENIED,
                    "the server wants %s for user \"%s\", and none is known: put it into auth_file or the "
                    "database's password",
                    what, auth->user);
}

static struct err backend_auth_cleartext(struct backend_auth *auth, struct writer *out)
{
    if (!backend_auth_password(auth))
        return backend_auth_missing(auth, "a password");
    wire_put_password(out, backend_auth_password(auth));
    auth->state = STATE_ANSWERED;
    return writer_finish(out, "password message");
}

static struct err backend_auth_md5(struct backend_auth *auth, struct bytes salt, struct writer *out)
{
    char secret[MD5_SECRET_SIZE];
    char answer[MD5_SECRET_SIZE];
    if (salt.n != 4)
        return err_make(ERR_INPUT, "the server sent an MD5 salt of %zu bytes", salt.n);
    if (backend_auth_password(auth))
        TRY(md5_secret(backend_auth_password(auth), auth->user, secret));
    else if (auth->credentials && auth->credentials->md5)
        memcpy(secret, auth->credentials->md5, sizeof secret);
    else
        return backend_auth_missing(auth, "a password or md5 secret");
    struct err e = md5_answer(secret, salt.p, answer);
    OPENSSL_cleanse(secret, sizeof secret);
    TRY(e);
    wire_put_password(out, answer);
    OPENSSL_cleanse(answer, sizeof answer);
    auth->state = STATE_ANSWERED;
    return writer_finish(out, "password message");
}

static struct err backend_auth_sasl(struct backend_auth *auth, struct reader *mechanisms, struct writer *out)
{
    bool plain = false;
    bool plus = false;
    for (const char *name = reader_cstring(mechanisms); name[0]; name = reader_cstring(mechanisms)) {
        plain = plain || strcmp(name, scram_mechanism) == 0;
        plus = plus || strcmp(name, scram_mechanism_plus) == 0;
    }
    TRY(reader_finish(mechanisms, "AuthenticationSASL"));
    if (!plain && !(plus && auth->binding_size > 0))
        return err_make(ERR_UNSUPPORTED, "the server offers no SASL mechanism that is known here");
    if (!backend_auth_password(auth) && !(auth->credentials && auth->credentials->has_scram_keys))
        return backend_auth_missing(auth, "SCRAM keys or a password");
    auth->scram = scram_client_new(bytes_of(auth->binding, auth->binding_size), plus);
    struct writer first = writer_growing(4096);
    struct err e = scram_client_first(auth->scram, &first);
    if (!failed(e))
        wire_put_sasl_initial_response(out, scram_client_mechanism(auth->scram), writer_bytes(&first));
    writer_free(&first);
    auth->state = STATE_SCRAM_FIRST;
    return e;
}

static struct err backend_auth_send_final(struct backend_auth *auth, struct writer *out)
{
    struct writer final = writer_growing(8192);
    struct err e = scram_client_final(auth->scram, &auth->keys, &final);
    if (!failed(e))
        wire_put_sasl_response(out, writer_bytes(&final));
    writer_free(&final);
    OPENSSL_cleanse(&auth->keys, sizeof auth->keys);
    auth->state = STATE_SCRAM_FINAL;
    return e;
}

static struct err backend_auth_sasl_continue(struct backend_auth *auth, struct bytes data, struct writer *out,
                                             enum backend_auth_step *step)
{
    const char *password = backend_auth_password(auth);
    TRY(scram_client_take_first(auth->scram, data, &auth->salt, &auth->iterations));
    if (!password) {
        auth->keys = auth->credentials->scram_keys;
        return backend_auth_send_final(auth, out);
    }
    if (secret_cache_find(password, auth->salt, auth->iterations, &auth->keys))
        return backend_auth_send_final(auth, out);
    auth->state = STATE_SCRAM_DERIVE;
    *step = BACKEND_AUTH_WORK;
    return OK;
}

void backend_auth_work(struct backend_auth *auth)
{
    auth->work = secret_cache_derive(backend_auth_password(auth), auth->salt, auth->iterations, &auth->keys);
}

struct err backend_auth_worked(struct backend_auth *auth, struct writer *out)
{
    TRY(auth->work);
    return backend_auth_send_final(auth, out);
}

static struct err backend_auth_ok(const struct backend_auth *auth, enum backend_auth_step *step)
{
    *step = BACKEND_AUTH_DONE;
    if (auth->state == STATE_START || auth->state == STATE_ANSWERED || auth->state == STATE_SCRAM_PROVED)
        return OK;
    return err_make(ERR_DENIED, "the server cut the SCRAM exchange short");
}

struct err backend_auth_take(struct backend_auth *auth, struct bytes body, struct writer *out,
                             enum backend_auth_step *step)
{
    struct reader reader = reader_of(body);
    uint32_t kind = reader_u32(&reader);
    if (reader.bad)
        return err_make(ERR_INPUT, "the server sent a malformed authentication request");
    *step = BACKEND_AUTH_SEND;
    if (kind == WIRE_AUTHENTICATION_OK)
        return backend_auth_ok(auth, step);
    if (auth->state == STATE_START && kind == WIRE_AUTHENTICATION_CLEARTEXT)
        return backend_auth_cleartext(auth, out);
    if (auth->state == STATE_START && kind == WIRE_AUTHENTICATION_MD5)
        return backend_auth_md5(auth, reader_rest(&reader), out);
    if (auth->state == STATE_START && kind == WIRE_AUTHENTICATION_SASL)
        return backend_auth_sasl(auth, &reader, out);
    if (auth->state == STATE_SCRAM_FIRST && kind == WIRE_AUTHENTICATION_SASL_CONTINUE)
        return backend_auth_sasl_continue(auth, reader_rest(&reader), out, step);
    if (auth->state == STATE_SCRAM_FINAL && kind == WIRE_AUTHENTICATION_SASL_FINAL) {
        TRY(scram_client_take_final(auth->scram, reader_rest(&reader)));
        auth->state = STATE_SCRAM_PROVED;
        return OK;
    }
    return err_make(ERR_UNSUPPORTED, "the server asks for an authentication method that is not supported (%u)", kind);
}
