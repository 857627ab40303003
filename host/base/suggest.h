/* "Did you mean": the nearest of a list of words. */
#ifndef BASE_SUGGEST_H
#define BASE_SUGGEST_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

/* A word for which near ones are looked for. Prepared once, it is compared with many for little each. */
struct suggest_word {
    size_t length;
    uint64_t places[UCHAR_MAX + 1]; /* of each letter in the word, a bit for each */
};

/* `length` bytes at `text`, which is not needed any more afterwards. Words over 64 bytes are near to none. */
void suggest_word_init(struct suggest_word *word, const char *text, size_t length);

/* Edits (insert, delete, replace, swap of neighbours) that turn the word into the candidate, when they are
 * few enough for a slip of the pen: at most a third of the longer word's letters, at least one. Else
 * UINT_MAX. */
unsigned suggest_slip(const struct suggest_word *word, const char *candidate);

/* The candidate nearest to `word` by suggest_slip(), or NULL. The result is one of `candidates`. */
const char *suggest_nearest(const char *word, const char *const *candidates, size_t count);

#endif
