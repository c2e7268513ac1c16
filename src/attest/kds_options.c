#include "attest/kds_options.h"

#include "base/mem.h"
#include "tls/pem.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct err options_add_ark(struct kds_options *options, X509 *certificate)
{
    unsigned char *der = NULL;
    int size = i2d_X509(certificate, &der);
    if (size <= 0)
        return err_crypto("cannot encode a root");
    struct err outcome = snp_arks_add_certificate(options->arks, bytes_of(der, (size_t)size));
    OPENSSL_free(der);
    return outcome;
}

static struct err options_read_arks(struct kds_options *options, const char *path)
{
    STACK_OF(X509) *certificates = NULL;
    if (!*path)
        return OK;
    TRY(pem_load_certificates(path, &certificates));
    struct err outcome = OK;
    for (int i = 0; !failed(outcome) && i < sk_X509_num(certificates); i++)
        outcome = options_add_ark(options, sk_X509_value(certificates, i));
    sk_X509_pop_free(certificates, X509_free);
    return outcome;
}

static char *options_folder(const struct settings *set)
{
    if (*set->kds_cache_dir)
        return mem_string(set->kds_cache_dir);
    return *set->attest_state_dir ? mem_format("%s/kds", set->attest_state_dir) : mem_string("");
}

static char *options_url(const struct settings *set)
{
    size_t size = strlen(set->kds_url);
    while (size > 0 && set->kds_url[size - 1] == '/')
        size--;
    return mem_string_of(bytes_of(set->kds_url, size));
}

static bool is_proxy_scheme(const char *scheme)
{
    static const char *const schemes[] = {"http", "https", "socks4", "socks4a", "socks5", "socks5h"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
        if (strcmp(scheme, schemes[i]) == 0)
            return true;
    return false;
}

/* As libcurl would read it later. It may hold a password, so no error repeats it. */
static struct err options_check_proxy(const char *proxy)
{
    CURLU *url = *proxy && strcmp(proxy, "none") != 0 ? curl_url() : NULL;
    char *scheme = NULL;
    if (!url)
        return OK;
    bool good = curl_url_set(url, CURLUPART_URL, proxy, CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
                curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK && is_proxy_scheme(scheme);
    curl_free(scheme);
    curl_url_cleanup(url);
    return good ? OK
                : err_make(ERR_INPUT, "invalid value for parameter kds_proxy (not shown, it may hold a password): "
                                      "expected none, or [http://][user:password@]host:port; the scheme may also be "
                                      "https, socks4, socks4a, socks5 or socks5h");
}

static struct err options_fill(struct kds_options *options, const struct settings *set)
{
    if (*options->ca_file && access(options->ca_file, R_OK) != 0)
        return err_system("kds_ca_file: cannot open \"%s\"", options->ca_file);
    TRY(options_check_proxy(options->proxy));
    return err_within(options_read_arks(options, set->kds_ark_file), "kds_ark_file");
}

struct err kds_options_read(const struct settings *set, const struct snp_arks *arks, struct kds_options **out)
{
    struct kds_options *options = NEW(struct kds_options);
    options->references = 1;
    options->url = options_url(set);
    options->folder = options_folder(set);
    options->ca_file = mem_string(set->kds_ca_file);
    options->proxy = mem_string(set->kds_proxy);
    options->arks = snp_arks_new();
    snp_arks_add_all(options->arks, arks);
    options->offline = set->kds_offline;
    options->timeout_us = set->kds_timeout_us;
    options->interval_us = set->kds_interval_us;
    options->negative_us = set->kds_negative_ttl_us;
    options->crl_refresh_us = set->kds_crl_refresh_us;
    struct err outcome = options_fill(options, set);
    if (failed(outcome))
        kds_options_drop(options);
    else
        *out = options;
    return outcome;
}

struct kds_options *kds_options_ref(struct kds_options *options)
{
    atomic_fetch_add(&options->references, 1);
    return options;
}

void kds_options_drop(struct kds_options *options)
{
    if (!options || atomic_fetch_sub(&options->references, 1) > 1)
        return;
    free(options->url);
    free(options->folder);
    free(options->ca_file);
    mem_free_secret_string(options->proxy);
    snp_arks_free(options->arks);
    free(options);
}
