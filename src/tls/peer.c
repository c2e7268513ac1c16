#include "tls/peer.h"

#include <openssl/err.h>
#include <string.h>

X509 *tls_peer_certificate(const SSL *ssl)
{
    return SSL_get0_peer_certificate(ssl);
}

STACK_OF(X509) * tls_peer_others(const SSL *ssl)
{
    STACK_OF(X509) *sent = SSL_get_peer_cert_chain(ssl);
    STACK_OF(X509) *others = sent ? X509_chain_up_ref(sent) : sk_X509_new_null();
    /* OpenSSL counts a server's own certificate in, a client's not. */
    if (others && sk_X509_num(others) > 0 && !SSL_is_server(ssl))
        X509_free(sk_X509_shift(others));
    return others ? others : sk_X509_new_null();
}

const char *tls_peer_chain_problem(const SSL *ssl)
{
    if (!tls_peer_certificate(ssl))
        return "no certificate was shown";
    long problem = SSL_get_verify_result(ssl);
    return problem == X509_V_OK ? NULL : X509_verify_cert_error_string(problem);
}

bool tls_peer_chains(const SSL *ssl)
{
    return tls_peer_chain_problem(ssl) == NULL;
}

bool tls_peer_speaks_postgresql(const SSL *ssl)
{
    const unsigned char *name;
    unsigned size;
    SSL_get0_alpn_selected(ssl, &name, &size);
    return bytes_equal(bytes_of(name, size), BYTES_LITERAL("postgresql"));
}

const char *tls_peer_version(const SSL *ssl)
{
    return SSL_get_version(ssl);
}

const char *tls_peer_cipher(const SSL *ssl)
{
    return SSL_get_cipher_name(ssl);
}

bool tls_peer_is_tls13(const SSL *ssl)
{
    return SSL_version(ssl) == TLS1_3_VERSION;
}

const char *tls_peer_server_name(const SSL *ssl)
{
    return SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
}

struct err tls_peer_end_point_hash(const SSL *ssl, uint8_t out[EVP_MAX_MD_SIZE], size_t *size)
{
    const X509 *servers = SSL_is_server(ssl) ? SSL_get_certificate(ssl) : tls_peer_certificate(ssl);
    if (!servers)
        return err_make(ERR_NOT_FOUND, "the TLS server has no certificate");
    return certificate_end_point_hash(servers, out, size);
}

struct err tls_exporter(SSL *ssl, const char *label, const struct bytes *context, uint8_t *out, size_t size)
{
    const uint8_t *bytes = context && context->n > 0 ? context->p : (const uint8_t *)"";
    if (SSL_export_keying_material(ssl, out, size, label, strlen(label), bytes, context ? context->n : 0,
                                   context != NULL) != 1)
        return err_crypto("TLS exporter \"%s\"", label);
    return OK;
}

void tls_peer_forget(SSL *ssl)
{
    /* The session's own stack; nothing else reads it, since sessions are neither cached nor resumed. */
    STACK_OF(X509) *others = SSL_get_peer_cert_chain(ssl);
    while (SSL_is_init_finished(ssl) && sk_X509_num(others) > 0)
        X509_free(sk_X509_pop(others));
}
