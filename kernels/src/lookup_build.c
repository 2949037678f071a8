/* Building a table: groups, pilots, and the entries in their slots. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lookup_table.h"

#define GROUP_BITS 2
#define WORDS (sizeof(struct tcpk_line) / sizeof(uint64_t))
#define REACH (65536u / WORDS) /* pilots, in lines */
#define MIXINGS 16u            /* the first, which is none, does for keys that are hashes */
#define MOST_EXTRA 8u          /* homes: with one more, other keys share one */
#define MOST_IN_GROUP 64u      /* more is no accident: another mixing, or an error */

/* Placing the groups: keys by group, and which slots are taken. */
struct build {
    const uint64_t *keys;
    size_t count;
    uint64_t groups;
    uint32_t *starts;  /* groups + 1: where each group's keys begin in `members` */
    uint32_t *members; /* key numbers, by group */
    uint32_t *order;   /* group numbers, largest first */
    uint8_t *taken;    /* a byte for each slot that there may be; a line has three */
    uint16_t *pilots;  /* by group, in words of 8 bytes */
    /* The table's own, while they are written. */
    struct tcpk_line *lines;
    uint64_t *filter;
};

/* The number of the slot that lies so many bytes behind the first. */
static size_t slot_at(size_t bytes)
{
    return bytes / sizeof(struct tcpk_line) * TCPK_LINE_ENTRIES +
           bytes % sizeof(struct tcpk_line) / sizeof(struct tcpk_entry);
}

static void sort_into_groups(struct build *build, const struct tcpk_table *table)
{
    memset(build->starts, 0, (build->groups + 1) * sizeof *build->starts);
    for (size_t i = 0; i < build->count; i++)
        build->starts[tcpk_index_group(&table->index, build->keys[i]) + 1]++;
    for (uint64_t group = 0; group < build->groups; group++)
        build->starts[group + 1] += build->starts[group];
    for (size_t i = build->count; i-- > 0;) /* fills each group from its end: starts become ends on the way */
        build->members[--build->starts[tcpk_index_group(&table->index, build->keys[i]) + 1]] = (uint32_t)i;
    memmove(build->starts, build->starts + 1, build->groups * sizeof *build->starts);
    build->starts[build->groups] = (uint32_t)build->count;
}

/* Counting sort by size. */
static void sort_by_size(struct build *build)
{
    enum { MOST_SIZE = MOST_IN_GROUP };
    uint32_t places[MOST_SIZE + 2] = {0};
    for (int pass = 0; pass < 2; pass++) {
        for (uint64_t group = 0; group < build->groups; group++) {
            const uint32_t size = build->starts[group + 1] - build->starts[group];
            const uint32_t place = MOST_SIZE - size;
            if (pass == 0)
                places[place + 1]++;
            else
                build->order[places[place]++] = (uint32_t)group;
        }
        for (uint32_t i = 0; pass == 0 && i < MOST_SIZE; i++)
            places[i + 1] += places[i];
    }
}

/* The homes of a group's keys; false when two are the same, as no pilot parts those. */
static bool find_homes(const struct build *build, const struct tcpk_table *table, uint64_t group, uint64_t *homes)
{
    const uint32_t begin = build->starts[group], size = build->starts[group + 1] - begin;
    for (uint32_t i = 0; i < size; i++) {
        const uint64_t key = build->keys[build->members[begin + i]];
        homes[i] = slot_at(tcpk_index_home(&table->index, key) + tcpk_index_column(&table->index, key));
        for (uint32_t j = 0; j < i; j++)
            if (homes[j] == homes[i])
                return false;
    }
    return true;
}

/* The least pilot, in lines, that leads the group's keys to slots that are free, which it takes; REACH: none. */
static uint32_t place(struct build *build, const struct tcpk_table *table, uint64_t group)
{
    const uint32_t size = build->starts[group + 1] - build->starts[group];
    uint64_t homes[MOST_IN_GROUP];
    find_homes(build, table, group, homes);
    for (uint32_t pilot = 0; pilot < REACH; pilot++) {
        uint8_t met = 0;
        for (uint32_t i = 0; i < size; i++)
            met |= build->taken[homes[i] + TCPK_LINE_ENTRIES * pilot];
        for (uint32_t i = 0; i < size && !met; i++)
            build->taken[homes[i] + TCPK_LINE_ENTRIES * pilot] = 1;
        if (!met)
            return pilot;
    }
    return REACH;
}

