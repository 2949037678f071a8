#include "internal.h"

#include <stdarg.h>
#include <stdio.h>

const char *tcpk_status_name(enum tcpk_status status)
{
    switch (status) {
    case TCPK_OK: return "ok";
    case TCPK_ERROR_ARGUMENT: return "argument";
    case TCPK_ERROR_RANGE: return "range";
    case TCPK_ERROR_MEMORY: return "memory";
    case TCPK_ERROR_IO: return "io";
    case TCPK_ERROR_VARIANT: return "variant";
    case TCPK_ERROR_COLLISION: return "collision";
    case TCPK_ERROR_BLAS: return "blas";
    case TCPK_ERROR_THREAD: return "thread";
    case TCPK_ERROR_BUSY: return "busy";
    case TCPK_ERROR_TIMEOUT: return "timeout";
    case TCPK_ERROR_LAYOUT: return "layout";
    case TCPK_ERROR_CORRUPT: return "corrupt";
    case TCPK_ERROR_OVERRUN: return "overrun";
    case TCPK_ERROR_MAGIC: return "magic";
    case TCPK_ERROR_VERSION: return "version";
    case TCPK_ERROR_TRUNCATED: return "truncated";
    case TCPK_ERROR_COUNT: return "count";
    case TCPK_ERROR_UTF8: return "utf8";
    case TCPK_ERROR_DESCRIPTOR: return "descriptor";
    case TCPK_ERROR_DUPLICATE: return "duplicate";
    case TCPK_ERROR_INDEX_SIZE: return "index size";
    case TCPK_ERROR_INDEX: return "index";
    }
    return "unknown";
}

enum tcpk_status tcpk_fail(struct tcpk_error *error, enum tcpk_status status, uint64_t offset, const char *format, ...)
{
    if (error) {
        error->status = status;
        error->offset = offset;
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
    }
    return status;
}
