#include "tls/settings.h"

#include "base/bytes.h"
#include "base/mem.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const int protocol_versions[] = {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION};
static const uint64_t protocol_refusals[] = {SSL_OP_NO_TLSv1, SSL_OP_NO_TLSv1_1, SSL_OP_NO_TLSv1_2, SSL_OP_NO_TLSv1_3};
#define PROTOCOL_COUNT   (sizeof protocol_versions / sizeof *protocol_versions)

/* Bit i stands for protocol_versions[i]. */
#define PROTOCOLS_SECURE 0xcU
#define PROTOCOLS_ALL    0xfU

static const struct {
    const char *word;
    unsigned protocols;
} protocol_words[] = {
    {"secure", PROTOCOLS_SECURE},
    {"default", PROTOCOLS_SECURE},
    {"all", PROTOCOLS_ALL},
    {"legacy", PROTOCOLS_ALL},
    {"tlsv1", 0x1},
    {"tlsv1.0", 0x1},
    {"tlsv1.1", 0x2},
    {"tlsv1.2", 0x4},
    {"tlsv1.3", 0x8},
};

/* Words for cipher lists up to TLS 1.2. Nothing here has no authentication or no encryption. */
static const struct {
    const char *word;
    const char *ciphers;
} cipher_words[] = {
    {"", "HIGH:!aNULL"},          {"default", "HIGH:!aNULL"},        {"secure", "HIGH:!aNULL"},
    {"normal", "HIGH:!aNULL"},    {"fast", "HIGH:!aNULL"},           {"compat", "HIGH:!aNULL"},
    {"all", "ALL:!aNULL:!eNULL"}, {"insecure", "ALL:!aNULL:!eNULL"}, {"legacy", "HIGH:MEDIUM:+3DES:!aNULL"},
};

static const char *settings_text(const char *text)
{
    return text ? text : "";
}

static bool settings_is_word(const char *text, const char *word)
{
    return strcasecmp(settings_text(text), word) == 0;
}

static bool settings_is_auto(const char *text)
{
    return settings_is_word(text, "") || settings_is_word(text, "auto");
}

static struct err settings_take_protocol(struct bytes word, unsigned *protocols)
{
    bool away = word.n > 0 && word.p[0] == '!';
    const char *text = (const char *)word.p + away;
    size_t size = word.n - away;
    for (size_t i = 0; i < sizeof protocol_words / sizeof *protocol_words; i++)
        if (strlen(protocol_words[i].word) == size && strncasecmp(protocol_words[i].word, text, size) == 0) {
            *protocols = away ? *protocols & ~protocol_words[i].protocols : *protocols | protocol_words[i].protocols;
            return OK;
        }
    return err_make(ERR_INPUT, "tls_protocols: \"%.*s\" is not a TLS version", (int)(size < 40 ? size : 40), text);
}

/* A list, or a list of what to leave out of all. Separators: commas, colons and blanks. */
static struct err settings_read_protocols(const char *list, unsigned *out)
{
    const char *separators = ",: \t", *at = settings_text(list) + strspn(settings_text(list), ",: \t");
    unsigned protocols = *at == '!' ? PROTOCOLS_ALL : 0;
    if (*at == '\0')
        protocols = PROTOCOLS_SECURE;
    while (*at) {
        size_t size = strcspn(at, separators);
        TRY(settings_take_protocol(bytes_of(at, size), &protocols));
        at += size;
        at += strspn(at, separators);
    }
    if (protocols == 0)
        return err_make(ERR_INPUT, "tls_protocols: no TLS version is left");
    *out = protocols;
    return OK;
}

