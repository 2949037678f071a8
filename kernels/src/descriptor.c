#include <string.h>

#include "complete.h"
#include "internal.h"
#include "md5.h"

#define MAGIC 0x54435002u
#define VERSION 2u
#define CHECKED 22u /* bytes that the checksum covers */

uint64_t tcpk_key(const char *name, size_t length)
{
    uint8_t digest[16];
    tcpk_md5((const uint8_t *)name, length, digest);
    return tcpk_load_big64(digest);
}

static uint16_t checksum(const uint8_t *bytes)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < CHECKED; i++)
        sum += bytes[i];
    return (uint16_t)sum;
}

void tcpk_descriptor_encode(const struct tcpk_descriptor *fields, uint8_t bytes[TCPK_DESCRIPTOR_SIZE])
{
    tcpk_store_big(bytes, MAGIC, 4);
    tcpk_store_big(bytes + 4, VERSION, 2);
    tcpk_store_big(bytes + 6, fields->command_hash, 4);
    tcpk_store_big(bytes + 10, fields->security_flags, 4);
    tcpk_store_big(bytes + 14, fields->execution_time_ms, 4);
    tcpk_store_big(bytes + 18, fields->memory_mb, 2);
    tcpk_store_big(bytes + 20, fields->output_kb, 2);
    tcpk_store_big(bytes + 22, checksum(bytes), 2);
}

void tcpk_descriptor_decode(const uint8_t bytes[TCPK_DESCRIPTOR_SIZE], struct tcpk_descriptor *fields)
{
    fields->command_hash = tcpk_load_big32(bytes + 6);
    fields->security_flags = tcpk_load_big32(bytes + 10);
    fields->execution_time_ms = tcpk_load_big32(bytes + 14);
    fields->memory_mb = tcpk_load_big16(bytes + 18);
    fields->output_kb = tcpk_load_big16(bytes + 20);
}

void tcpk_descriptor_complete(const uint8_t body[TCPK_BODY_SIZE], uint8_t bytes[TCPK_DESCRIPTOR_SIZE])
{
    tcpk_complete(body, bytes);
}

bool tcpk_descriptor_is_valid(const uint8_t bytes[TCPK_DESCRIPTOR_SIZE])
{
    return tcpk_load_big32(bytes) == MAGIC && tcpk_load_big16(bytes + 4) == VERSION &&
           tcpk_load_big16(bytes + CHECKED) == checksum(bytes);
}

enum tcpk_decision tcpk_descriptor_decide(const uint8_t *bytes)
{
    if (!bytes || !tcpk_descriptor_is_valid(bytes))
        return TCPK_REQUIRE_APPROVAL;
    const uint32_t flags = tcpk_load_big32(bytes + 10);
    if (flags & TCPK_RISK_CRITICAL)
        return TCPK_REJECT;
    if (flags & TCPK_RISK_HIGH)
        return TCPK_REQUIRE_APPROVAL;
    if (flags & TCPK_RISK_MEDIUM)
        return TCPK_CAUTION;
    if (flags & (TCPK_RISK_LOW | TCPK_RISK_SAFE))
        return TCPK_APPROVE;
    return TCPK_REQUIRE_APPROVAL;
}

uint8_t tcpk_descriptor_equal_constant_time(const uint8_t left[TCPK_DESCRIPTOR_SIZE],
                                            const uint8_t right[TCPK_DESCRIPTOR_SIZE])
{
    uint64_t difference = 0;
    for (unsigned word = 0; word < 3; word++) {
        uint64_t a, b;
        memcpy(&a, left + 8 * word, 8);
        memcpy(&b, right + 8 * word, 8);
        difference |= a ^ b;
    }
    /* 1 when difference is 0, without a comparison that a compiler may turn into a branch. */
    return (uint8_t)(1 & ((difference | (0 - difference)) >> 63 ^ 1));
}

const char *tcpk_decision_name(enum tcpk_decision decision)
{
    static const char *const NAMES[] = {"approve", "caution", "require approval", "reject"};
    return (unsigned)decision < 4 ? NAMES[decision] : "unknown";
}
