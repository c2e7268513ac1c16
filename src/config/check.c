#include "config/check.h"

#include "base/log.h"
#include "base/mem.h"
#include "config/value.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct err check_protocols(const char *name, const char *text)
{
    unsigned bits;
    return err_within(value_tls_protocols(text, &bits), "invalid value \"%.80s\" for parameter %s", text, name);
}

static struct err check_pair(const char *cert_name, const char *cert, const char *key_name, const char *key)
{
    if (!*cert == !*key)
        return OK;
    return err_make(ERR_INPUT, "%s is set, but %s is not; they are needed together", *cert ? cert_name : key_name,
                    *cert ? key_name : cert_name);
}

static struct err check_tls(const struct settings *set)
{
    TRY(check_protocols("client_tls_protocols", set->client_tls_protocols));
    TRY(check_protocols("server_tls_protocols", set->server_tls_protocols));
    TRY(check_pair("client_tls_cert_file", set->client_tls_cert_file, "client_tls_key_file", set->client_tls_key_file));
    TRY(check_pair("server_tls_cert_file", set->server_tls_cert_file, "server_tls_key_file", set->server_tls_key_file));
    TRY(check_pair("attest_ca_cert", set->attest_ca_cert, "attest_ca_key", set->attest_ca_key));
    if (set->client_tls_sslmode >= SSLMODE_VERIFY_CA && !*set->client_tls_ca_file)
        return err_make(ERR_INPUT, "client_tls_sslmode = %s needs client_tls_ca_file",
                        sslmode_text(set->client_tls_sslmode));
    return OK;
}

static struct err check_authentication(const struct settings *set)
{
    if (set->auth_type == AUTH_TYPE_CERT) {
        if (set->client_tls_sslmode == SSLMODE_DISABLE)
            return err_make(ERR_INPUT, "auth_type = cert needs TLS: set client_tls_sslmode to verify-full");
        if (!*set->client_tls_ca_file)
            return err_make(ERR_INPUT, "auth_type = cert needs client_tls_ca_file: "
                                       "it says who may issue client certificates");
    }
    if (set->auth_type == AUTH_TYPE_LDAP || set->auth_type == AUTH_TYPE_PAM)
        return err_make(ERR_UNSUPPORTED, "auth_type = %s is not in this version: use scram-sha-256, cert or hba",
                        auth_type_text(set->auth_type));
    if (set->auth_type == AUTH_TYPE_HBA && !*set->auth_hba_file)
        return err_make(ERR_INPUT, "auth_type = hba needs auth_hba_file");
    if (set->auth_type == AUTH_TYPE_HBA && access(set->auth_hba_file, R_OK) != 0)
        return err_system("could not open auth_hba_file %s", set->auth_hba_file);
    if (*set->auth_file && access(set->auth_file, R_OK) != 0)
        log_warning("could not open auth_file %s: no user is known from it", set->auth_file);
    if (!*set->auth_file && (set->auth_type == AUTH_TYPE_PLAIN || set->auth_type == AUTH_TYPE_MD5 ||
                             set->auth_type == AUTH_TYPE_SCRAM_SHA_256))
        log_warning("auth_type = %s without auth_file: no user is known, and nobody can log in",
                    auth_type_text(set->auth_type));
    return OK;
}

static struct err check_hex(const char *name, const char *text, size_t bytes)
{
    uint8_t value[64];
    if (!*text)
        return OK;
    return err_within(hex_decode(text, value, bytes), "invalid value for parameter %s", name);
}

/* A list of `count` numbers below 256 between dots. */
static bool is_dotted(const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *end;
        if (*text < '0' || *text > '9')
            return false;
        if (strtoul(text, &end, 10) > 255 || *end != (i + 1 < count ? '.' : '\0'))
            return false;
        text = end + 1;
    }
    return true;
}

