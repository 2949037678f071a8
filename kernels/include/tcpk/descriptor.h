/* Descriptors: 24 bytes, big-endian, and what is decided of them. */
#ifndef TCPK_DESCRIPTOR_H
#define TCPK_DESCRIPTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TCPK_DESCRIPTOR_SIZE 24u

/* The body of a valid descriptor: its bytes 6 to 21. Magic and version before it are the same in all, the checksum
 * after it follows. */
#define TCPK_BODY_OFFSET 6u
#define TCPK_BODY_SIZE 16u
#define TCPK_BODY_FLAGS 4u /* where the security flags begin in it, 4 bytes, big-endian */

/* Risk bits of the security flags; with several set the highest decides. */
enum tcpk_risk {
    TCPK_RISK_SAFE = 1,
    TCPK_RISK_LOW = 2,
    TCPK_RISK_MEDIUM = 4,
    TCPK_RISK_HIGH = 8,
    TCPK_RISK_CRITICAL = 16
};

enum tcpk_decision { TCPK_APPROVE = 0, TCPK_CAUTION = 1, TCPK_REQUIRE_APPROVAL = 2, TCPK_REJECT = 3 };

/* A descriptor's fields in the host's byte order. */
struct tcpk_descriptor {
    uint32_t command_hash; /* first 4 bytes of MD5(name) */
    uint32_t security_flags;
    uint32_t execution_time_ms;
    uint16_t memory_mb;
    uint16_t output_kb;
};

/* Lookup key of a name: the first 8 bytes of MD5(name) as a big-endian integer; its high half is the command hash.
 * `name` holds `length` bytes of UTF-8 (not checked here) and may be NULL when length is 0. */
TCPK_API uint64_t tcpk_key(const char *name, size_t length);

/* Write the 24 bytes of a descriptor, checksum included; `bytes` may not overlap `fields`. */
TCPK_API void tcpk_descriptor_encode(const struct tcpk_descriptor *fields, uint8_t bytes[TCPK_DESCRIPTOR_SIZE]);

/* Read the fields of 24 bytes, valid or not. */
TCPK_API void tcpk_descriptor_decode(const uint8_t bytes[TCPK_DESCRIPTOR_SIZE], struct tcpk_descriptor *fields);

/* Write the valid descriptor that has this body; they may not overlap. */
TCPK_API void tcpk_descriptor_complete(const uint8_t body[TCPK_BODY_SIZE], uint8_t bytes[TCPK_DESCRIPTOR_SIZE]);

/* Whether magic, version and checksum hold. */
TCPK_API bool tcpk_descriptor_is_valid(const uint8_t bytes[TCPK_DESCRIPTOR_SIZE]);

/* Decision of a descriptor; REQUIRE_APPROVAL for NULL (an unknown command), an invalid one, or one without risk bit. */
TCPK_API enum tcpk_decision tcpk_descriptor_decide(const uint8_t *bytes);

/* 1 when two descriptors are equal, else 0; no branch and no address depends on their bytes. A number, as a compiler
 * without optimisation makes a truth value by a jump. */
TCPK_API uint8_t tcpk_descriptor_equal_constant_time(const uint8_t left[TCPK_DESCRIPTOR_SIZE],
                                                     const uint8_t right[TCPK_DESCRIPTOR_SIZE]);

/* "approve", "caution", "require approval", "reject"; never NULL. */
TCPK_API const char *tcpk_decision_name(enum tcpk_decision decision);

#ifdef __cplusplus
}
#endif

#endif
