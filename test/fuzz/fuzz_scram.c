/* SCRAM, both sides, and the stored secret. The first byte says which; a line feed parts first and final message. */
#include "fuzz.h"

#include "gate/scram.h"

#include <string.h>

#define ROOM 4096

static void take_server(struct bytes first, struct bytes final, bool is_plus)
{
    static const uint8_t binding[32] = {1, 2, 3};
    struct scram_secret secret;
    uint8_t client_key[SCRAM_KEY_SIZE];
    MUST_HOLD(!failed(scram_secret_mock("nobody", 4096, &secret)));
    struct scram_server *server = scram_server_new(&secret, is_plus ? BYTES(binding) : BYTES_NONE, false);
    struct writer out = writer_growing(ROOM);
    if (!failed(scram_server_first(server, is_plus ? scram_mechanism_plus : scram_mechanism, first, &out)))
        MUST_HOLD(failed(scram_server_final(server, final, &out, client_key))); /* nobody knows the secret */
    writer_free(&out);
    scram_server_free(server);
}

static void take_client(struct bytes first, struct bytes final)
{
    struct scram_keys keys = {0};
    struct bytes salt;
    uint32_t iterations = 0;
    struct scram_client *client = scram_client_new(BYTES_NONE, false);
    struct writer out = writer_growing(ROOM);
    MUST_HOLD(!failed(scram_client_first(client, &out)));
    if (!failed(scram_client_take_first(client, first, &salt, &iterations))) {
        MUST_HOLD(salt.n <= SCRAM_SALT_MAX && iterations <= SCRAM_ITERATIONS_MAX);
        if (!failed(scram_client_final(client, &keys, &out)))
            (void)!failed(scram_client_take_final(client, final));
    }
    writer_free(&out);
    scram_client_free(client);
}

static void take_secret(struct bytes input)
{
    char text[512];
    struct scram_secret secret;
    if (input.n >= sizeof text)
        return;
    memcpy(text, input.p, input.n);
    text[input.n] = '\0';
    MUST_HOLD(scram_is_secret(text) == !failed(scram_secret_parse(text, &secret)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > ROOM / 2)
        return 0;
    struct bytes input = bytes_of(data + 1, size - 1), first = input, final = BYTES_NONE;
    const uint8_t *parting = input.n ? memchr(input.p, '\n', input.n) : NULL;
    if (parting) {
        first.n = (size_t)(parting - input.p);
        final = bytes_of(parting + 1, input.n - first.n - 1);
    }
    take_secret(input);
    if (data[0] % 3 == 0)
        take_client(first, final);
    else
        take_server(first, final, data[0] % 3 == 1);
    return 0;
}
