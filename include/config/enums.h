/*
 * enums.h: settings that choose one word out of a few, as C enums.
 *
 * Every enum has a list of words (`<enum>_words`) in the order of its values, ended by NULL, for parsing and printing.
 * Any thread.
 */
#ifndef CONFIG_ENUMS_H
#define CONFIG_ENUMS_H

/* A setting of a database or user that is not given there: the next wider one applies. */
#define CONFIG_UNSET (-1)

enum pool_mode { POOL_MODE_UNSET = CONFIG_UNSET, POOL_MODE_SESSION, POOL_MODE_TRANSACTION, POOL_MODE_STATEMENT };

enum auth_type {
    AUTH_TYPE_ANY,
    AUTH_TYPE_TRUST,
    AUTH_TYPE_PLAIN,
    AUTH_TYPE_MD5,
    AUTH_TYPE_SCRAM_SHA_256,
    AUTH_TYPE_CERT,
    AUTH_TYPE_HBA,
    AUTH_TYPE_LDAP,
    AUTH_TYPE_PAM,
    AUTH_TYPE_PEER,   /* HBA lines only */
    AUTH_TYPE_REJECT, /* HBA lines only */
};

enum sslmode {
    SSLMODE_DISABLE,
    SSLMODE_ALLOW,
    SSLMODE_PREFER,
    SSLMODE_REQUIRE,
    SSLMODE_VERIFY_CA,
    SSLMODE_VERIFY_FULL,
};

enum load_balance_hosts { LOAD_BALANCE_UNSET = CONFIG_UNSET, LOAD_BALANCE_ROUND_ROBIN, LOAD_BALANCE_DISABLE };

enum target_session_attrs {
    TARGET_SESSION_UNSET = CONFIG_UNSET,
    TARGET_SESSION_ANY,
    TARGET_SESSION_READ_WRITE,
    TARGET_SESSION_READ_ONLY,
    TARGET_SESSION_PRIMARY,
    TARGET_SESSION_STANDBY,
};

enum io_engine { IO_ENGINE_AUTO, IO_ENGINE_LIBEVENT, IO_ENGINE_IO_URING };

enum attest_provider {
    ATTEST_PROVIDER_AUTO,
    ATTEST_PROVIDER_TSM,
    ATTEST_PROVIDER_SEV_GUEST,
    ATTEST_PROVIDER_AZURE,
    ATTEST_PROVIDER_SIMULATED,
};

enum attest_product { ATTEST_PRODUCT_MILAN, ATTEST_PRODUCT_GENOA, ATTEST_PRODUCT_TURIN };

extern const char *const pool_mode_words[];
extern const char *const auth_type_words[];     /* of the setting: without `peer` and `reject` */
extern const char *const auth_type_hba_words[]; /* indexed alike; NULL-ended, all methods by name */
extern const char *const sslmode_words[];
extern const char *const load_balance_hosts_words[];
extern const char *const target_session_attrs_words[];
extern const char *const io_engine_words[];
extern const char *const attest_provider_words[];
extern const char *const attest_product_words[];

/* The position of `text` in `words` (ASCII case does not matter), or -1. */
int enum_value(const char *const *words, const char *text);

/* The word of a value, NULL for CONFIG_UNSET and for what is not in the list. */
const char *enum_word(const char *const *words, int value);

#define pool_mode_text(mode)         enum_word(pool_mode_words, (int)(mode))
#define auth_type_text(type)         enum_word(auth_type_hba_words, (int)(type))
#define sslmode_text(mode)           enum_word(sslmode_words, (int)(mode))
#define load_balance_hosts_text(how) enum_word(load_balance_hosts_words, (int)(how))
#define io_engine_text(engine)       enum_word(io_engine_words, (int)(engine))
#define attest_provider_text(name)   enum_word(attest_provider_words, (int)(name))
#define attest_product_text(product) enum_word(attest_product_words, (int)(product))

#endif
