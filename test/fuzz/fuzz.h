/*
 * fuzz.h: for fuzz targets: libFuzzer's entry, and claims that must hold whatever the input.
 */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include "base/bytes.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A claim that does not hold is a finding like any other. */
#define MUST_HOLD(claim)                                                                                               \
    do {                                                                                                               \
        if (!(claim))                                                                                                  \
            abort();                                                                                                   \
    } while (0)

#endif
