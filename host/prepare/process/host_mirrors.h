/* The mirrors and proxies that the daemon's own environment names to builds (host_environment.h). */
#ifndef PREPARE_PROCESS_HOST_MIRRORS_H
#define PREPARE_PROCESS_HOST_MIRRORS_H

#include <stdbool.h>
#include <stddef.h>

/* Where one is. */
struct host_mirror {
    char *host; /* a name or an address, without brackets */
    unsigned port;
};

struct host_mirrors {
    struct host_mirror *items;
    size_t count;
};

/* Reads all of them, each once. The caller clears them. */
void host_mirrors_read(struct host_mirrors *ret_mirrors);

/* A copy, to be cleared. */
void host_mirrors_copy(const struct host_mirrors *from, struct host_mirrors *ret_mirrors);

/* Adds those of one value: URLs with blanks, commas or bars between them, and perhaps a name and "=" in front
 * of one. What is no URL is left out, but that a proxy may lack its scheme. */
void host_mirrors_add(struct host_mirrors *mirrors, const char *value, bool is_proxy);

void host_mirrors_clear(struct host_mirrors *mirrors);

#endif
