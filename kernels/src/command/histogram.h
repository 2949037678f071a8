/* Times in bins as HdrHistogram has them: exact below 2048 ns, above that within one part in 1024, up to 2^63 ns. */
#ifndef TCPK_HISTOGRAM_H
#define TCPK_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

enum { HISTOGRAM_HALF = 1024, HISTOGRAM_BINS = HISTOGRAM_HALF * 55 };

struct histogram {
    uint64_t counts[HISTOGRAM_BINS];
    uint64_t total, largest;
};

void histogram_record(struct histogram *histogram, uint64_t value);

/* The smallest value that a share (0 to 1) of the values does not exceed, as the largest one of its bin. */
uint64_t histogram_value(const struct histogram *histogram, double share);

/* A line for each of the usual percentiles: the whole distribution up to its largest value. */
void histogram_print(const struct histogram *histogram, FILE *out);

/* The same as an object: percent of the values -> ns. */
void histogram_print_json(const struct histogram *histogram, FILE *out);

#endif
