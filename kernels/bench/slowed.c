/* Preloaded before the library: the scan with a pass too many. The gate of instruction counts must object to it. */
#define _GNU_SOURCE
#include <dlfcn.h>

#include "tcpk/tcpk.h"

enum tcpk_status tcpk_window_scan_u8(const uint8_t *matrix, size_t n, uint32_t threshold, struct tcpk_scan_u8 *answer)
{
    static enum tcpk_status (*scan)(const uint8_t *, size_t, uint32_t, struct tcpk_scan_u8 *);
    if (!scan)
        *(void **)&scan = dlsym(RTLD_NEXT, "tcpk_window_scan_u8");
    (void)scan(matrix, n, threshold + 1, answer);
    return scan(matrix, n, threshold, answer);
}
