#include "prepare/job/repeat.h"

#include <fcntl.h>
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#define FILES_MAX 256 /* as confine.c has it */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

struct sample {
    int64_t heap_bytes, resident_bytes, files;
};

/* A sanitizer has an allocator of its own, which keeps for a while what was freed. */
static int64_t heap_bytes(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return (int64_t)__sanitizer_get_current_allocated_bytes();
#else
    struct mallinfo2 info = mallinfo2();
    return (int64_t)(info.uordblks + info.hblkhd);
#endif
}

static int64_t resident_bytes(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return 0;
#else
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss * INT64_C(1024) : 0;
#endif
}

static struct sample take_sample(void)
{
    struct sample sample = {.heap_bytes = heap_bytes(), .resident_bytes = resident_bytes()};
    for (int fd = 0; fd < FILES_MAX; fd++)
        sample.files += fcntl(fd, F_GETFD) >= 0;
    return sample;
}

int repeat_cycles(unsigned cycles, repeat_cycle_fn *cycle, void *context, json_t **ret_growth,
                  struct error *err)
{
    struct sample first = {0};
    for (unsigned i = 0; i < cycles; i++) {
        if (i == cycles / 4)
            first = take_sample();
        if (cycle(context, err) < 0)
            return error_prefix(err, "in cycle %u of one process", i + 1);
    }
    struct sample last = take_sample();
    *ret_growth = json_pack("{s:I, s:I, s:I, s:I}", "cycles", (json_int_t)cycles, "heap_bytes",
                            (json_int_t)(last.heap_bytes - first.heap_bytes), "resident_bytes",
                            (json_int_t)(last.resident_bytes - first.resident_bytes), "files",
                            (json_int_t)(last.files - first.files));
    return 0;
}
