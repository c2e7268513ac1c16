#include "tls_pair.h"

#include "base/clock.h"
#include "base/mem.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/err.h>

#define FLIGHTS_MAX 20

static bool pair_step(SSL *ssl, bool *done)
{
    ERR_clear_error();
    int result = SSL_do_handshake(ssl);
    *done = result == 1;
    return *done || SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ;
}

void pair_shake(struct tls_pair *pair, SSL *client, SSL *server)
{
    BIO *to_server = BIO_new(BIO_s_mem()), *to_client = BIO_new(BIO_s_mem());
    BIO_up_ref(to_server);
    BIO_up_ref(to_client);
    SSL_set0_rbio(client, to_client);
    SSL_set0_wbio(client, to_server);
    SSL_set0_rbio(server, to_server);
    SSL_set0_wbio(server, to_client);
    *pair = (struct tls_pair){.client = client, .server = server};
    for (int i = 0; i < FLIGHTS_MAX && !pair_is_up(pair); i++) {
        bool client_lives = pair_step(client, &pair->client_done), server_lives = pair_step(server, &pair->server_done);
        if (!client_lives || !server_lives)
            break;
    }
    /* In TLS 1.3 the client may be done before the server refuses it. */
    if (pair_is_up(pair) && !pair_talks(pair))
        pair->client_done = false;
    ERR_clear_error();
}

bool pair_is_up(const struct tls_pair *pair)
{
    return pair->client_done && pair->server_done;
}

static bool pair_says(SSL *from, SSL *to)
{
    char got[8] = "";
    return SSL_write(from, "hello", 5) == 5 && SSL_read(to, got, sizeof got) == 5 && strcmp(got, "hello") == 0;
}

bool pair_talks(struct tls_pair *pair)
{
    return pair_says(pair->client, pair->server) && pair_says(pair->server, pair->client);
}

void pair_free(struct tls_pair *pair)
{
    SSL_free(pair->client);
    SSL_free(pair->server);
    *pair = (struct tls_pair){0};
}

struct tls_identity *pair_identity(const struct authority *issuer, const char *common_name, const char *san)
{
    int64_t now_s = clock_wall_us() / US_PER_SECOND;
    struct leaf_spec spec = {.common_name = common_name,
                             .san = san,
                             .not_before_s = now_s - 300,
                             .not_after_s = now_s + 3600,
                             .for_server = true,
                             .for_client = true};
    struct leaf *leaf;
    struct tls_identity *identity;
    struct err drafted = leaf_draft(&spec, issuer, &leaf);
    assert_string_equal(drafted.why, "");
    struct err signed_outcome = leaf_sign(leaf, &identity);
    assert_string_equal(signed_outcome.why, "");
    leaf_free(leaf);
    return identity;
}

struct authority *pair_authority(const char *common_name)
{
    struct authority *authority;
    struct err outcome = authority_make(common_name, 24 * 3600, &authority);
    assert_string_equal(outcome.why, "");
    return authority;
}

char *pair_make_directory(void)
{
    const char *base = getenv("TMPDIR");
    char *directory = mem_format("%s/pgvouch-test-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(directory));
    return directory;
}

void pair_remove_directory(char *directory)
{
    DIR *listing = opendir(directory);
    assert_non_null(listing);
    for (struct dirent *entry; (entry = readdir(listing));) {
        char *path = mem_format("%s/%s", directory, entry->d_name);
        unlink(path);
        free(path);
    }
    closedir(listing);
    rmdir(directory);
    free(directory);
}
