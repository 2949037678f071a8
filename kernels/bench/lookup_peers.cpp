// Lookup of descriptors against the hash maps that a user could take instead. The maps hold what the table holds, a key
// and 24 bytes, and batches copy those 24 bytes out, as the table's do. One at a time, all are compiled into the loop:
// the maps are templates, and the table has tcpk/lookup_inline.h.
#include "measure.hpp"

#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <unordered_map>

#include "tcpk/tcpk.h"

#ifdef TCPK_HAS_ABSL
#include <absl/container/flat_hash_map.h>
#endif
#ifdef TCPK_HAS_BOOST
#include <boost/unordered/unordered_flat_map.hpp>
#endif

namespace
{

constexpr std::size_t ASKED = 1 << 16, BATCH = 4096;
using Descriptor = std::array<std::uint8_t, TCPK_DESCRIPTOR_SIZE>;

struct Entries {
    std::vector<std::uint64_t> keys;
    std::vector<Descriptor> descriptors;
    std::unique_ptr<tcpk_table, void (*)(tcpk_table *)> table{nullptr, tcpk_table_free};
};

Entries read(const char *path, std::size_t count)
{
    tcpk_registry *registry = nullptr;
    tcpk_table *table = nullptr;
    tcpk_error error = {};
    if ((path ? tcpk_registry_load(path, &registry, &error) : tcpk_registry_generate(count, 9, &registry, &error)) !=
            TCPK_OK ||
        tcpk_table_of_registry(registry, &table, &error) != TCPK_OK) {
        tcpk_registry_free(registry);
        throw std::runtime_error(error.message);
    }
    Entries entries;
    entries.table.reset(table);
    const std::size_t size = tcpk_registry_count(registry);
    entries.keys.assign(tcpk_registry_keys(registry), tcpk_registry_keys(registry) + size);
    entries.descriptors.resize(size);
    std::memcpy(entries.descriptors.data(), tcpk_registry_descriptors(registry), size * TCPK_DESCRIPTOR_SIZE);
    tcpk_registry_free(registry);
    return entries;
}

// Which of n are asked for: each as often, or the r-th of a random order 1/r times as often as the first.
std::vector<std::size_t> places(std::size_t n, bool zipf, std::uint64_t state)
{
    std::vector<std::size_t> order(n), asked(ASKED);
    std::iota(order.begin(), order.end(), 0);
    for (std::size_t i = n - 1; i > 0; i--)
        std::swap(order[i], order[next_random(state) % (i + 1)]);
    std::vector<double> sums(n);
    double sum = 0;
    for (std::size_t i = 0; i < n; i++)
        sums[i] = sum += zipf ? 1.0 / static_cast<double>(i + 1) : 1.0;
    for (std::size_t &place : asked) {
        const double at = sum * static_cast<double>(next_random(state) >> 11) * 0x1p-53;
        place = order[static_cast<std::size_t>(std::lower_bound(sums.begin(), sums.end(), at) - sums.begin())];
    }
    return asked;
}

const volatile std::uint64_t ZERO = 0; // as the compiler cannot know

// What a key that is in no map leaves for the next one, and what leads the floor to another cache line. A processor
// that guesses the outcome wrong goes on with a key that nobody asked for. Were it the right one all the same, it would
// fetch what is needed next, and a wrong guess would be as good as a prefetch.
constexpr std::uint64_t MISSED = 0x9e3779b97f4a7c15u, ELSEWHERE = 1024;

// What no lookup can do without, its place known beforehand: of a key that is there, one dependent read of an entry; of
// another, one byte of as many as there are keys, as an answer that is wrong once in 256 times takes 8 bits a key. And
// whether it is there shows when that has been read, not before; the branch on it is the caller's.
struct Least {
    std::vector<std::uintptr_t> places;                     // less what the former one leaves
    std::shared_ptr<const std::vector<std::uint8_t>> bytes; // a copy of this reads the same ones
};

Contender floor_of(const Entries &entries, bool zipf, unsigned unknown)
{
    Least least{{}, std::make_shared<const std::vector<std::uint8_t>>(entries.keys.size())};
    std::uint64_t state = 77, left = 0;
    for (const std::size_t place : places(entries.keys.size(), zipf, 7)) {
        const bool known = next_random(state) % 4 >= unknown;
        // What is not there is asked for evenly, as `ask` draws it. A descriptor begins with a letter.
        const std::uint8_t *at =
            known ? entries.descriptors[place].data() : least.bytes->data() + next_random(state) % entries.keys.size();
        least.places.push_back(reinterpret_cast<std::uintptr_t>(at) - left);
        left = known ? 0 : ELSEWHERE;
    }
    return {"floor",
            [least = std::move(least)] {
                std::uint64_t dependent = 0;
                const std::uint64_t nothing = ZERO;
                for (const std::uintptr_t place : least.places) {
                    const auto *byte = reinterpret_cast<const std::uint8_t *>(place + dependent);
                    dependent = *byte ? byte[13] & nothing : ELSEWHERE;
                }
                use(dependent);
            },
            {}};
}

// Of 4 keys asked for, `unknown` are in no map. `chained` are the same, each less what the former one leaves.
struct Asked {
    std::vector<std::uint64_t> keys, chained;
};

Asked ask(const Entries &entries, bool zipf, unsigned unknown)
{
    std::uint64_t state = 77, left = 0;
    Asked asked;
    for (const std::size_t place : places(entries.keys.size(), zipf, 7)) {
        const bool known = next_random(state) % 4 >= unknown;
        asked.keys.push_back(known ? entries.keys[place] : next_random(state));
        asked.chained.push_back(asked.keys.back() - left);
        left = known ? 0 : MISSED;
    }
    return asked;
}

struct Output {
    std::vector<Descriptor> descriptors = std::vector<Descriptor>(BATCH);
    std::vector<std::uint8_t> found = std::vector<std::uint8_t>(BATCH);
};

// One after the other: each key is known only when the former answer is.
template <class Find> void one_by_one(const std::vector<std::uint64_t> &chained, const Find &find)
{
    std::uint64_t dependent = 0;
    const std::uint64_t nothing = ZERO;
    for (const std::uint64_t key : chained) {
        const std::uint8_t *byte = find(key + dependent);
        dependent = byte ? *byte & nothing : MISSED;
    }
    use(dependent);
}

template <class Map> Contender single(const char *name, const Map &map, const std::vector<std::uint64_t> &chained)
{
    return {name,
            [&map, &chained] {
                one_by_one(chained, [&map](std::uint64_t key) -> const std::uint8_t * {
                    const auto it = map.find(key);
                    return it == map.end() ? nullptr : it->second.data() + 13;
                });
            },
            {}};
}

template <class Map>
Contender batch(const char *name, const Map &map, const std::vector<std::uint64_t> &keys, Output &out)
{
    return {name,
            [&map, &keys, &out] {
                for (std::size_t i = 0; i < keys.size(); i++) {
                    const auto it = map.find(keys[i]);
                    out.found[i % BATCH] = it != map.end();
                    out.descriptors[i % BATCH] = it == map.end() ? Descriptor{} : it->second;
                }
                use(out.found[0]);
            },
            {}};
}

struct Maps {
    std::unordered_map<std::uint64_t, Descriptor> standard;
#ifdef TCPK_HAS_ABSL
    absl::flat_hash_map<std::uint64_t, Descriptor> absl;
#endif
#ifdef TCPK_HAS_BOOST
    boost::unordered_flat_map<std::uint64_t, Descriptor> boost;
#endif

