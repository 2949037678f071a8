/* libFuzzer: any bytes are read, and what is accepted can be looked up, name by name. Seeds: real and generated files.
 */
#include <stdlib.h>

#include "tcpk/tcpk.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct tcpk_registry *registry = NULL;
    struct tcpk_error error = {0};
    const enum tcpk_status status = tcpk_registry_read(bytes, length, &registry, &error);
    if (status != TCPK_OK) {
        if (registry || error.status != status || error.offset > length || !error.message[0])
            abort();
        return 0;
    }
    struct tcpk_table *table = NULL;
    const enum tcpk_status built = tcpk_table_of_registry(registry, &table, &error);
    if (built != TCPK_OK && built != TCPK_ERROR_COLLISION)
        abort();
    for (size_t i = 0; table && i < tcpk_registry_count(registry); i++) {
        size_t size = 0;
        const char *name = tcpk_registry_name(registry, i, &size);
        if (!tcpk_table_find(table, tcpk_key(name, size)))
            abort();
    }
    tcpk_table_free(table);
    tcpk_registry_free(registry);
    return 0;
}
