/* What the kernel's file offers to the module's. */
#ifndef EXAMPLE_HISTOGRAM_H
#define EXAMPLE_HISTOGRAM_H

#include <stddef.h>

enum { BINS = 256 };

#ifdef __cplusplus
extern "C" {
#endif

/* Counts how often each byte occurs, on the current GPU. Returns NULL, or what went wrong. */
const char *histogram_on_gpu(const unsigned char *data, size_t size,
                             unsigned long long counts[BINS]);

/* Returns NULL where there is a GPU, and why not where there is none. */
const char *histogram_no_gpu(void);

#ifdef __cplusplus
}
#endif

#endif
