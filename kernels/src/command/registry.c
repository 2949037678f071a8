/* registry FILE: print it. */
#include <inttypes.h>
#include <stdio.h>

#include "command.h"

static const char *risk_of(uint32_t flags)
{
    static const char *const NAMES[] = {"none", "safe", "low", "medium", "high", "critical"};
    const unsigned risk = flags & 0x1fu;
    return NAMES[risk ? 32 - __builtin_clz(risk) : 0];
}

int command_registry(const struct arguments *arguments)
{
    struct tcpk_registry *registry = open_registry(arguments->registry, 0);
    if (!registry)
        return EXIT_USAGE;
    const size_t count = tcpk_registry_count(registry);
    const uint8_t *descriptors = tcpk_registry_descriptors(registry);
    printf("# TCPDB version %d, time %" PRIu64 ", %zu commands\n", tcpk_registry_version(registry),
           tcpk_registry_time(registry), count);
    printf("%-16s  %-8s  %-16s  %8s  %6s  %6s  %s\n", "key", "risk", "decision", "ms", "MB", "KB", "name");
    for (size_t i = 0; i < count; i++) {
        struct tcpk_descriptor fields;
        const uint8_t *descriptor = descriptors + i * TCPK_DESCRIPTOR_SIZE;
        size_t length = 0;
        const char *name = tcpk_registry_name(registry, i, &length);
        tcpk_descriptor_decode(descriptor, &fields);
        printf("%016" PRIx64 "  %-8s  %-16s  %8" PRIu32 "  %6u  %6u  ", tcpk_registry_keys(registry)[i],
               risk_of(fields.security_flags), tcpk_decision_name(tcpk_descriptor_decide(descriptor)),
               fields.execution_time_ms, fields.memory_mb, fields.output_kb);
        /* A name from a file may hold control characters, which a terminal would obey. */
        for (size_t j = 0; j < length; j++)
            putchar((unsigned char)name[j] < 0x20 || name[j] == 0x7f ? '?' : name[j]);
        putchar('\n');
    }
    tcpk_registry_free(registry);
    return EXIT_OK;
}
