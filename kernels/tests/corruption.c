#include "corruption.h"

#include <stdlib.h>
#include <string.h>

#include "random.h"

static uint64_t load_big(const uint8_t *bytes, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

static void store_big(uint8_t *bytes, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

bool corruption_source_open(const uint8_t *bytes, size_t length, struct corruption_source *source)
{
    const int version = bytes[5];
    *source = (struct corruption_source){
        .bytes = bytes, .length = length, .count = (uint32_t)load_big(bytes + 6, 4), .version = version};
    source->records = calloc((size_t)source->count + 1, sizeof *source->records);
    source->entries = version == 2 ? calloc((size_t)source->count + 1, sizeof *source->entries) : NULL;
    if (!source->count || !source->records || (version == 2 && !source->entries)) {
        corruption_source_close(source);
        return false;
    }
    size_t at = version == 2 ? 22 : 10;
    for (uint32_t i = 0; i < source->count; i++) {
        source->records[i] = at;
        at += 2 + load_big(bytes + at, 2) + 24;
    }
    for (uint32_t i = 0; version == 2 && i < source->count; i++) {
        source->entries[i] = at;
        at += 2 + load_big(bytes + at, 2) + 8;
    }
    return true;
}

void corruption_source_close(struct corruption_source *source)
{
    free(source->records);
    free(source->entries);
    *source = (struct corruption_source){0};
}

static void forge(struct random *random, uint8_t *field, unsigned size)
{
    const uint64_t value = load_big(field, size);
    switch (random_below(random, 4)) {
    case 0: store_big(field, 0, size); break;
    case 1: store_big(field, UINT64_MAX, size); break;
    case 2: store_big(field, random_next(random), size); break;
    default: store_big(field, value + random_below(random, 17) - 8, size); break;
    }
}

static void flip_bits(struct random *random, uint8_t *bytes, size_t length)
{
    for (uint64_t flips = 1 + random_below(random, 8); flips; flips--) {
        const uint64_t position = random_below(random, length);
        bytes[position] ^= (uint8_t)(1u << random_below(random, 8));
    }
}

static void forge_length(struct random *random, const struct corruption_source *source, uint8_t *bytes)
{
    switch (random_below(random, 3)) {
    case 0: forge(random, bytes + 6, 4); break;
    case 1: forge(random, bytes + (source->version == 2 ? 18 : 6), 4); break;
    default: forge(random, bytes + source->records[random_below(random, source->count)], 2); break;
    }
}

static void forge_index(struct random *random, const struct corruption_source *source, uint8_t *bytes)
{
    uint8_t *entry = bytes + source->entries[random_below(random, source->count)];
    const size_t name_length = load_big(entry, 2);
    switch (random_below(random, 3)) {
    case 0: forge(random, entry, 2); break;
    case 1: {
        const size_t other = source->records[random_below(random, source->count)];
        if (random_below(random, 2) == 0)
            store_big(entry + 2 + name_length, other, 8);
        else
            forge(random, entry + 2 + name_length, 8);
        break;
    }
    default:
        if (name_length) {
            const uint64_t position = random_below(random, name_length);
            entry[2 + position] ^= (uint8_t)(1 + random_below(random, 255));
        }
        break;
    }
}

uint8_t *corruption_make(const struct corruption_source *source, uint64_t seed, uint64_t index, size_t *length)
{
    struct random random = {seed + index * 0xd1342543de82ef95u};
    uint64_t kind = random_below(&random, 4);
    if (kind == 3 && source->version == 1)
        kind = 2;
    *length = kind == 0 ? random_below(&random, source->length) : source->length;
    /* malloc(0) may be NULL; one byte then, which must not be read all the same. */
    uint8_t *bytes = malloc(*length ? *length : 1);
    if (!bytes)
        return NULL;
    memcpy(bytes, source->bytes, *length);
    switch (kind) {
    case 1: flip_bits(&random, bytes, *length); break;
    case 2: forge_length(&random, source, bytes); break;
    case 3: forge_index(&random, source, bytes); break;
    default: break;
    }
    return bytes;
}
