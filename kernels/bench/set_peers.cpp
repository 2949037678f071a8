// The quarantine set against a compressed bitmap and a vector of bits, alone and with threads that want it at once.
// Ours is safe under threads as it is; the others need a lock, which they have in the rows with threads only.
#include "measure.hpp"

#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "tcpk/tcpk.h"

#ifdef TCPK_HAS_ROARING
#include <roaring/roaring.h>
#endif

namespace
{

constexpr std::uint32_t AGENTS = 1000000;
constexpr std::size_t IDS = 1 << 16;

struct Ours {
    static constexpr const char *NAME = "tcpk";
    std::unique_ptr<tcpk_quarantine, void (*)(tcpk_quarantine *)> set{nullptr, tcpk_quarantine_free};

    Ours()
    {
        tcpk_quarantine *made = nullptr;
        if (tcpk_quarantine_create(AGENTS, &made) != TCPK_OK)
            throw std::runtime_error("no memory for a quarantine set");
        set.reset(made);
    }
    void add(std::uint32_t id)
    {
        use(tcpk_quarantine_add(set.get(), &id, 1, nullptr));
    }
    bool contains(std::uint32_t id) const
    {
        bool inside = false;
        use(tcpk_quarantine_contains(set.get(), id, &inside));
        return inside;
    }
    void remove(std::uint32_t id)
    {
        use(tcpk_quarantine_remove(set.get(), &id, 1, nullptr));
    }
};

struct Bits {
    static constexpr const char *NAME = "std::vector<bool>";
    std::vector<bool> set = std::vector<bool>(AGENTS);

    void add(std::uint32_t id)
    {
        set[id] = true;
    }
    bool contains(std::uint32_t id) const
    {
        return set[id];
    }
    void remove(std::uint32_t id)
    {
        set[id] = false;
    }
};

#ifdef TCPK_HAS_ROARING
struct Roaring {
    static constexpr const char *NAME = "CRoaring";
    std::unique_ptr<roaring_bitmap_t, void (*)(const roaring_bitmap_t *)> set{roaring_bitmap_create(),
                                                                              roaring_bitmap_free};

    void add(std::uint32_t id)
    {
        roaring_bitmap_add(set.get(), id);
    }
    bool contains(std::uint32_t id) const
    {
        return roaring_bitmap_contains(set.get(), id);
    }
    void remove(std::uint32_t id)
    {
        roaring_bitmap_remove(set.get(), id);
    }
};
#endif

template <class Set> struct Locked {
    static constexpr const char *NAME = Set::NAME;
    Set set;
    mutable std::mutex mutex;

    void add(std::uint32_t id)
    {
        const std::lock_guard<std::mutex> held(mutex);
        set.add(id);
    }
    bool contains(std::uint32_t id) const
    {
        const std::lock_guard<std::mutex> held(mutex);
        return set.contains(id);
    }
    void remove(std::uint32_t id)
    {
        const std::lock_guard<std::mutex> held(mutex);
        set.remove(id);
    }
};

enum class Work { add, contains, both };

template <class Set> void work(Set &set, const std::uint32_t *ids, std::size_t n, Work what)
{
    std::uint64_t inside = 0;
    for (std::size_t i = 0; i < n; i++) {
        if (what != Work::contains)
            set.add(ids[i]);
        if (what != Work::add)
            inside += set.contains(ids[i]);
    }
    use(inside);
}

// Every second agent is inside beforehand. What a row adds is there from the warm-up on, as most votes are against
// agents that are quarantined already; `changing` is about adds that change something.
template <class Set> Contender contender(const std::vector<std::uint32_t> &ids, Work what, unsigned threads)
{
    const auto set = std::make_shared<Set>();
    for (std::uint32_t id = 0; id < AGENTS; id += 2)
        set->add(id);
    return {Set::NAME,
            [set, &ids, what, threads] {
                if (threads == 1)
                    return work(*set, ids.data(), ids.size(), what);
                std::vector<std::thread> running;
                for (unsigned i = 0; i < threads; i++)
                    running.emplace_back([set, &ids, what, threads, i] {
                        work(*set, ids.data() + i * ids.size() / threads, ids.size() / threads, what);
                    });
                for (std::thread &thread : running)
                    thread.join();
            },
            {}};
}

// Adding what leaves again: each id is added, then removed, so that every add changes the set.
template <class Set> Contender changing(const std::vector<std::uint32_t> &ids)
{
    const auto set = std::make_shared<Set>();
    return {Set::NAME,
            [set, &ids] {
                for (const std::uint32_t id : ids)
                    set->add(id);
                for (const std::uint32_t id : ids)
                    set->remove(id);
            },
            {}};
}

} // namespace

std::vector<Comparison> compare_sets(std::size_t rounds, std::vector<Absent> &absent)
{
    std::vector<std::uint32_t> ids(IDS);
    std::uint64_t state = 5;
    for (std::uint32_t &id : ids)
        id = static_cast<std::uint32_t>(next_random(state) % AGENTS);
    std::vector<Comparison> all;
    static const struct {
        const char *name;
        Work what;
    } WORKS[] = {
        {"add, already there", Work::add}, {"contains, half there", Work::contains}, {"add and contains", Work::both}};
    for (const auto &it : WORKS) {
        std::vector<Contender> alone, together;
        alone.push_back(contender<Ours>(ids, it.what, 1));
        together.push_back(contender<Ours>(ids, it.what, 2));
#ifdef TCPK_HAS_ROARING
        alone.push_back(contender<Roaring>(ids, it.what, 1));
        together.push_back(contender<Locked<Roaring>>(ids, it.what, 2));
#endif
        alone.push_back(contender<Bits>(ids, it.what, 1));
        together.push_back(contender<Locked<Bits>>(ids, it.what, 2));
        const std::string what = std::string("quarantine set, ") + it.name;
        all.push_back(compare(what, std::move(alone), IDS, rounds));
        all.push_back(compare(what + ", 2 threads", std::move(together), IDS, rounds));
    }
    std::vector<Contender> changes;
    changes.push_back(changing<Ours>(ids));
#ifdef TCPK_HAS_ROARING
    changes.push_back(changing<Roaring>(ids));
#else
    absent.push_back({"CRoaring", "this build found no CRoaring (libroaring-dev)"});
#endif
    changes.push_back(changing<Bits>(ids));
    all.push_back(compare("quarantine set, add and remove", std::move(changes), 2 * IDS, rounds));
    (void)absent;
    return all;
}
