/* Run under valgrind's memcheck: the secret is marked undefined, so that a branch or an address that depends on it is
 * reported. `find`, the lookup that is not constant-time, and the leaky twins must be reported: they show that the
 * check can fail. */
#include <stdio.h>
#include <string.h>
#include <valgrind/memcheck.h>

#include "leaky.h"

struct subject {
    const struct tcpk_registry *registry;
    const struct tcpk_table *table;
    uint64_t key;
};

/* The answer, which is no secret: it is what the caller acts on. */
static int found(uint8_t answer)
{
    VALGRIND_MAKE_MEM_DEFINED(&answer, sizeof answer);
    return answer ? 0 : 1;
}

static int compare_with(uint8_t (*equal)(const uint8_t *, const uint8_t *))
{
    uint8_t left[TCPK_DESCRIPTOR_SIZE] = {1}, right[TCPK_DESCRIPTOR_SIZE] = {1};
    VALGRIND_MAKE_MEM_UNDEFINED(left, sizeof left);
    return found(equal(left, right));
}

static int compare(const struct subject *subject)
{
    (void)subject;
    return compare_with(tcpk_descriptor_equal_constant_time);
}

static int compare_leaky(const struct subject *subject)
{
    (void)subject;
    return compare_with(leaky_compare);
}

static uint64_t secret_of(const struct subject *subject)
{
    uint64_t secret = subject->key;
    VALGRIND_MAKE_MEM_UNDEFINED(&secret, sizeof secret);
    return secret;
}

static int find_constant_time(const struct subject *subject)
{
    uint8_t descriptor[TCPK_DESCRIPTOR_SIZE];
    return found(tcpk_table_find_constant_time(subject->table, secret_of(subject), descriptor));
}

static int find_leaky(const struct subject *subject)
{
    uint8_t descriptor[TCPK_DESCRIPTOR_SIZE];
    return found(leaky_find(subject->registry, secret_of(subject), descriptor));
}

static int find(const struct subject *subject)
{
    return tcpk_table_find(subject->table, secret_of(subject)) ? 0 : 1;
}

static const struct {
    const char *name;
    int (*run)(const struct subject *);
} CASES[] = {{"compare", compare},
             {"compare_leaky", compare_leaky},
             {"find_constant_time", find_constant_time},
             {"find_leaky", find_leaky},
             {"find", find}};

int main(int argc, char **argv)
{
    struct tcpk_registry *registry = NULL;
    struct tcpk_table *table = NULL;
    if (tcpk_registry_generate(300, 1, &registry, NULL) != TCPK_OK ||
        tcpk_table_of_registry(registry, &table, NULL) != TCPK_OK)
        return 2;
    const struct subject subject = {registry, table, tcpk_registry_keys(registry)[123]};
    int code = 2;
    for (size_t i = 0; argc == 2 && i < sizeof CASES / sizeof *CASES; i++)
        if (strcmp(argv[1], CASES[i].name) == 0)
            code = CASES[i].run(&subject);
    if (code == 2)
        fprintf(stderr, "usage: constant_time compare|compare_leaky|find_constant_time|find_leaky|find\n");
    tcpk_table_free(table);
    tcpk_registry_free(registry);
    return code;
}
