#include "base/suggest.h"

#include <string.h>

#define WORD_MAX 64

void suggest_word_init(struct suggest_word *word, const char *text, size_t length)
{
    memset(word, 0, sizeof(*word));
    word->length = length;
    for (size_t i = 0; i < length && i < WORD_MAX; i++)
        word->places[(unsigned char)text[i]] |= UINT64_C(1) << i;
}

/*
 * The table of the edit distance, column by column, with a bit for each letter of the word: it holds only
 * whether a cell is one more (`up`) or one less (`down`) than the one above it, so a column costs a few
 * operations on words. After H. Hyyro, "A bit-vector algorithm for computing Levenshtein and Damerau edit
 * distances", Nordic Journal of Computing 10 (2003). Neither is empty.
 */
static unsigned edit_distance(const struct suggest_word *word, const char *other, size_t length)
{
    uint64_t last = UINT64_C(1) << (word->length - 1);
    uint64_t up = ~UINT64_C(0), down = 0, equal_diagonal = 0, match_before = 0;
    unsigned distance = (unsigned)word->length;
    for (size_t i = 0; i < length; i++) {
        uint64_t match = word->places[(unsigned char)other[i]];
        uint64_t swapped = ((~equal_diagonal & match) << 1) & match_before;
        equal_diagonal = ((((match & up) + up) ^ up) | match | down) | swapped;
        uint64_t more = down | ~(equal_diagonal | up); /* than the cell to the left */
        uint64_t less = equal_diagonal & up;
        distance += (more & last) != 0;
        distance -= (less & last) != 0;
        more = more << 1 | 1;
        up = less << 1 | ~(equal_diagonal | more);
        down = equal_diagonal & more;
        match_before = match;
    }
    return distance;
}

unsigned suggest_slip(const struct suggest_word *word, const char *candidate)
{
    size_t length = strlen(candidate);
    size_t longer = length > word->length ? length : word->length;
    size_t shorter = length > word->length ? word->length : length;
    size_t limit = longer / 3 > 1 ? longer / 3 : 1;
    if (longer > WORD_MAX || longer - shorter > limit)
        return UINT_MAX;
    unsigned distance = shorter == 0 ? (unsigned)longer : edit_distance(word, candidate, length);
    return distance <= limit ? distance : UINT_MAX;
}

const char *suggest_nearest(const char *word, const char *const *candidates, size_t count)
{
    struct suggest_word wanted;
    suggest_word_init(&wanted, word, strlen(word));
    const char *best = NULL;
    unsigned best_distance = UINT_MAX;
    for (size_t i = 0; i < count; i++) {
        unsigned distance = suggest_slip(&wanted, candidates[i]);
        if (distance < best_distance) {
            best = candidates[i];
            best_distance = distance;
        }
    }
    return best;
}
