#include "tls/context.h"

#include "base/mem.h"
#include "tls/pem.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Longest certificate message of a peer: a chain with evidence has some 10 KB. */
#define PEER_CHAIN_MAX_SIZE (96 * 1024)
#define PEER_CHAIN_DEPTH    10

enum tls_side { TLS_TOWARDS_CLIENTS, TLS_TOWARDS_SERVERS };

struct tls_context {
    atomic_uint references;
    enum tls_side side;
    enum tls_verify verify; /* towards servers */
    bool ask_certificate;   /* towards clients */
    bool has_authorities;
    struct tls_settings settings; /* own copies */
    X509_STORE *authorities;      /* shared by all contexts made from one another; empty without ca_file */
    struct tls_identity *identity;
    SSL_CTX *ctx;
};

/* PostgreSQL's name in ALPN's registry, with its length in front (RFC 7301 section 3.1). */
static const uint8_t alpn_postgresql[] = {10, 'p', 'o', 's', 't', 'g', 'r', 'e', 's', 'q', 'l'};

/* Where a connection of TLS_DIRECT keeps a mark. */
static int opening_index = -1;
static char direct_mark;
static pthread_once_t opening_once = PTHREAD_ONCE_INIT;

static void context_make_opening_index(void)
{
    opening_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    if (opening_index < 0)
        abort(); /* only memory can be missing */
}

static struct err context_load_authorities(const char *path, X509_STORE *store)
{
    STACK_OF(X509) *certificates = NULL;
    TRY(pem_load_certificates(path, &certificates));
    bool added = true;
    for (int i = 0; added && i < sk_X509_num(certificates); i++)
        added = X509_STORE_add_cert(store, sk_X509_value(certificates, i)) == 1;
    certificate_list_free(certificates);
    return added ? OK : err_crypto("cannot take the authorities of \"%s\" over", path);
}

/* A client's certificate: whether it chains is noted for tls_peer_chains; the handshake goes on in any case, because
 * the login, which knows what is asked of whom, refuses with a reason that a person can read. */
static int context_note_chain(X509_STORE_CTX *chain, void *arg)
{
    (void)arg;
    X509_STORE *store = X509_STORE_CTX_get0_store(chain);
    if (sk_X509_OBJECT_num(X509_STORE_get0_objects(store)) == 0)
        X509_STORE_CTX_set_error(chain, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
    else if (X509_verify_cert(chain) != 1 && X509_STORE_CTX_get_error(chain) == X509_V_OK)
        X509_STORE_CTX_set_error(chain, X509_V_ERR_UNSPECIFIED);
    X509_STORE_CTX_set0_verified_chain(chain, NULL); /* or every connection would keep it */
    ERR_clear_error();
    return 1;
}

/* PostgreSQL, "SSL Session Encryption": a client that starts with TLS must name the protocol. */
static int context_require_alpn(SSL *ssl, int *alert, void *arg)
{
    (void)arg;
    const unsigned char *extension;
    size_t size;
    bool is_direct = SSL_get_ex_data(ssl, opening_index) != NULL;
    if (!is_direct ||
        SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &extension, &size) == 1)
        return SSL_CLIENT_HELLO_SUCCESS;
    *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
    return SSL_CLIENT_HELLO_ERROR;
}

static int context_choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_size, const unsigned char *in,
                               unsigned in_size, void *arg)
{
    (void)ssl;
    (void)arg;
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_size, alpn_postgresql, sizeof alpn_postgresql, in, in_size) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static void context_set_common(SSL_CTX *ctx)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(ctx, PEER_CHAIN_MAX_SIZE);
    SSL_CTX_set_verify_depth(ctx, PEER_CHAIN_DEPTH);
}

