#include "gate/client_auth.h"

#include "base/mem.h"
#include "gate/md5.h"
#include "gate/secret_cache.h"
#include "wire/message.h"
#include "wire/startup.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <string.h>

enum client_auth_state {
    STATE_BEGIN,
    STATE_CLEARTEXT,       /* a password is awaited */
    STATE_CLEARTEXT_CHECK, /* the crew derives keys from it, to compare with a SCRAM secret */
    STATE_MD5,             /* an answer to the salt is awaited */
    STATE_SCRAM_DERIVE,    /* the crew derives a secret from the plain password in auth_file */
    STATE_SCRAM_FIRST,
    STATE_SCRAM_FINAL,
    STATE_DONE,
};

struct client_auth {
    enum auth_type method;
    enum client_auth_state state;
    char *user;
    char *secret; /* of auth_file; NULL: no such user */
    enum secret_kind kind;
    struct scram_secret scram_secret;
    uint32_t iterations;
    uint8_t binding[64];
    size_t binding_size;
    uint8_t salt[4];
    char *password; /* that the client sent in clear */
    struct scram_server *scram;
    struct scram_keys keys; /* derived, or of a SCRAM login: ClientKey that was proved, ServerKey that is stored */
    bool has_keys;
    struct err work;
};

struct client_auth *client_auth_new(enum auth_type method, const char *user, const struct userlist_entry *entry,
                                    uint32_t iterations, struct bytes channel_binding)
{
    struct client_auth *auth = NEW(struct client_auth);
    auth->method = method;
    auth->user = mem_string(user);
    auth->iterations = iterations;
    if (entry && entry->secret[0]) { /* an empty secret is none: it must let nobody in who sends an empty password */
        auth->secret = mem_string(entry->secret);
        auth->kind = entry->kind;
        auth->scram_secret = entry->scram;
    }
    if (channel_binding.n > 0 && channel_binding.n <= sizeof auth->binding) {
        memcpy(auth->binding, channel_binding.p, channel_binding.n);
        auth->binding_size = channel_binding.n;
    }
    return auth;
}

void client_auth_free(struct client_auth *auth)
{
    if (!auth)
        return;
    scram_server_free(auth->scram);
    mem_free_secret_string(auth->user);
    mem_free_secret_string(auth->secret);
    mem_free_secret_string(auth->password);
    mem_free_secret(auth, sizeof *auth);
}

static struct err client_auth_denied(void)
{
    return err_make(ERR_DENIED, "password authentication failed");
}

static struct err client_auth_done(struct client_auth *auth, bool good, enum client_auth_step *step)
{
    if (!good || !auth->secret)
        return client_auth_denied();
    auth->state = STATE_DONE;
    *step = CLIENT_AUTH_DONE;
    return OK;
}

/* ---- SCRAM ---- */

static uint8_t salt_key[SCRAM_KEY_SIZE];
static bool salt_key_good;
static pthread_once_t salt_once = PTHREAD_ONCE_INIT;

static void client_auth_make_salt_key(void)
{
    salt_key_good = RAND_bytes(salt_key, sizeof salt_key) == 1;
}

/* A plain password gets a salt that is the same for its user while the process lives: so its keys are derived once. */
static struct err client_auth_plain_salt(struct client_auth *auth)
{
    uint8_t mac[SCRAM_KEY_SIZE];
    pthread_once(&salt_once, client_auth_make_salt_key);
    if (!salt_key_good)
        return err_crypto("cannot draw random bytes");
    TRY(scram_hmac(BYTES(salt_key), bytes_of_string(auth->user), mac));
    auth->scram_secret.salt_size = 16;
    memcpy(auth->scram_secret.salt, mac, auth->scram_secret.salt_size);
    return OK;
}

static struct bytes client_auth_salt(const struct client_auth *auth)
{
    return bytes_of(auth->scram_secret.salt, auth->scram_secret.salt_size);
}

static struct err client_auth_offer_scram(struct client_auth *auth, bool doomed, struct writer *out)
{
    const char *const with_plus[] = {scram_mechanism_plus, scram_mechanism, NULL};
    auth->scram = scram_server_new(&auth->scram_secret, bytes_of(auth->binding, auth->binding_size), doomed);
    wire_put_authentication_sasl(out, auth->binding_size > 0 ? with_plus : with_plus + 1);
    auth->state = STATE_SCRAM_FIRST;
    return writer_finish(out, "AuthenticationSASL");
}

