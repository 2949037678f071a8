/* Any bytes are read, and what is accepted can be looked up, name by name, and written and read again. */
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct tcpk_registry *registry = NULL;
    struct tcpk_error error = {0};
    const enum tcpk_status status = tcpk_registry_read(bytes, length, &registry, &error);
    if (status != TCPK_OK) {
        REQUIRE(!registry && error.status == status && error.offset <= length && error.message[0]);
        return 0;
    }
    struct tcpk_table *table = NULL;
    const enum tcpk_status built = tcpk_table_of_registry(registry, &table, &error);
    REQUIRE(built == TCPK_OK || built == TCPK_ERROR_COLLISION);
    for (size_t i = 0; table && i < tcpk_registry_count(registry); i++) {
        size_t size = 0;
        const char *name = tcpk_registry_name(registry, i, &size);
        REQUIRE(tcpk_table_find(table, tcpk_key(name, size)));
    }
    tcpk_table_free(table);
    tcpk_registry_free(registry);
    return 0;
}
