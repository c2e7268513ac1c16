/*
 * digest.h: config_digest: what security settings are in force, as one hash that evidence binds.
 *
 * SHA-384 over, in the order of the settings table, every setting marked as digested: lp(name) | lp(its text), or for
 * one that names a file lp(name) | lp(SHA-384 of the file's content) (lp("") when no file is named); then, by name,
 * every entry of [policies]: lp("policy") | lp(name) | lp(SHA-384 of the file). The paths themselves do not enter, so
 * that the digest is the same wherever the files lie. Main; reads files.
 */
#ifndef ATTEST_DIGEST_H
#define ATTEST_DIGEST_H

#include "config/config.h"
#include "tls/certificate.h"

/* ERR_SYSTEM when a file cannot be read, ERR_LIMIT when a text is longer than 65535 bytes. */
struct err digest_of_config(const struct config *config, uint8_t out[SHA384_SIZE]) MUST_CHECK;

#endif
