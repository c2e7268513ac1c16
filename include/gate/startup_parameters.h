/*
 * startup_parameters.h: which of a client's startup parameters are kept, dropped or refused.
 *
 * Kept are those that the pooler carries from link to link; settings inside `options` ("-c name=value",
 * "--name=value") count like parameters of their own. The rest must be listed in ignore_startup_parameters. Pure.
 */
#ifndef GATE_STARTUP_PARAMETERS_H
#define GATE_STARTUP_PARAMETERS_H

#include "gate/identity.h"
#include "gate/rules.h"
#include "wire/startup.h"

/* Fills identity->parameters. ERR_UNSUPPORTED names the parameter that can be neither kept nor ignored. */
struct err startup_parameters_take(const struct wire_startup *startup, const struct rules *rules,
                                   bool (*is_tracked)(const char *name), struct identity *identity) MUST_CHECK;

#endif
