#include "scram_vector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "expect.h"

/* RFC 7677 section 3. */
static const char vector_password[] = "pencil";
static const char vector_salt[] = "W22ZaJ0SNY7soEsUEjb6gQ==";

struct scram_vector vector;
const uint8_t leaf_hash[32] = "the hash of the server's leaf ..";

int scram_vector_derive(void **state)
{
    (void)state;
    size_t size;
    expect_ok(scram_base64_decode(bytes_of_string(vector_salt), vector.salt, sizeof vector.salt, &size));
    assert_int_equal(size, sizeof vector.salt);
    expect_ok(scram_derive(vector_password, BYTES(vector.salt), 4096, &vector.keys));
    expect_ok(scram_secret_of(&vector.keys, BYTES(vector.salt), 4096, &vector.secret));
    return 0;
}
