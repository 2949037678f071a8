/* Lookup: a perfect hash behind a filter. A hit reads a pilot and an entry in one line of the caches, a miss mostly one
 * word.
 *
 * Keys fall into groups of about four. Each key has a home among the slots, three a line, and each group a pilot: how
 * many lines from their homes its keys lie, found at build so that each has a slot of its own. That is how sparse
 * tables are packed, row by row each displaced as far as it takes (Tarjan and Yao, 1979). Pilots have 16 bits: those of
 * a million keys are 512 KiB. Groups are placed largest first, while there is room. An entry has of its descriptor only
 * what others do not have or what does not follow from the rest, and the command hash is half of the key: 20 bytes, so
 * that the table of a real registry is little more than the first-level cache. A slot that is left over holds a copy of
 * an entry that belongs elsewhere, so that no lookup asks whether a slot is taken.
 *
 * The filter has a word for each group, with two bits set for each key: about one miss in fifty gets past it. It is
 * apart from the pilots: a hit waits for its pilot, but not for the filter, as that branch is predicted. Only lookups
 * of one key ask it. A batch has its entries prefetched, and took half as long again when it read the filter as well.
 */
#ifndef TCPK_LOOKUP_TABLE_H
#define TCPK_LOOKUP_TABLE_H

#include "internal.h"
#include "tcpk/lookup_inline.h"

_Static_assert(sizeof(struct tcpk_entry) == 20 && sizeof(struct tcpk_line) == 64, "no entry lies on two lines");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a key is compared with bytes as one number");

struct tcpk_table {
    struct tcpk_index index;
    size_t count;
    size_t lines; /* more than homes by as much as the largest pilot */
    size_t last;  /* lines beyond it hold copies only */
    struct tcpk_memory memory;
};

/* The decision of the body of a descriptor that was valid when it was put in. */
static inline uint8_t tcpk_decide(const uint8_t *body)
{
    static const uint8_t BY_HIGHEST_BIT[6] = {TCPK_REQUIRE_APPROVAL, TCPK_APPROVE,          TCPK_APPROVE,
                                              TCPK_CAUTION,          TCPK_REQUIRE_APPROVAL, TCPK_REJECT};
    if (!body)
        return TCPK_REQUIRE_APPROVAL;
    const unsigned risk = body[TCPK_BODY_FLAGS + 3] & 0x1fu;
    return BY_HIGHEST_BIT[risk ? 32 - __builtin_clz(risk) : 0];
}

#endif