/* The second of two equal keys in a group, or SIZE_MAX. */
static size_t find_equal(const struct build *build, uint32_t group)
{
    size_t found = SIZE_MAX;
    for (uint32_t i = build->starts[group]; i < build->starts[group + 1]; i++)
        for (uint32_t j = i + 1; j < build->starts[group + 1]; j++)
            if (build->keys[build->members[i]] == build->keys[build->members[j]] && build->members[j] < found)
                found = build->members[j];
    return found;
}

static bool place_all(struct build *build, struct tcpk_table *table)
{
    uint64_t homes[MOST_IN_GROUP];
    for (uint64_t group = 0; group < build->groups; group++)
        if (!find_homes(build, table, group, homes))
            return false;
    uint32_t farthest = 0;
    memset(build->taken, 0, (table->index.homes + REACH) * TCPK_LINE_ENTRIES);
    for (uint64_t i = 0; i < build->groups; i++) {
        const uint32_t pilot = place(build, table, build->order[i]);
        if (pilot == REACH)
            return false;
        farthest = pilot > farthest ? pilot : farthest;
        build->pilots[build->order[i]] = (uint16_t)(pilot * WORDS);
    }
    table->lines = table->index.homes + farthest;
    return true;
}

static bool is_even(const struct build *build)
{
    for (uint64_t group = 0; group < build->groups; group++)
        if (build->starts[group + 1] - build->starts[group] > MOST_IN_GROUP)
            return false;
    return true;
}

/* The first of all second keys of a pair, or SIZE_MAX. */
static size_t find_collision(const struct build *build)
{
    size_t found = SIZE_MAX;
    for (uint64_t group = 0; group < build->groups; group++) {
        const size_t equal = find_equal(build, (uint32_t)group);
        found = equal < found ? equal : found;
    }
    return found;
}

static enum tcpk_status name_equal(const struct build *build, size_t equal, struct tcpk_error *error)
{
    return tcpk_fail(error, TCPK_ERROR_COLLISION, equal, "key 0x%016llx of entry %zu is there already",
                     (unsigned long long)build->keys[equal], equal);
}

static int by_key_and_number(const void *left, const void *right)
{
    const uint64_t *a = left, *b = right;
    return a[0] != b[0] ? (a[0] > b[0]) - (a[0] < b[0]) : (a[1] > b[1]) - (a[1] < b[1]);
}

/* Why no seed will do: so many equal keys that their group is never even, or keys made to meet. */
static enum tcpk_status explain(const struct build *build, struct tcpk_error *error)
{
    uint64_t(*pairs)[2] = malloc(build->count * sizeof *pairs);
    if (!pairs)
        return tcpk_fail(error, TCPK_ERROR_MEMORY, 0, "no memory to sort %zu keys", build->count);
    for (size_t i = 0; i < build->count; i++)
        pairs[i][0] = build->keys[i], pairs[i][1] = i;
    qsort(pairs, build->count, sizeof *pairs, by_key_and_number);
    size_t equal = SIZE_MAX;
    for (size_t i = 1; i < build->count; i++)
        if (pairs[i][0] == pairs[i - 1][0] && pairs[i][1] < equal)
            equal = pairs[i][1];
    free(pairs);
    if (equal != SIZE_MAX)
        return name_equal(build, equal, error);
    return tcpk_fail(error, TCPK_ERROR_ARGUMENT, 0, "%zu keys found no place; allowed: keys that differ as hashes do",
                     build->count);
}

/* Find seeds and pilots. Equal keys share a group, and no pilot parts them. */
static enum tcpk_status find_pilots(struct build *build, struct tcpk_table *table, struct tcpk_error *error)
{
    for (uint64_t mixing = 0; mixing < MIXINGS; mixing++) {
        table->index.mixes = mixing > 0;
        table->index.seed = 0xd6e8feb86659fd93u + 2 * mixing * 0xbf58476d1ce4e5b9u;
        sort_into_groups(build, table);
        if (!is_even(build))
            continue;
        const size_t equal = find_collision(build);
        if (equal != SIZE_MAX)
            return name_equal(build, equal, error);
        sort_by_size(build);
        const uint64_t least = table->index.homes;
        for (; table->index.homes <= least + MOST_EXTRA; table->index.homes++)
            for (table->index.home_shift = 0; table->index.home_shift <= table->index.group_shift - 32;
                 table->index.home_shift++)
                if (place_all(build, table))
                    return TCPK_OK;
        table->index.homes = least;
    }
    return explain(build, error);
}