static struct err client_auth_offer_derived(struct client_auth *auth, struct writer *out)
{
    TRY(scram_secret_of(&auth->keys, client_auth_salt(auth), auth->iterations, &auth->scram_secret));
    return client_auth_offer_scram(auth, false, out);
}

static struct err client_auth_begin_scram(struct client_auth *auth, struct writer *out, enum client_auth_step *step)
{
    if (!auth->secret || auth->kind == SECRET_MD5) {
        /* An MD5 secret cannot serve SCRAM; the client learns no more than with a wrong password. */
        TRY(scram_secret_mock(auth->user, auth->iterations, &auth->scram_secret));
        return client_auth_offer_scram(auth, true, out);
    }
    if (auth->kind == SECRET_SCRAM)
        return client_auth_offer_scram(auth, false, out);
    TRY(client_auth_plain_salt(auth));
    if (secret_cache_find(auth->secret, client_auth_salt(auth), auth->iterations, &auth->keys))
        return client_auth_offer_derived(auth, out);
    auth->state = STATE_SCRAM_DERIVE;
    *step = CLIENT_AUTH_WORK;
    return OK;
}

static struct err client_auth_take_first(struct client_auth *auth, struct bytes body, struct writer *out)
{
    const char *mechanism;
    struct bytes data;
    TRY(wire_sasl_initial_parse(body, &mechanism, &data));
    struct writer answer = writer_growing(8192);
    struct err e = scram_server_first(auth->scram, mechanism, data, &answer);
    if (!failed(e))
        wire_put_authentication_sasl_continue(out, writer_bytes(&answer));
    writer_free(&answer);
    auth->state = STATE_SCRAM_FINAL;
    return e;
}

static struct err client_auth_take_final(struct client_auth *auth, struct bytes body, struct writer *out,
                                         enum client_auth_step *step)
{
    struct writer answer = writer_growing(8192);
    struct err e = scram_server_final(auth->scram, body, &answer, auth->keys.client_key);
    if (!failed(e)) {
        wire_put_authentication_sasl_final(out, writer_bytes(&answer));
        memcpy(auth->keys.server_key, auth->scram_secret.server_key, SCRAM_KEY_SIZE);
        auth->has_keys = true;
        e = client_auth_done(auth, true, step);
    }
    writer_free(&answer);
    return e.code == ERR_DENIED ? client_auth_denied() : e;
}

/* ---- MD5 and cleartext ---- */

static struct err client_auth_begin_md5(struct client_auth *auth, struct writer *out)
{
    if (RAND_bytes(auth->salt, sizeof auth->salt) != 1)
        return err_crypto("cannot draw random bytes");
    wire_put_authentication_md5(out, auth->salt);
    auth->state = STATE_MD5;
    return writer_finish(out, "AuthenticationMD5Password");
}

/* A PasswordMessage: one text with its terminator. */
static struct err client_auth_password_text(struct bytes body, const char **text)
{
    struct reader reader = reader_of(body);
    *text = reader_cstring(&reader);
    return reader_finish(&reader, "PasswordMessage");
}

/* The stored MD5 secret, or the one that a plain password gives. */
static struct err client_auth_md5_secret(const struct client_auth *auth, const char *password,
                                         char out[MD5_SECRET_SIZE])
{
    if (auth->secret && auth->kind == SECRET_MD5) {
        memcpy(out, auth->secret, MD5_SECRET_SIZE);
        return OK;
    }
    return md5_secret(password, auth->user, out);
}

static bool client_auth_same(const char *a, const char *b)
{
    return bytes_equal_secret(bytes_of_string(a), bytes_of_string(b));
}

static struct err client_auth_take_md5(struct client_auth *auth, struct bytes body, enum client_auth_step *step)
{
    const char *text;
    char secret[MD5_SECRET_SIZE];
    char answer[MD5_SECRET_SIZE];
    TRY(client_auth_password_text(body, &text));
    TRY(client_auth_md5_secret(auth, auth->secret ? auth->secret : "", secret));
    struct err e = md5_answer(secret, auth->salt, answer);
    OPENSSL_cleanse(secret, sizeof secret);
    TRY(e);
    return client_auth_done(auth, client_auth_same(text, answer), step);
}

