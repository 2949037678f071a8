/* Run under valgrind's memcheck: the secret is marked undefined, so that a branch or an address that depends on it is
 * reported. `find`, the lookup that is not constant-time, must be reported: it shows that the check can fail. */
#include <stdio.h>
#include <string.h>
#include <valgrind/memcheck.h>

#include "tcpk/tcpk.h"

static int compare(void)
{
    uint8_t left[TCPK_DESCRIPTOR_SIZE] = {1}, right[TCPK_DESCRIPTOR_SIZE] = {1};
    VALGRIND_MAKE_MEM_UNDEFINED(left, sizeof left);
    uint8_t equal = tcpk_descriptor_equal_constant_time(left, right);
    VALGRIND_MAKE_MEM_DEFINED(&equal, sizeof equal);
    return equal ? 0 : 1;
}

static int look_up(const struct tcpk_table *table, uint64_t key, bool constant)
{
    uint8_t descriptor[TCPK_DESCRIPTOR_SIZE];
    uint64_t secret = key;
    VALGRIND_MAKE_MEM_UNDEFINED(&secret, sizeof secret);
    if (!constant)
        return tcpk_table_find(table, secret) ? 0 : 1;
    uint8_t found = tcpk_table_find_constant_time(table, secret, descriptor);
    VALGRIND_MAKE_MEM_DEFINED(&found, sizeof found);
    return found ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct tcpk_registry *registry = NULL;
    struct tcpk_table *table = NULL;
    if (argc != 2 || tcpk_registry_generate(300, 1, &registry, NULL) != TCPK_OK ||
        tcpk_table_of_registry(registry, &table, NULL) != TCPK_OK) {
        fprintf(stderr, "usage: constant_time compare|find|find_constant_time\n");
        return 2;
    }
    const uint64_t key = tcpk_registry_keys(registry)[123];
    const int code =
        strcmp(argv[1], "compare") == 0 ? compare() : look_up(table, key, strcmp(argv[1], "find_constant_time") == 0);
    tcpk_table_free(table);
    tcpk_registry_free(registry);
    return code;
}
