/*
 * scram_vector.h: for tests: the password of RFC 7677's vector, stretched and stored, and the leaf of a server.
 */
#ifndef TEST_SCRAM_VECTOR_H
#define TEST_SCRAM_VECTOR_H

#include "gate/scram.h"

struct scram_vector {
    uint8_t salt[16];
    struct scram_keys keys;
    struct scram_secret secret;
};
extern struct scram_vector vector; /* once scram_vector_derive was the setup of a program's tests */
int scram_vector_derive(void **state);

extern const uint8_t leaf_hash[32];

#endif