static struct err client_auth_take_cleartext(struct client_auth *auth, struct bytes body, enum client_auth_step *step)
{
    const char *text;
    TRY(client_auth_password_text(body, &text));
    if (text[0] == '\0')
        return err_make(ERR_DENIED, "empty password returned by client");
    auth->password = mem_string(text);
    if (!auth->secret || auth->kind == SECRET_PLAIN)
        return client_auth_done(auth, auth->secret && client_auth_same(text, auth->secret), step);
    if (auth->kind == SECRET_MD5) {
        char secret[MD5_SECRET_SIZE];
        TRY(md5_secret(text, auth->user, secret));
        bool same = client_auth_same(secret, auth->secret);
        OPENSSL_cleanse(secret, sizeof secret);
        return client_auth_done(auth, same, step);
    }
    auth->state = STATE_CLEARTEXT_CHECK;
    *step = CLIENT_AUTH_WORK;
    return OK;
}

/* RFC 5802 section 3: StoredKey = H(ClientKey). */
static struct err client_auth_check_derived(struct client_auth *auth, enum client_auth_step *step)
{
    uint8_t stored[SCRAM_KEY_SIZE];
    TRY(scram_hash(auth->keys.client_key, stored));
    bool good = bytes_equal_secret(BYTES(stored), BYTES(auth->scram_secret.stored_key));
    if (good)
        secret_cache_keep(auth->password, client_auth_salt(auth), auth->scram_secret.iterations, &auth->keys);
    return client_auth_done(auth, good, step);
}

/* ---- the machine ---- */

struct err client_auth_begin(struct client_auth *auth, struct writer *out, enum client_auth_step *step)
{
    *step = CLIENT_AUTH_SEND;
    if (auth->method == AUTH_TYPE_PLAIN) {
        wire_put_authentication_cleartext(out);
        auth->state = STATE_CLEARTEXT;
        return OK;
    }
    if (auth->method == AUTH_TYPE_SCRAM_SHA_256 || (auth->secret && auth->kind == SECRET_SCRAM))
        return client_auth_begin_scram(auth, out, step);
    return client_auth_begin_md5(auth, out);
}

struct err client_auth_take(struct client_auth *auth, struct bytes body, struct writer *out,
                            enum client_auth_step *step)
{
    *step = CLIENT_AUTH_SEND;
    switch (auth->state) {
    case STATE_CLEARTEXT:
        return client_auth_take_cleartext(auth, body, step);
    case STATE_MD5:
        return client_auth_take_md5(auth, body, step);
    case STATE_SCRAM_FIRST:
        return client_auth_take_first(auth, body, out);
    case STATE_SCRAM_FINAL:
        return client_auth_take_final(auth, body, out, step);
    case STATE_BEGIN:
    case STATE_CLEARTEXT_CHECK:
    case STATE_SCRAM_DERIVE:
    case STATE_DONE:
        break;
    }
    return err_make(ERR_INPUT, "unexpected password message");
}

void client_auth_work(struct client_auth *auth)
{
    struct bytes salt = client_auth_salt(auth);
    if (auth->state == STATE_SCRAM_DERIVE)
        auth->work = secret_cache_derive(auth->secret, salt, auth->iterations, &auth->keys);
    else if (!secret_cache_find(auth->password, salt, auth->scram_secret.iterations, &auth->keys))
        auth->work = scram_derive(auth->password, salt, auth->scram_secret.iterations, &auth->keys);
    /* What a stranger sends is kept only when it has turned out right: or he could push everybody's keys out. */
}

struct err client_auth_worked(struct client_auth *auth, struct writer *out, enum client_auth_step *step)
{
    *step = CLIENT_AUTH_SEND;
    TRY(auth->work);
    return auth->state == STATE_CLEARTEXT_CHECK ? client_auth_check_derived(auth, step)
                                                : client_auth_offer_derived(auth, out);
}

struct credentials *client_auth_credentials(const struct client_auth *auth)
{
    const char *password = auth->password;
    if (!password && auth->kind == SECRET_PLAIN)
        password = auth->secret;
    return credentials_new(password, auth->kind == SECRET_MD5 ? auth->secret : NULL,
                           auth->has_keys ? &auth->keys : NULL);
}