static struct err context_set_server_side(struct tls_context *context)
{
    SSL_CTX *ctx = context->ctx;
    SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
    /* SSL_OP_NO_TICKET alone still gives stateful tickets in TLS 1.3. */
    if (SSL_CTX_set_num_tickets(ctx, 0) != 1 ||
        SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"pgvouch", 7) != 1)
        return err_crypto("cannot set up TLS");
    SSL_CTX_set_client_hello_cb(ctx, context_require_alpn, NULL);
    SSL_CTX_set_alpn_select_cb(ctx, context_choose_alpn, NULL);
    SSL_CTX_set_verify(ctx, context->ask_certificate ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_cert_verify_callback(ctx, context_note_chain, NULL);
    return OK;
}

static struct err context_set_client_side(struct tls_context *context)
{
    SSL_CTX_set_verify(context->ctx, context->verify == TLS_VERIFY_NONE ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_set_alpn_protos(context->ctx, alpn_postgresql, sizeof alpn_postgresql) != 0)
        return err_crypto("cannot set up TLS");
    return OK;
}

static struct err context_set_identity(struct tls_context *context)
{
    struct tls_identity *identity = context->identity;
    if (identity && SSL_CTX_use_cert_and_key(context->ctx, tls_identity_certificate(identity),
                                             tls_identity_key(identity), tls_identity_chain(identity), 1) != 1)
        return err_crypto("the certificate cannot be used for TLS");
    return OK;
}

/* The store is already there; everything else of `context` follows from what it holds. */
static struct err context_build(struct tls_context *context)
{
    bool towards_clients = context->side == TLS_TOWARDS_CLIENTS;
    context->ctx = SSL_CTX_new(towards_clients ? TLS_server_method() : TLS_client_method());
    if (!context->ctx)
        return err_crypto("cannot make a TLS context");
    context_set_common(context->ctx);
    X509_STORE_up_ref(context->authorities);
    SSL_CTX_set_cert_store(context->ctx, context->authorities);
    TRY(tls_settings_apply(&context->settings, context->ctx));
    TRY(context_set_identity(context));
    return towards_clients ? context_set_server_side(context) : context_set_client_side(context);
}

static struct err context_make(struct tls_context plan, const struct tls_settings *settings,
                               struct tls_identity *identity, struct tls_context **out)
{
    pthread_once(&opening_once, context_make_opening_index);
    struct tls_context *context = NEW(struct tls_context);
    *context = plan;
    atomic_init(&context->references, 1);
    context->settings = tls_settings_copy(settings);
    context->identity = identity ? tls_identity_keep(identity) : NULL;
    struct err outcome = OK;
    if (context->authorities) {
        X509_STORE_up_ref(context->authorities);
    } else {
        context->authorities = X509_STORE_new();
        if (!context->authorities)
            outcome = err_crypto("cannot make a TLS context");
        context->has_authorities = *context->settings.ca_file != '\0';
        if (!failed(outcome) && context->has_authorities)
            outcome = context_load_authorities(context->settings.ca_file, context->authorities);
    }
    if (!failed(outcome))
        outcome = context_build(context);
    if (failed(outcome))
        tls_context_release(context);
    else
        *out = context;
    return outcome;
}

struct err tls_context_for_clients(const struct tls_settings *settings, bool ask_certificate,
                                   struct tls_identity *identity, struct tls_context **out)
{
    if (!identity)
        return err_make(ERR_INPUT, "TLS towards clients needs a certificate");
    struct tls_context plan = {.side = TLS_TOWARDS_CLIENTS, .ask_certificate = ask_certificate};
    return context_make(plan, settings, identity, out);
}

struct err tls_context_for_servers(const struct tls_settings *settings, enum tls_verify verify,
                                   struct tls_identity *identity, struct tls_context **out)
{
    if (verify != TLS_VERIFY_NONE && (!settings->ca_file || !*settings->ca_file))
        return err_make(ERR_INPUT, "verifying servers' certificates needs the authorities' file (server_tls_ca_file)");
    struct tls_context plan = {.side = TLS_TOWARDS_SERVERS, .verify = verify};
    return context_make(plan, settings, identity, out);
}

