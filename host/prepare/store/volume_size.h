/* How much is in a volume: looked up when somebody asks, since only its functions know when they write. */
#ifndef PREPARE_STORE_VOLUME_SIZE_H
#define PREPARE_STORE_VOLUME_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct volume_size {
    uint64_t bytes; /* that it takes of its disk */
    size_t files; /* everything but folders */
    bool is_whole; /* else there is more: looking took too long, or something could not be looked into */
};

/* Adds up what is below `path`, until clock_ms() has come to `until_ms`. What is not there has no size. Any
 * thread. */
void volume_measure(const char *path, uint64_t until_ms, struct volume_size *ret_size);

#endif
