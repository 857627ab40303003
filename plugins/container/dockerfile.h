/* What can be said of a Dockerfile before it is built: enough to name the line of a slip. What its
 * instructions do is the builder's to say. */
#ifndef CONTAINER_DOCKERFILE_H
#define CONTAINER_DOCKERFILE_H

#include <stdbool.h>
#include <stddef.h>

#define DOCKERFILE_PORTS_MAX 16

struct dockerfile {
    unsigned line, column; /* of the mistake, from 1; 0: it is about the file as a whole */
    char problem[256]; /* the first mistake, one sentence; "": there is none */
    const char *hint; /* static, or NULL */
    unsigned ports[DOCKERFILE_PORTS_MAX]; /* that it exposes, where they are written as numbers */
    size_t port_count;
    unsigned port_line; /* of the last EXPOSE; 0: there is none */
    bool port_is_unclear; /* one is written otherwise, such as by a variable */
    bool has_from;
};

/* Looks through `size` bytes, which need not end with a NUL. */
void dockerfile_read(const char *text, size_t size, struct dockerfile *ret_file);

#endif