    explicit Maps(const Entries &entries)
    {
        each([&entries](const char *, auto &map) {
            map.reserve(entries.keys.size());
            for (std::size_t i = 0; i < entries.keys.size(); i++)
                map.emplace(entries.keys[i], entries.descriptors[i]);
        });
    }

    template <class Do> void each(const Do &act)
    {
#ifdef TCPK_HAS_ABSL
        act("absl::flat_hash_map", absl);
#endif
#ifdef TCPK_HAS_BOOST
        act("boost::unordered_flat_map", boost);
#endif
        act("std::unordered_map", standard);
    }
};

void compare_entries(const Entries &entries, std::size_t rounds, std::vector<Comparison> &all)
{
    static const struct {
        const char *name;
        unsigned unknown;
    } KINDS[] = {{"hits", 0}, {"half misses", 2}, {"misses", 4}};
    Maps maps(entries);
    Output out;
    const tcpk_table *table = entries.table.get();
    for (const bool zipf : {false, true})
        for (const auto &kind : KINDS) {
            const Asked asked = ask(entries, zipf, kind.unknown);
            const std::vector<std::uint64_t> &keys = asked.keys;
            const std::string what =
                " among " + std::to_string(entries.keys.size()) + ", " + kind.name + ", " + (zipf ? "Zipf" : "uniform");
            std::vector<Contender> singles, batches;
            singles.push_back({"tcpk",
                               [table, &asked] {
                                   const tcpk_index index = *tcpk_table_index(table);
                                   one_by_one(asked.chained, [&index](std::uint64_t key) -> const std::uint8_t * {
                                       const std::uint8_t *body = tcpk_index_find(&index, key);
                                       return body ? body + TCPK_BODY_FLAGS + 3 : nullptr;
                                   });
                               },
                               {}});
            batches.push_back({"tcpk",
                               [table, &keys, &out] {
                                   for (std::size_t i = 0; i < keys.size(); i += BATCH)
                                       tcpk_table_find_many(table, keys.data() + i, BATCH, out.descriptors[0].data(),
                                                            out.found.data());
                                   use(out.found[0]);
                               },
                               {}});
            maps.each([&](const char *name, const auto &map) {
                singles.push_back(single(name, map, asked.chained));
                batches.push_back(batch(name, map, keys, out));
            });
            all.push_back(compare("lookup, one at a time," + what, std::move(singles), keys.size(), rounds,
                                  floor_of(entries, zipf, kind.unknown)));
            all.push_back(compare("lookup, batch," + what, std::move(batches), keys.size(), rounds));
        }
}

} // namespace

std::vector<Comparison> compare_lookups(const char *registry, std::size_t rounds, std::vector<Absent> &absent)
{
#ifndef TCPK_HAS_ABSL
    absent.push_back({"absl::flat_hash_map", "this build found no Abseil (libabsl-dev)"});
#endif
#ifndef TCPK_HAS_BOOST
    absent.push_back({"boost::unordered_flat_map", "this build found no Boost of 1.81 or newer (libboost1.81-dev)"});
#endif
    (void)absent;
    std::vector<Comparison> all;
    compare_entries(read(registry, 1567), rounds, all);
    compare_entries(read(nullptr, 65536), rounds, all);
    compare_entries(read(nullptr, 1000000), rounds, all);
    return all;
}
