#include "app/contexts.h"

struct err contexts_for_clients(const struct rules *rules, struct tls_identity *identity, struct tls_context **out)
{
    const struct settings *set = &rules->config->set;
    const struct tls_settings tls = {
        .protocols = set->client_tls_protocols,
        .ciphers = set->client_tls_ciphers,
        .ciphers13 = set->client_tls13_ciphers,
        .ecdhcurve = set->client_tls_ecdhcurve,
        .dheparams = set->client_tls_dheparams,
        .ca_file = set->client_tls_ca_file,
    };
    struct tls_identity *loaded = NULL;
    *out = NULL;
    if (set->client_tls_sslmode == SSLMODE_DISABLE)
        return OK;
    if (!identity) {
        TRY(err_within(tls_identity_load(set->client_tls_cert_file, set->client_tls_key_file, &loaded),
                       "client_tls_cert_file"));
        identity = loaded;
    }
    struct err e = tls_context_for_clients(&tls, rules_want_certificates(rules), identity, out);
    tls_identity_release(loaded);
    return err_within(e, "client_tls_*");
}

static enum tls_verify contexts_verify(enum sslmode mode)
{
    if (mode == SSLMODE_VERIFY_FULL)
        return TLS_VERIFY_FULL;
    return mode == SSLMODE_VERIFY_CA ? TLS_VERIFY_CA : TLS_VERIFY_NONE;
}

struct err contexts_for_servers(const struct config *config, struct tls_context **out)
{
    const struct settings *set = &config->set;
    const struct tls_settings tls = {
        .protocols = set->server_tls_protocols,
        .ciphers = set->server_tls_ciphers,
        .ciphers13 = set->server_tls13_ciphers,
        .ca_file = set->server_tls_ca_file,
    };
    struct tls_identity *identity = NULL;
    *out = NULL;
    if (set->server_tls_sslmode <= SSLMODE_ALLOW)
        return OK;
    if (set->server_tls_cert_file[0])
        TRY(err_within(tls_identity_load(set->server_tls_cert_file, set->server_tls_key_file, &identity),
                       "server_tls_cert_file"));
    struct err e = tls_context_for_servers(&tls, contexts_verify(set->server_tls_sslmode), identity, out);
    tls_identity_release(identity);
    return err_within(e, "server_tls_*");
}
