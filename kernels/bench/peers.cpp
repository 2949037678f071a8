// peers [--registry FILE] [--rounds N]: our figures and those of the libraries that a user could take instead, in one
// process, in turn; JSON on standard output.
#include "measure.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

namespace
{

void print(const std::vector<Comparison> &comparisons, const std::vector<Absent> &absent)
{
    std::printf("{\"comparisons\": [");
    for (std::size_t i = 0; i < comparisons.size(); i++) {
        std::printf("%s\n {\"operation\": \"%s\", \"contenders\": [", i ? "," : "", comparisons[i].operation.c_str());
        for (std::size_t j = 0; j < comparisons[i].contenders.size(); j++) {
            const Contender &it = comparisons[i].contenders[j];
            std::printf("%s{\"name\": \"%s\", \"median\": %.3f, \"p10\": %.3f, \"p90\": %.3f}", j ? ", " : "",
                        it.name.c_str(), percentile(it.samples, 0.5), percentile(it.samples, 0.1),
                        percentile(it.samples, 0.9));
        }
        std::printf("]");
        if (comparisons[i].floor)
            std::printf(", \"floor\": %.3f", percentile(comparisons[i].floor->samples, 0.5));
        std::printf("}");
    }
    std::printf("],\n \"absent\": [");
    for (std::size_t i = 0; i < absent.size(); i++)
        std::printf("%s{\"name\": \"%s\", \"reason\": \"%s\"}", i ? ", " : "", absent[i].name.c_str(),
                    absent[i].reason.c_str());
    std::printf("]}\n");
}

int complain(const char *what)
{
    std::fprintf(stderr, "peers: %s\nusage: peers [--registry FILE] [--rounds N], N from 3 to 1000\n", what);
    return 2;
}

} // namespace

int main(int count, char **words)
{
    const char *registry = nullptr;
    long rounds = 21;
    for (int i = 1; i < count; i += 2) {
        if (i + 1 == count)
            return complain("an option needs a value");
        if (std::strcmp(words[i], "--registry") == 0)
            registry = words[i + 1];
        else if (std::strcmp(words[i], "--rounds") == 0)
            rounds = std::strtol(words[i + 1], nullptr, 10);
        else
            return complain(words[i]);
    }
    if (rounds < 3 || rounds > 1000)
        return complain("--rounds is out of range");
    try {
        std::vector<Absent> absent;
        std::vector<Comparison> all = compare_lookups(registry, static_cast<std::size_t>(rounds), absent);
        for (Comparison &it : compare_sets(static_cast<std::size_t>(rounds), absent))
            all.push_back(std::move(it));
        print(all, absent);
    } catch (const std::exception &error) {
        return complain(error.what());
    }
    return 0;
}
