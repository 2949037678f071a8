/* What the harnesses share: values taken from the fuzzer's bytes, and arrays of exactly their size, so that a byte read
 * beyond them is found. */
#ifndef TCPK_FUZZ_INPUT_H
#define TCPK_FUZZ_INPUT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tcpk/tcpk.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct input {
    const uint8_t *at;
    size_t left;
};

/* Stop with the reason, as the fuzzer then keeps the input. */
#define REQUIRE(holds)                                                                                                 \
    do {                                                                                                               \
        if (!(holds)) {                                                                                                \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #holds);                                                \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* A value of `size` bytes, zeros after the input's end. */
static inline uint64_t input_value(struct input *input, size_t size)
{
    uint64_t value = 0;
    const size_t taken = size < input->left ? size : input->left;
    memcpy(&value, input->at, taken);
    input->at += taken;
    input->left -= taken;
    return value;
}

static inline uint64_t input_below(struct input *input, uint64_t limit)
{
    return input_value(input, limit > 65536 ? 8 : 2) % limit;
}

/* Memory whose `size` bytes end where it ends, at an odd address where `odd`. */
struct array {
    uint8_t *memory;
    void *data;
};

static inline struct array array_of(struct input *input, size_t size, bool odd)
{
    struct array array = {malloc(size + odd)};
    REQUIRE(array.memory);
    array.data = array.memory + odd;
    const size_t taken = size < input->left ? size : input->left;
    memcpy(array.data, input->at, taken);
    memset((uint8_t *)array.data + taken, taken ? input->at[0] : 0, size - taken);
    input->at += taken;
    input->left -= taken;
    return array;
}

#endif