/* Sizes: groups of two to four keys, a power of two in number; lines of whose entries 16 in 17 are taken. */
static void choose_sizes(struct tcpk_table *table, struct build *build)
{
    unsigned group_bits = 1;
    while ((uint64_t)1 << (group_bits + GROUP_BITS) < table->count)
        group_bits++;
    table->index.group_shift = 64 - group_bits;
    table->index.homes = (table->count + table->count / 16) / TCPK_LINE_ENTRIES + 2;
    build->groups = (uint64_t)1 << group_bits;
}

static size_t slot_of(const struct tcpk_table *table, uint64_t key)
{
    const uint8_t *first = (const uint8_t *)table->index.lines;
    return slot_at((size_t)((const uint8_t *)tcpk_index_entry(&table->index, key) - first));
}

static struct tcpk_entry *entry_in(const struct build *build, size_t slot)
{
    return &build->lines[slot / TCPK_LINE_ENTRIES].entries[slot % TCPK_LINE_ENTRIES];
}

/* The body's first bytes are the key's high half. */
static void write_entry(struct tcpk_entry *entry, uint64_t key, const uint8_t *body)
{
    const uint64_t stored = tcpk_index_stored(key);
    memcpy(entry->body, body, TCPK_BODY_SIZE);
    memcpy(entry, &stored, sizeof stored);
}

/* As tcpk_index_may_have asks for them. */
static uint64_t filter_bits(const struct tcpk_table *table, uint64_t key)
{
    const uint64_t low = tcpk_index_mixed(&table->index, key);
    return (uint64_t)1 << (low & 63) | (uint64_t)1 << (low >> 6 & 63);
}

/* Into slots left over goes an entry that is not looked for there. */
static void fill_rest(const struct build *build, const struct tcpk_table *table)
{
    static const uint8_t NO_BODY[TCPK_BODY_SIZE];
    const size_t slots = table->lines * TCPK_LINE_ENTRIES;
    const struct tcpk_entry *first = NULL;
    struct tcpk_entry none[2];
    uint64_t other = 0;
    if (table->count == 0) {
        /* No key at all: two that go to different slots, each of them in the other's. */
        while (slot_of(table, other) == slot_of(table, 0))
            other += 0x9e3779b97f4a7c15u; /* changes the bits of homes and of groups at once */
        write_entry(&none[0], 0, NO_BODY);
        write_entry(&none[1], other, NO_BODY);
        first = &none[0];
    }
    for (size_t slot = 0; slot < slots && !first; slot++)
        first = build->taken[slot] ? entry_in(build, slot) : NULL;
    for (size_t slot = 0; slot < slots; slot++)
        if (!build->taken[slot])
            *entry_in(build, slot) = table->count == 0 && slot_of(table, 0) == slot ? none[1] : *first;
}

/* Entries, filter and pilots in one mapping, so that they lie in the same huge pages. */
static enum tcpk_status map(struct build *build, struct tcpk_table *table, struct tcpk_error *error)
{
    const size_t size =
        table->lines * sizeof *build->lines + build->groups * (sizeof *build->filter + sizeof *build->pilots);
    const enum tcpk_status status = tcpk_memory_map(size, -1, false, &table->memory);
    if (status != TCPK_OK)
        return tcpk_fail(error, status, 0, "no memory for a table of %zu keys", table->count);
    build->lines = table->memory.address;
    build->filter = (uint64_t *)(build->lines + table->lines);
    uint16_t *pilots = (uint16_t *)(build->filter + build->groups);
    memcpy(pilots, build->pilots, build->groups * sizeof *pilots);
    table->index.lines = build->lines;
    table->index.filter = build->filter;
    table->index.pilots = pilots;
    return TCPK_OK;
}

