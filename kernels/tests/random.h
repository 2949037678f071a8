/* splitmix64 (Steele, Lea, Flood 2014): the same numbers everywhere from the same seed. */
#ifndef TCPK_TESTS_RANDOM_H
#define TCPK_TESTS_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state;
};

static inline uint64_t random_next(struct random *random)
{
    random->state += 0x9e3779b97f4a7c15u;
    uint64_t z = random->state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* 0 .. n - 1; its slight bias does not matter here. */
static inline uint64_t random_below(struct random *random, uint64_t n)
{
    return random_next(random) % n;
}

/* 0 <= x < 1, 24 bits of it. */
static inline float random_float(struct random *random)
{
    return (float)(random_next(random) >> 40) * 0x1p-24f;
}

#endif
