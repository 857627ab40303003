#include "admin/request_sample.h"

#include "base/alloc.h"

#include <stdlib.h>

/* Half of them go, every other one. */
static void thin_out(struct request_sample *sample)
{
    size_t left = 0;
    for (size_t i = 0; i < sample->count; i++) {
        if (i % 2 == 0)
            sample->kept[left++] = sample->kept[i];
        else
            free(sample->kept[i].function);
    }
    sample->count = left;
    sample->stride *= 2;
}

void request_sample_add(struct request_sample *sample, const char *function, uint64_t duration_ns)
{
    uint64_t number = sample->seen++;
    if (sample->stride == 0)
        sample->stride = 1;
    if (number % sample->stride == 0 && sample->count == REQUEST_SAMPLE_MAX)
        thin_out(sample);
    if (number % sample->stride == 0)
        sample->kept[sample->count++] =
            (struct sampled_request){.function = xstrdup(function), .duration_ns = duration_ns};
}

void request_sample_clear(struct request_sample *sample)
{
    for (size_t i = 0; i < sample->count; i++)
        free(sample->kept[i].function);
    sample->count = 0;
    sample->seen = sample->stride = 0;
}
