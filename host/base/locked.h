/*
 * Memory for what must get nowhere else: it is not in core files, not written to swap where the limit on
 * locked memory allows that, lies between pages that cannot be touched, and is zeroed when it is given back.
 */
#ifndef BASE_LOCKED_H
#define BASE_LOCKED_H

#include <stddef.h>

/* Zeros: none. */
struct locked {
    char *bytes;
    size_t size;
};

/* So many bytes, of any content. When there is no memory the process ends with a message. Any thread. */
struct locked locked_make(size_t size);

/* Gives them back; none is left. */
void locked_clear(struct locked *locked);

/* For locals. */
#define cleanup_locked __attribute__((cleanup(locked_clear)))

#endif