static enum tcpk_status fill(struct tcpk_table *table, const uint64_t *keys, const uint8_t *descriptors, size_t count,
                             struct tcpk_error *error)
{
    struct build build = {.keys = keys, .count = count};
    choose_sizes(table, &build);
    build.starts = malloc((build.groups + 1) * sizeof *build.starts);
    build.members = malloc((count + 1) * sizeof *build.members);
    build.order = malloc(build.groups * sizeof *build.order);
    build.pilots = malloc(build.groups * sizeof *build.pilots);
    build.taken = malloc((table->index.homes + MOST_EXTRA + REACH) * TCPK_LINE_ENTRIES);
    enum tcpk_status status = TCPK_ERROR_MEMORY;
    if (build.starts && build.members && build.order && build.pilots && build.taken)
        status = find_pilots(&build, table, error);
    else
        tcpk_fail(error, status, 0, "no memory for a table of %zu keys", count);
    if (status == TCPK_OK)
        status = map(&build, table, error);
    for (size_t i = 0; status == TCPK_OK && i < count; i++) {
        const size_t slot = slot_of(table, keys[i]), line = slot / TCPK_LINE_ENTRIES;
        write_entry(entry_in(&build, slot), keys[i], descriptors + i * TCPK_DESCRIPTOR_SIZE + TCPK_BODY_OFFSET);
        table->last = line > table->last ? line : table->last;
        build.filter[tcpk_index_group(&table->index, keys[i])] |= filter_bits(table, keys[i]);
    }
    if (status == TCPK_OK)
        fill_rest(&build, table);
    free(build.starts);
    free(build.members);
    free(build.order);
    free(build.pilots);
    free(build.taken);
    return status;
}

enum tcpk_status tcpk_table_create(const uint64_t *keys, const uint8_t *descriptors, size_t count,
                                   struct tcpk_table **out, struct tcpk_error *error)
{
    *out = NULL;
    if (count > UINT32_MAX / 2)
        return tcpk_fail(error, TCPK_ERROR_ARGUMENT, 0, "count is %zu; allowed: at most %u", count, UINT32_MAX / 2);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *descriptor = descriptors + i * TCPK_DESCRIPTOR_SIZE;
        if (!tcpk_descriptor_is_valid(descriptor))
            return tcpk_fail(error, TCPK_ERROR_ARGUMENT, i, "descriptor %zu is not valid", i);
        const uint32_t hash = tcpk_load_big32(descriptor + TCPK_BODY_OFFSET), half = (uint32_t)(keys[i] >> 32);
        if (hash != half)
            return tcpk_fail(error, TCPK_ERROR_ARGUMENT, i,
                             "command hash of descriptor %zu is %08" PRIx32 "; allowed: %08" PRIx32
                             ", the high half of its key",
                             i, hash, half);
    }
    struct tcpk_table *table = calloc(1, sizeof *table);
    if (!table)
        return tcpk_fail(error, TCPK_ERROR_MEMORY, 0, "no memory for a table");
    table->count = count;
    const enum tcpk_status status = fill(table, keys, descriptors, count, error);
    if (status == TCPK_OK)
        *out = table;
    else
        tcpk_table_free(table);
    return status;
}

enum tcpk_status tcpk_table_of_registry(const struct tcpk_registry *registry, struct tcpk_table **out,
                                        struct tcpk_error *error)
{
    struct tcpk_error detail = {0};
    const uint64_t *keys = tcpk_registry_keys(registry);
    const enum tcpk_status status =
        tcpk_table_create(keys, tcpk_registry_descriptors(registry), tcpk_registry_count(registry), out, &detail);
    if (status == TCPK_ERROR_COLLISION) {
        size_t first = 0, first_length = 0, second_length = 0;
        while (keys[first] != keys[detail.offset])
            first++;
        const char *first_name = tcpk_registry_name(registry, first, &first_length);
        const char *second_name = tcpk_registry_name(registry, detail.offset, &second_length);
        return tcpk_fail(error, status, detail.offset,
                         "'%.*s' and '%.*s' have the same key 0x%016llx; allowed: a key of its own for each name",
                         (int)(first_length < 80 ? first_length : 80), first_name,
                         (int)(second_length < 80 ? second_length : 80), second_name, (unsigned long long)keys[first]);
    }
    if (status != TCPK_OK && error)
        *error = detail;
    return status;
}
