/*
 * effective.h: values in effect for one database and user.
 *
 * PgBouncer's order: what the user says goes before what the database says, and that before the setting. `user` may be
 * NULL (no entry in [users]); `database` is from config_find_database. Pure; any thread that holds the snapshot.
 */
#ifndef CONFIG_EFFECTIVE_H
#define CONFIG_EFFECTIVE_H

#include "config/config.h"

enum pool_mode config_pool_mode(const struct config *config, const struct config_database *database,
                                const struct config_user *user);
int config_pool_size(const struct config *config, const struct config_database *database,
                     const struct config_user *user);
int config_min_pool_size(const struct config *config, const struct config_database *database,
                         const struct config_user *user); /* never more than the pool size */
int config_reserve_pool_size(const struct config *config, const struct config_database *database,
                             const struct config_user *user);
int config_max_db_connections(const struct config *config, const struct config_database *database);
int config_max_db_client_connections(const struct config *config, const struct config_database *database);
int config_max_user_connections(const struct config *config, const struct config_user *user);
int config_max_user_client_connections(const struct config *config, const struct config_user *user);
enum load_balance_hosts config_load_balance_hosts(const struct config_database *database);

int64_t config_server_lifetime_us(const struct config *config, const struct config_database *database);
int64_t config_query_wait_timeout_us(const struct config *config, const struct config_database *database,
                                     const struct config_user *user);
int64_t config_query_timeout_us(const struct config *config, const struct config_user *user);
int64_t config_idle_transaction_timeout_us(const struct config *config, const struct config_user *user);
int64_t config_transaction_timeout_us(const struct config *config, const struct config_user *user);
int64_t config_client_idle_timeout_us(const struct config *config, const struct config_user *user);

const char *config_auth_user(const struct config *config, const struct config_database *database);
const char *config_auth_query(const struct config *config, const struct config_database *database);
const char *config_auth_dbname(const struct config *config, const struct config_database *database);

#endif
