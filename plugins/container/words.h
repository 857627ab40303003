/* A command line as words, without a shell: blanks part them; '...' and "..." hold blanks, and a backslash
 * takes the next character as it is, not within '...'. Nothing else means anything: no variables, no
 * patterns, no pipes. */
#ifndef CONTAINER_WORDS_H
#define CONTAINER_WORDS_H

#define WORDS_MAX 128

enum words_result {
    WORDS_GOOD,
    WORDS_NONE, /* there is nothing but blanks */
    WORDS_OPEN_QUOTE, /* a quote is not closed */
    WORDS_OPEN_BACKSLASH, /* nothing stands behind the last backslash */
    WORDS_TOO_MANY,
};

/* Splits `text` in place; the words, which end with NULL, point into it. */
enum words_result words_split(char *text, const char *words[WORDS_MAX + 1]);

#endif
