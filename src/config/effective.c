#include "config/effective.h"

/* The first value that is given. */
static int first_int(int user, int database, int setting)
{
    if (user != CONFIG_UNSET)
        return user;
    return database != CONFIG_UNSET ? database : setting;
}

static int64_t first_us(int64_t user, int64_t database, int64_t setting)
{
    if (user != CONFIG_UNSET)
        return user;
    return database != CONFIG_UNSET ? database : setting;
}

static const char *first_text(const char *database, const char *setting)
{
    return *database ? database : setting;
}

enum pool_mode config_pool_mode(const struct config *config, const struct config_database *database,
                                const struct config_user *user)
{
    return (enum pool_mode)first_int(user ? (int)user->pool_mode : CONFIG_UNSET, (int)database->pool_mode,
                                     (int)config->set.pool_mode);
}

int config_pool_size(const struct config *config, const struct config_database *database,
                     const struct config_user *user)
{
    return first_int(user ? user->pool_size : CONFIG_UNSET, database->pool_size, config->set.default_pool_size);
}

int config_min_pool_size(const struct config *config, const struct config_database *database,
                         const struct config_user *user)
{
    int least = first_int(CONFIG_UNSET, database->min_pool_size, config->set.min_pool_size);
    int most = config_pool_size(config, database, user);
    return least < most ? least : most;
}

int config_reserve_pool_size(const struct config *config, const struct config_database *database,
                             const struct config_user *user)
{
    return first_int(user ? user->reserve_pool_size : CONFIG_UNSET, database->reserve_pool_size,
                     config->set.reserve_pool_size);
}

int config_max_db_connections(const struct config *config, const struct config_database *database)
{
    return first_int(CONFIG_UNSET, database->max_db_connections, config->set.max_db_connections);
}

int config_max_db_client_connections(const struct config *config, const struct config_database *database)
{
    return first_int(CONFIG_UNSET, database->max_db_client_connections, config->set.max_db_client_connections);
}

int config_max_user_connections(const struct config *config, const struct config_user *user)
{
    return first_int(user ? user->max_user_connections : CONFIG_UNSET, CONFIG_UNSET, config->set.max_user_connections);
}

int config_max_user_client_connections(const struct config *config, const struct config_user *user)
{
    return first_int(user ? user->max_user_client_connections : CONFIG_UNSET, CONFIG_UNSET,
                     config->set.max_user_client_connections);
}

enum load_balance_hosts config_load_balance_hosts(const struct config_database *database)
{
    return database->load_balance_hosts == LOAD_BALANCE_UNSET ? LOAD_BALANCE_ROUND_ROBIN : database->load_balance_hosts;
}

int64_t config_server_lifetime_us(const struct config *config, const struct config_database *database)
{
    return first_us(CONFIG_UNSET, database->server_lifetime_us, config->set.server_lifetime_us);
}

int64_t config_query_wait_timeout_us(const struct config *config, const struct config_database *database,
                                     const struct config_user *user)
{
    return first_us(user ? user->query_wait_timeout_us : CONFIG_UNSET, database->query_wait_timeout_us,
                    config->set.query_wait_timeout_us);
}

int64_t config_query_timeout_us(const struct config *config, const struct config_user *user)
{
    return first_us(user ? user->query_timeout_us : CONFIG_UNSET, CONFIG_UNSET, config->set.query_timeout_us);
}

int64_t config_idle_transaction_timeout_us(const struct config *config, const struct config_user *user)
{
    return first_us(user ? user->idle_transaction_timeout_us : CONFIG_UNSET, CONFIG_UNSET,
                    config->set.idle_transaction_timeout_us);
}

int64_t config_transaction_timeout_us(const struct config *config, const struct config_user *user)
{
    return first_us(user ? user->transaction_timeout_us : CONFIG_UNSET, CONFIG_UNSET,
                    config->set.transaction_timeout_us);
}

int64_t config_client_idle_timeout_us(const struct config *config, const struct config_user *user)
{
    return first_us(user ? user->client_idle_timeout_us : CONFIG_UNSET, CONFIG_UNSET,
                    config->set.client_idle_timeout_us);
}

const char *config_auth_user(const struct config *config, const struct config_database *database)
{
    return first_text(database->auth_user, config->set.auth_user);
}

const char *config_auth_query(const struct config *config, const struct config_database *database)
{
    return first_text(database->auth_query, config->set.auth_query);
}

const char *config_auth_dbname(const struct config *config, const struct config_database *database)
{
    return first_text(database->auth_dbname, config->set.auth_dbname);
}
