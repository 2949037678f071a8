/* Twins of the constant-time functions with the mistakes that those must not have. What looks for leaks must find
 * these, else it sees nothing. */
#ifndef TCPK_TESTS_LEAKY_H
#define TCPK_TESTS_LEAKY_H

#include <string.h>

#include "tcpk/tcpk.h"

/* Ends at the first byte that differs. */
__attribute__((noinline)) static uint8_t leaky_compare(const uint8_t *left, const uint8_t *right)
{
    for (unsigned i = 0; i < TCPK_DESCRIPTOR_SIZE; i++)
        if (left[i] != right[i])
            return 0;
    return 1;
}

/* Reads the entries one after the other, and ends at the one that it looks for. */
__attribute__((noinline)) static uint8_t leaky_find(const struct tcpk_registry *registry, uint64_t key,
                                                    uint8_t descriptor[TCPK_DESCRIPTOR_SIZE])
{
    const uint64_t *keys = tcpk_registry_keys(registry);
    const uint8_t *descriptors = tcpk_registry_descriptors(registry);
    for (size_t i = 0; i < tcpk_registry_count(registry); i++) {
        if (keys[i] != key)
            continue;
        memcpy(descriptor, descriptors + i * TCPK_DESCRIPTOR_SIZE, TCPK_DESCRIPTOR_SIZE);
        return 1;
    }
    memset(descriptor, 0, TCPK_DESCRIPTOR_SIZE);
    return 0;
}

#endif
