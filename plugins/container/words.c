#include "words.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Moves one word to `*to`, without its quotes, and `*at` behind it. */
static enum words_result take_word(char **at, char **to)
{
    char quote = '\0';
    for (; **at && (quote || !is_blank(**at)); ++*at) {
        char c = **at;
        if (c == quote) {
            quote = '\0';
        } else if (!quote && (c == '\'' || c == '"')) {
            quote = c;
        } else if (c == '\\' && quote != '\'') {
            if (!*++*at)
                return WORDS_OPEN_BACKSLASH;
            *(*to)++ = **at;
        } else {
            *(*to)++ = c;
        }
    }
    return quote ? WORDS_OPEN_QUOTE : WORDS_GOOD;
}

enum words_result words_split(char *text, const char *words[WORDS_MAX + 1])
{
    size_t count = 0;
    char *to = text;
    for (char *at = text;;) {
        while (is_blank(*at))
            at++;
        if (!*at)
            break;
        if (count == WORDS_MAX)
            return WORDS_TOO_MANY;
        words[count++] = to;
        enum words_result result = take_word(&at, &to);
        if (result != WORDS_GOOD)
            return result;
        bool is_last = !*at;
        at += !is_last;
        *to++ = '\0';
        if (is_last)
            break;
    }
    words[count] = NULL;
    return count > 0 ? WORDS_GOOD : WORDS_NONE;
}
