/*
 * check.h: whether the settings of a snapshot fit together.
 *
 * Called by config.c before a snapshot is handed out. Any thread.
 */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "config/config.h"

/* ERR_INPUT names the setting and what to do. What can be lived with is logged as a warning. */
struct err config_check(const struct config *config) MUST_CHECK;

/* Whether the texts of attest_simulated_* are of the right form: for who opens a provider without a configuration. */
struct err config_check_simulated(const struct settings *set) MUST_CHECK;

/* The same of kds_*, for who fetches certificates without a configuration. */
struct err config_check_kds(const struct settings *set) MUST_CHECK;

#endif
