/* generated_registry FILE COUNT: write a generated registry, for tests of the command. */
#include <stdio.h>
#include <stdlib.h>

#include "tcpk/tcpk.h"

int main(int argc, char **argv)
{
    struct tcpk_registry *registry = NULL;
    struct tcpk_error error = {0};
    if (argc != 3) {
        fprintf(stderr, "usage: generated_registry FILE COUNT\n");
        return 2;
    }
    if (tcpk_registry_generate(strtoul(argv[2], NULL, 10), 1, &registry, &error) != TCPK_OK ||
        tcpk_registry_save(registry, argv[1], &error) != TCPK_OK) {
        fprintf(stderr, "generated_registry: %s\n", error.message);
        return 1;
    }
    tcpk_registry_free(registry);
    return 0;
}