struct err config_check_simulated(const struct settings *set)
{
    bool turin = set->attest_simulated_product == ATTEST_PRODUCT_TURIN;
    if (!*set->attest_simulated_measurement)
        return err_make(ERR_INPUT, "attest_simulated_measurement is empty; it needs 96 hexadecimal digits");
    TRY(check_hex("attest_simulated_measurement", set->attest_simulated_measurement, 48));
    TRY(check_hex("attest_simulated_host_data", set->attest_simulated_host_data, 32));
    TRY(check_hex("attest_simulated_chip_id", set->attest_simulated_chip_id, turin ? 8 : 64));
    if (!is_dotted(set->attest_simulated_firmware, 3))
        return err_make(ERR_INPUT, "attest_simulated_firmware must be major.minor.build, each below 256");
    if (*set->attest_simulated_tcb && !is_dotted(set->attest_simulated_tcb, turin ? 5 : 4))
        return err_make(ERR_INPUT, "attest_simulated_tcb must be %sbootloader.tee.snp.microcode, each below 256",
                        turin ? "fmc." : "");
    return OK;
}

static struct err check_attestation(const struct config *config)
{
    const struct settings *set = &config->set;
    TRY(config_check_simulated(set));
    if (set->attest_max_age_us == 0)
        return err_make(ERR_INPUT, "attest_max_age must be longer than 0");
    if (*set->client_attest_policy && !config_find_policy_path(config, set->client_attest_policy))
        return err_make(ERR_INPUT, "client_attest_policy = %s: section [policies] has no policy of that name",
                        set->client_attest_policy);
    if (*set->http_listen) {
        char *host;
        int port;
        TRY(err_within(value_host_port(set->http_listen, &host, &port),
                       "invalid value \"%.80s\" for parameter http_listen", set->http_listen));
        free(host);
    }
    return OK;
}

struct err config_check_kds(const struct settings *set)
{
    static const char scheme[] = "https://";
    const char *host = set->kds_url + sizeof scheme - 1;
    if (strncmp(set->kds_url, scheme, sizeof scheme - 1) != 0 || !*host || *host == '/' || strpbrk(host, "?# @"))
        return err_make(ERR_INPUT,
                        "invalid value \"%.80s\" for parameter kds_url: expected https://host, with :port and a path "
                        "where needed",
                        set->kds_url);
    if (set->kds_timeout_us == 0 || set->kds_crl_refresh_us == 0)
        return err_make(ERR_INPUT, "%s must be longer than 0",
                        set->kds_timeout_us == 0 ? "kds_timeout" : "kds_crl_refresh");
    return OK;
}

static struct err check_log(const struct settings *set)
{
    static const char *const facilities[] = {"auth",   "authpriv", "daemon", "user",   "local0", "local1", "local2",
                                             "local3", "local4",   "local5", "local6", "local7", NULL};
    if (enum_value(facilities, set->syslog_facility) < 0)
        return err_make(ERR_INPUT,
                        "invalid value \"%.80s\" for parameter syslog_facility: "
                        "expected auth, authpriv, daemon, user, or local0 to local7",
                        set->syslog_facility);
    return OK;
}

/* Nobody is to believe that a limit holds which this version does not know. */
static void warn_of_inert(const struct settings *set)
{
    struct settings defaults;
    settings_init(&defaults);
    for (size_t i = 0; i < setting_count(); i++) {
        const struct setting *setting = setting_at(i);
        if (setting->flags & SETTING_INERT && !setting_equal(setting, set, &defaults))
            log_warning("%s is accepted, but has no effect in this version", setting->name);
    }
    settings_free(&defaults);
}

static bool database_exists(const struct config *config, const char *name)
{
    return config_find_database(config, name, NULL) != NULL;
}

static struct err check_databases(const struct config *config)
{
    const char *auth_dbname = config->set.auth_dbname;
    if (config_is_console(auth_dbname))
        return err_make(ERR_INPUT, "auth_dbname cannot be the console database %s", auth_dbname);
    if (*auth_dbname && !database_exists(config, auth_dbname))
        log_warning("auth_dbname = %s: section [databases] has no such database", auth_dbname);
    for (size_t i = 0; i < config->database_count; i++) {
        const struct config_database *database = &config->databases[i];
        if (config_is_console(database->auth_dbname))
            return err_make(ERR_INPUT, "database %s: auth_dbname cannot be the console database %s", database->name,
                            database->auth_dbname);
    }
    return OK;
}

struct err config_check(const struct config *config)
{
    TRY(check_tls(&config->set));
    TRY(check_authentication(&config->set));
    TRY(check_attestation(config));
    TRY(config_check_kds(&config->set));
    TRY(check_log(&config->set));
    TRY(check_databases(config));
    warn_of_inert(&config->set);
    return OK;
}
