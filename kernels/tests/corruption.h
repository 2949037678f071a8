/* Deterministic corruptions of a registry file, which other readers can repeat from this description.
 *
 * Numbers come from splitmix64 (random.h); below(n) is next() mod n. All arithmetic is modulo 2^64. Corruption i of a
 * valid file of `length` bytes and `count` > 0 records under `seed`:
 *   state = seed + i * 0xd1342543de82ef95
 *   kind = below(4); in a version 1 file kind 3 becomes 2
 *   0, truncation: only the first below(length) bytes are kept
 *   1, bit flips: 1 + below(8) times: position = below(length), then bit = below(8); byte[position] ^= 1 << bit
 *   2, forged length: field = below(3)
 *        0: the count, 4 bytes at 6
 *        1: the index size, 4 bytes at 18 (version 1: the count again)
 *        2: the name length of record below(count), 2 bytes
 *      and the field becomes forge(field's value, its bytes)
 *   3, forged index: entry = below(count), field = below(3)
 *        0: the entry's name length, 2 bytes, becomes forge(value, 2)
 *        1: the entry's offset, 8 bytes: other = below(count), then it becomes the offset of record `other` when
 *           below(2) is 0, else forge(value, 8)
 *        2: the entry's name: a name of n > 0 bytes has byte[below(n)] ^= 1 + below(255); an empty one stays
 *   forge(value, bytes): choice = below(4): 0 -> 0; 1 -> all ones; 2 -> next(); 3 -> value + below(17) - 8;
 *      of the result the low `bytes` bytes are stored, big-endian.
 * A corruption may leave the file as it was, or valid: the verdict is then "ok". */
#ifndef TCPK_TESTS_CORRUPTION_H
#define TCPK_TESTS_CORRUPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A valid file and where its records and index entries begin. */
struct corruption_source {
    const uint8_t *bytes;
    size_t length;
    uint32_t count;
    int version;
    size_t *records;
    size_t *entries; /* NULL in version 1 */
};

/* The file must be valid and must outlive the source. False: no records, or no memory. */
bool corruption_source_open(const uint8_t *bytes, size_t length, struct corruption_source *source);
void corruption_source_close(struct corruption_source *source);

/* Corruption `index` in memory of exactly its own length, so that a sanitizer sees the first byte beyond; the caller
 * frees it. NULL: no memory. */
uint8_t *corruption_make(const struct corruption_source *source, uint64_t seed, uint64_t index, size_t *length);

#endif
