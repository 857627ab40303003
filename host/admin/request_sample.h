/*
 * How long some of a number of requests took, spread evenly over all of them: each is one of `stride`, which
 * grows as they come, so that there is an end to how many are kept. Control thread.
 */
#ifndef ADMIN_REQUEST_SAMPLE_H
#define ADMIN_REQUEST_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#define REQUEST_SAMPLE_MAX 256

struct sampled_request {
    char *function;
    uint64_t duration_ns;
};

/* Zero-initialised is empty. */
struct request_sample {
    struct sampled_request kept[REQUEST_SAMPLE_MAX];
    size_t count;
    uint64_t seen, stride; /* stride 0: nothing has come yet */
};

void request_sample_add(struct request_sample *sample, const char *function, uint64_t duration_ns);

/* Forgets all. */
void request_sample_clear(struct request_sample *sample);

#endif