static struct err settings_apply_protocols(const char *list, SSL_CTX *ctx)
{
    unsigned protocols = 0;
    TRY(settings_read_protocols(list, &protocols));
    int lowest = 0, highest = 0;
    for (size_t i = 0; i < PROTOCOL_COUNT; i++) {
        if (!(protocols & (1U << i))) {
            SSL_CTX_set_options(ctx, protocol_refusals[i]);
            continue;
        }
        SSL_CTX_clear_options(ctx, protocol_refusals[i]);
        lowest = lowest ? lowest : protocol_versions[i];
        highest = protocol_versions[i];
    }
    if (SSL_CTX_set_min_proto_version(ctx, lowest) != 1 || SSL_CTX_set_max_proto_version(ctx, highest) != 1)
        return err_crypto("tls_protocols cannot be set");
    return OK;
}

static struct err settings_apply_ciphers(const struct tls_settings *settings, SSL_CTX *ctx)
{
    const char *given = settings_text(settings->ciphers), *ciphers = given;
    for (size_t i = 0; i < sizeof cipher_words / sizeof *cipher_words; i++)
        if (settings_is_word(given, cipher_words[i].word))
            ciphers = cipher_words[i].ciphers;
    char *list = mem_format("%s%s", ciphers, settings_is_word(settings->ecdhcurve, "none") ? ":!kECDHE" : "");
    bool set = SSL_CTX_set_cipher_list(ctx, list) == 1;
    free(list);
    if (!set) {
        ERR_clear_error();
        return err_make(ERR_INPUT, "tls_ciphers: \"%.100s\" names no cipher", given);
    }
    const char *suites = settings_text(settings->ciphers13);
    if (*suites && SSL_CTX_set_ciphersuites(ctx, suites) != 1) {
        ERR_clear_error();
        return err_make(ERR_INPUT, "tls13_ciphers: \"%.100s\" is not a list of TLS 1.3 suites", suites);
    }
    return OK;
}

static struct err settings_apply_key_exchange(const struct tls_settings *settings, SSL_CTX *ctx)
{
    const char *groups = settings_text(settings->ecdhcurve);
    if (!settings_is_auto(groups) && !settings_is_word(groups, "none") && SSL_CTX_set1_groups_list(ctx, groups) != 1) {
        ERR_clear_error();
        return err_make(ERR_INPUT, "tls_ecdhcurve: \"%.100s\" is not a known curve", groups);
    }
    const char *dheparams = settings->dheparams;
    bool none = settings_is_word(dheparams, "none");
    if (!none && !settings_is_auto(dheparams) && !settings_is_word(dheparams, "legacy"))
        return err_make(ERR_INPUT, "tls_dheparams: \"%.100s\" is neither auto, none nor legacy", dheparams);
    SSL_CTX_set_dh_auto(ctx, none ? 0 : 1);
    return OK;
}

struct err tls_settings_apply(const struct tls_settings *settings, SSL_CTX *ctx)
{
    TRY(settings_apply_protocols(settings->protocols, ctx));
    TRY(settings_apply_ciphers(settings, ctx));
    return settings_apply_key_exchange(settings, ctx);
}

struct err tls_settings_check(const struct tls_settings *settings)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    if (!ctx)
        return err_crypto("cannot make a TLS context");
    struct err outcome = tls_settings_apply(settings, ctx);
    SSL_CTX_free(ctx);
    return outcome;
}

struct tls_settings tls_settings_copy(const struct tls_settings *settings)
{
    return (struct tls_settings){
        .protocols = mem_string(settings_text(settings->protocols)),
        .ciphers = mem_string(settings_text(settings->ciphers)),
        .ciphers13 = mem_string(settings_text(settings->ciphers13)),
        .ecdhcurve = mem_string(settings_text(settings->ecdhcurve)),
        .dheparams = mem_string(settings_text(settings->dheparams)),
        .ca_file = mem_string(settings_text(settings->ca_file)),
    };
}

void tls_settings_release(struct tls_settings *settings)
{
    free((char *)settings->protocols);
    free((char *)settings->ciphers);
    free((char *)settings->ciphers13);
    free((char *)settings->ecdhcurve);
    free((char *)settings->dheparams);
    free((char *)settings->ca_file);
    *settings = (struct tls_settings){0};
}
