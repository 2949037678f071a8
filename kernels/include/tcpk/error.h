/* Status codes and the details of an error. */
#ifndef TCPK_ERROR_H
#define TCPK_ERROR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TCPK_API __attribute__((visibility("default")))

/* Every function that can fail returns one of these; nothing aborts, nothing prints. */
enum tcpk_status {
    TCPK_OK = 0,
    TCPK_ERROR_ARGUMENT = 1,  /* a value that is not allowed */
    TCPK_ERROR_RANGE = 2,     /* an agent, node or index outside its range */
    TCPK_ERROR_MEMORY = 3,    /* memory could not be had */
    TCPK_ERROR_IO = 4,        /* a file could not be read or written; message has the reason */
    TCPK_ERROR_VARIANT = 5,   /* TCPK_VARIANT names one that is unknown or that this machine lacks */
    TCPK_ERROR_COLLISION = 6, /* two names with an equal 64-bit key */
    TCPK_ERROR_BLAS = 7,      /* LAPACK could not factor the covariance: not positive definite */
    TCPK_ERROR_THREAD = 8,    /* a worker could not be started or pinned */
    /* Of a ring of events, ring.h. */
    TCPK_ERROR_BUSY = 9,     /* the role is taken: there is a writer, or there are as many readers as may be */
    TCPK_ERROR_TIMEOUT = 10, /* nothing came in the time given */
    TCPK_ERROR_LAYOUT = 11,  /* the file is no ring, or one of another version or size than it says */
    TCPK_ERROR_CORRUPT = 12, /* an index or sequence number in the ring that no honest peer writes */
    TCPK_ERROR_OVERRUN = 13, /* the reader's place was taken away, and what it had not read may be overwritten */
    /* Faults of a registry file, in registry.h's order. */
    TCPK_ERROR_MAGIC = 16,
    TCPK_ERROR_VERSION = 17,
    TCPK_ERROR_TRUNCATED = 18,
    TCPK_ERROR_COUNT = 19,
    TCPK_ERROR_UTF8 = 20,
    TCPK_ERROR_DESCRIPTOR = 21,
    TCPK_ERROR_DUPLICATE = 22,
    TCPK_ERROR_INDEX_SIZE = 23,
    TCPK_ERROR_INDEX = 24
};

/* Filled where a function takes one and fails; may be NULL. The caller owns it. */
struct tcpk_error {
    enum tcpk_status status;
    uint64_t offset;   /* byte offset in a registry file or line number in a trace, else 0 */
    char message[256]; /* NUL-terminated UTF-8: the value, where it stands, what is allowed */
};

/* Name of a status, "ok", "magic", ...; never NULL. */
TCPK_API const char *tcpk_status_name(enum tcpk_status status);

#ifdef __cplusplus
}
#endif

#endif
