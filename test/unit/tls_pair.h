/*
 * tls_pair.h: for tests: two ends of a TLS connection that talk through memory, and identities to show.
 */
#ifndef TEST_TLS_PAIR_H
#define TEST_TLS_PAIR_H

#include "tls/context.h"
#include "tls/leaf.h"

struct tls_pair {
    SSL *client;
    SSL *server;
    bool client_done;
    bool server_done;
};

/* Joins two ends, which become the pair's, and shakes hands until both are done or one failed. */
void pair_shake(struct tls_pair *pair, SSL *client, SSL *server);
bool pair_is_up(const struct tls_pair *pair);
/* Sends text both ways and says whether it arrived. */
bool pair_talks(struct tls_pair *pair);
void pair_free(struct tls_pair *pair);

/* A leaf for an hour from now on, issued by `issuer` or self-signed; fails the test otherwise. */
struct tls_identity *pair_identity(const struct authority *issuer, const char *common_name, const char *san);
struct authority *pair_authority(const char *common_name);
/* A directory for a test's files below TMPDIR; free() the name after pair_remove_directory. */
char *pair_make_directory(void);
void pair_remove_directory(char *directory);

#endif
