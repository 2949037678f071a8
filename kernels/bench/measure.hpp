// What the comparisons share: contenders that take turns, so that all of them see the same machine; medians.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

struct Contender {
    std::string name;
    std::function<void()> run; // one round: `operations` of them
    std::vector<double> samples;
};

struct Comparison {
    std::string operation;
    std::vector<Contender> contenders; // ours is the first
    std::optional<Contender> floor;    // what none of them can be faster than, where that is known
};

struct Absent {
    std::string name, reason;
};

// Keep a value alive: the compiler must believe that it is used.
inline void use(std::uint64_t value)
{
    asm volatile("" : : "r"(value) : "memory");
}

inline double now()
{
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

inline double percentile(std::vector<double> samples, double share)
{
    std::sort(samples.begin(), samples.end());
    return samples[std::min(samples.size() - 1, static_cast<std::size_t>(share * static_cast<double>(samples.size())))];
}

// Each round times every contender once, beginning with another one each time: who comes first finds the caches that
// the last one left.
inline Comparison compare(std::string operation, std::vector<Contender> contenders, std::size_t operations,
                          std::size_t rounds, std::optional<Contender> floor = {})
{
    std::vector<Contender *> turns;
    for (Contender &contender : contenders)
        turns.push_back(&contender);
    if (floor)
        turns.push_back(&*floor);
    for (Contender *contender : turns)
        contender->run();
    for (std::size_t round = 0; round < rounds; round++)
        for (std::size_t i = 0; i < turns.size(); i++) {
            Contender &contender = *turns[(round + i) % turns.size()];
            const double begin = now();
            contender.run();
            contender.samples.push_back((now() - begin) / static_cast<double>(operations));
        }
    return {std::move(operation), std::move(contenders), std::move(floor)};
}

// splitmix64
inline std::uint64_t next_random(std::uint64_t &state)
{
    std::uint64_t mixed = (state += 0x9e3779b97f4a7c15u);
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
    return mixed ^ mixed >> 31;
}

// registry: a file, or nothing for a generated one. Peers that this build lacks are appended to `absent`.
std::vector<Comparison> compare_lookups(const char *registry, std::size_t rounds, std::vector<Absent> &absent);
std::vector<Comparison> compare_sets(std::size_t rounds, std::vector<Absent> &absent);
