#include "histogram.h"

#include <math.h>

/* Values with the same highest bit share 1024 bins of equal width. */
static unsigned bin_of(uint64_t value)
{
    const unsigned highest = 63 - (unsigned)__builtin_clzll(value | 1);
    const unsigned shift = highest > 10 ? highest - 10 : 0;
    return shift * HISTOGRAM_HALF + (unsigned)(value >> shift);
}

static uint64_t largest_of(unsigned bin)
{
    const unsigned shift = bin < 2 * HISTOGRAM_HALF ? 0 : bin / HISTOGRAM_HALF - 1;
    return ((uint64_t)(bin - shift * HISTOGRAM_HALF + 1) << shift) - 1;
}

void histogram_record(struct histogram *histogram, uint64_t value)
{
    histogram->counts[bin_of(value)]++;
    histogram->total++;
    histogram->largest = value > histogram->largest ? value : histogram->largest;
}

uint64_t histogram_value(const struct histogram *histogram, double share)
{
    const uint64_t wanted = (uint64_t)ceil(share * (double)histogram->total);
    uint64_t sum = 0;
    for (unsigned bin = 0; bin < HISTOGRAM_BINS; bin++) {
        sum += histogram->counts[bin];
        if (sum >= wanted && sum)
            return largest_of(bin) < histogram->largest ? largest_of(bin) : histogram->largest;
    }
    return histogram->largest;
}

static const double SHARES[] = {0.5, 0.75, 0.9, 0.99, 0.999, 0.9999, 0.99999, 1};

void histogram_print(const struct histogram *histogram, FILE *out)
{
    for (unsigned i = 0; i < sizeof SHARES / sizeof *SHARES; i++)
        fprintf(out, "%9.3f %%  %8llu ns\n", 100 * SHARES[i],
                (unsigned long long)histogram_value(histogram, SHARES[i]));
}

void histogram_print_json(const struct histogram *histogram, FILE *out)
{
    for (unsigned i = 0; i < sizeof SHARES / sizeof *SHARES; i++)
        fprintf(out, "%s\"%g\": %llu", i ? ", " : "{", 100 * SHARES[i],
                (unsigned long long)histogram_value(histogram, SHARES[i]));
    fprintf(out, "}");
}
