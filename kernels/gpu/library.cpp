/* All of a library in one unit: nvcc and hipcc read their runtime's headers once for each target, which is most of what
 * a compilation takes. */
#include "batch.cpp"
#include "calls.cpp"
#include "device.cpp"
#include "pinned.cpp"