struct err tls_context_with_identity(const struct tls_context *context, struct tls_identity *identity,
                                     struct tls_context **out)
{
    if (!identity && context->side == TLS_TOWARDS_CLIENTS)
        return err_make(ERR_INPUT, "TLS towards clients needs a certificate");
    struct tls_context plan = {.side = context->side,
                               .verify = context->verify,
                               .ask_certificate = context->ask_certificate,
                               .has_authorities = context->has_authorities,
                               .authorities = context->authorities};
    return context_make(plan, &context->settings, identity, out);
}

struct tls_context *tls_context_keep(struct tls_context *context)
{
    atomic_fetch_add_explicit(&context->references, 1, memory_order_relaxed);
    return context;
}

void tls_context_release(struct tls_context *context)
{
    if (!context || atomic_fetch_sub_explicit(&context->references, 1, memory_order_acq_rel) != 1)
        return;
    SSL_CTX_free(context->ctx); /* connections hold references of their own */
    X509_STORE_free(context->authorities);
    tls_identity_release(context->identity);
    tls_settings_release(&context->settings);
    free(context);
}

struct tls_identity *tls_context_identity(const struct tls_context *context)
{
    return context->identity;
}

bool tls_context_has_authorities(const struct tls_context *context)
{
    return context->has_authorities;
}

SSL_CTX *tls_context_ssl_ctx(const struct tls_context *context)
{
    return context->ctx;
}

static struct err context_open(struct tls_context *context, enum tls_opening opening, SSL **out)
{
    SSL *ssl = SSL_new(context->ctx);
    if (!ssl || SSL_set_ex_data(ssl, opening_index, opening == TLS_DIRECT ? &direct_mark : NULL) != 1) {
        SSL_free(ssl);
        return err_crypto("cannot open TLS");
    }
    *out = ssl;
    return OK;
}

struct err tls_context_accept(struct tls_context *context, enum tls_opening opening, SSL **out)
{
    TRY(context_open(context, opening, out));
    SSL_set_accept_state(*out);
    return OK;
}

/* An address as it stands in certificates: without the brackets' content's zone ("fe80::1%eth0"). */
static bool context_host_is_address(const char *host, char text[INET6_ADDRSTRLEN])
{
    uint8_t address[sizeof(struct in6_addr)];
    size_t size = strcspn(host, "%");
    if (size >= INET6_ADDRSTRLEN)
        return false;
    memcpy(text, host, size);
    text[size] = '\0';
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

/* RFC 6066 section 3: no addresses and no trailing dot in SNI. */
static struct err context_name_host(const struct tls_context *context, SSL *ssl, const char *host)
{
    char address[INET6_ADDRSTRLEN];
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    bool must_match = context->verify == TLS_VERIFY_FULL;
    if (context_host_is_address(host, address))
        return !must_match || X509_VERIFY_PARAM_set1_ip_asc(param, address) == 1
                   ? OK
                   : err_crypto("\"%.100s\" cannot be compared with a certificate", host);
    size_t size = strlen(host);
    char *name = mem_string_of(bytes_of(host, size - (size > 0 && host[size - 1] == '.')));
    bool set = SSL_set_tlsext_host_name(ssl, name) == 1;
    if (set && must_match) {
        X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        set = X509_VERIFY_PARAM_set1_host(param, name, 0) == 1;
    }
    free(name);
    return set ? OK : err_crypto("\"%.100s\" cannot be the name of a TLS server", host);
}

struct err tls_context_connect(struct tls_context *context, const char *host, enum tls_opening opening, SSL **out)
{
    bool has_host = host && *host;
    if (!has_host && context->verify == TLS_VERIFY_FULL)
        return err_make(ERR_INPUT, "verify-full needs the name of the server's host");
    SSL *ssl = NULL;
    TRY(context_open(context, opening, &ssl));
    SSL_set_connect_state(ssl);
    struct err outcome = has_host ? context_name_host(context, ssl, host) : OK;
    if (failed(outcome))
        SSL_free(ssl);
    else
        *out = ssl;
    return outcome;
}
