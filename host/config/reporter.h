/* Where the parts that read the YAML file say what is wrong with it. */
#ifndef CONFIG_REPORTER_H
#define CONFIG_REPORTER_H

#include "config/diagnostic.h"

/* A place in the file. Both from 1, the column in bytes; line 0: the file as a whole. */
struct position {
    unsigned line, column;
};

/* Borrows everything it points to. */
struct reporter {
    struct diagnostics *diagnostics;
    const char *file;
    const char *function; /* what findings are about, or NULL: the file as a whole */
    size_t errors; /* reported so far, also those that found the list full */
};

/* Adds an error; `hint` may be NULL. */
void reporter_error(struct reporter *reporter, struct position at, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

void reporter_warning(struct reporter *reporter, struct position at, const char *hint, const char *format,
                      ...) __attribute__((format(printf, 4, 5)));

/* A user's word as it can stand in a message: control characters replaced, cut when long. Used as
 * quote(word).text within one expression. */
struct quoted {
    char text[72];
};
struct quoted quote(const char *word);

#endif
