/* "Did you mean": the nearest of a list of words. */
#ifndef BASE_SUGGEST_H
#define BASE_SUGGEST_H

#include <stddef.h>

/* Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`. Words over 64 bytes count as
 * far apart. */
unsigned suggest_distance(const char *a, const char *b);

/* The candidate nearest to `word`, when it is near enough to be a slip of the pen (at most a third of the
 * longer word's letters, at least one); else NULL. The result is one of `candidates`. */
const char *suggest_nearest(const char *word, const char *const *candidates, size_t count);

#endif
