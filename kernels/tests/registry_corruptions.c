/* registry_corruptions FILE SEED [COUNT]: read COUNT (10000) corruptions of a valid registry file, see corruption.h,
 * and print "index verdict offset" for each; the verdict is the number of enum tcpk_status, the offset 0 when it is 0.
 * Exit 2: usage, or the file is no valid registry. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "corruption.h"
#include "tcpk/tcpk.h"

static uint8_t *read_file(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    uint8_t *bytes = NULL;
    if (fseek(file, 0, SEEK_END) == 0) {
        const long size = ftell(file);
        rewind(file);
        bytes = size < 0 ? NULL : malloc((size_t)size + 1);
        *length = bytes ? fread(bytes, 1, (size_t)size, file) : 0;
    }
    fclose(file);
    return bytes;
}

static bool parse_number(const char *text, uint64_t *value)
{
    char *end = NULL;
    errno = 0;
    *value = strtoull(text, &end, 0);
    return errno == 0 && end != text && *end == '\0' && *text != '-';
}

static int run(const struct corruption_source *source, uint64_t seed, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        size_t length = 0;
        uint8_t *bytes = corruption_make(source, seed, i, &length);
        if (!bytes) {
            fprintf(stderr, "registry_corruptions: no memory for corruption %" PRIu64 "\n", i);
            return 2;
        }
        struct tcpk_registry *registry = NULL;
        struct tcpk_error error = {0};
        const enum tcpk_status status = tcpk_registry_read(bytes, length, &registry, &error);
        printf("%" PRIu64 " %d %" PRIu64 "\n", i, (int)status, status == TCPK_OK ? 0 : error.offset);
        tcpk_registry_free(registry);
        free(bytes);
    }
    return 0;
}

int main(int argc, char **argv)
{
    uint64_t seed = 0, count = 10000;
    if (argc < 3 || argc > 4 || !parse_number(argv[2], &seed) || (argc == 4 && !parse_number(argv[3], &count))) {
        fprintf(stderr, "usage: registry_corruptions FILE SEED [COUNT]; SEED and COUNT are integers from 0 on\n");
        return 2;
    }
    size_t length = 0;
    uint8_t *bytes = read_file(argv[1], &length);
    if (!bytes) {
        fprintf(stderr, "registry_corruptions: %s: %s\n", argv[1], strerror(errno));
        return 2;
    }
    struct tcpk_registry *registry = NULL;
    struct tcpk_error error = {0};
    struct corruption_source source = {0};
    int code = 2;
    if (tcpk_registry_read(bytes, length, &registry, &error) != TCPK_OK)
        fprintf(stderr, "registry_corruptions: %s: %s\n", argv[1], error.message);
    else if (!corruption_source_open(bytes, length, &source))
        fprintf(stderr, "registry_corruptions: %s: no records to corrupt\n", argv[1]);
    else
        code = run(&source, seed, count);
    corruption_source_close(&source);
    tcpk_registry_free(registry);
    free(bytes);
    return code;
}
