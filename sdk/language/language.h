/* Inside the library of languages: what its files share. */
#ifndef BERTH_SDK_LANGUAGE_H
#define BERTH_SDK_LANGUAGE_H

#include <berth/language.h>

#include <stdbool.h>

#define ENTRY_NAME_MAX 1024

/* What a callback is about; everything is borrowed. `host` NULL: findings go nowhere. */
struct language_job {
    const struct berth_host *host;
    struct berth_job *job;
    const struct berth_function *function;
    struct berth_error *err;
};

/* Fills the job's error with a formatted message and a hint. Returns -1. */
int language_fail(const struct language_job *about, const char *hint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- text.c ---- */

/* Makes one line of UTF-8 of the text, in place: control characters and bytes that are none become '?'. */
void text_clean(char *text);

/* Whether the text is UTF-8 without control characters. */
bool text_is_clean(const char *text);

/* ---- entry.c ---- */

/* Finds the function's file. 0, or -1 after a finding that says what is wrong. */
int entry_find(const struct language_job *about, char ret_file[ENTRY_NAME_MAX]);

/* ---- listing.c ---- */

/* Whether one of the fnmatch(3) patterns, ended by NULL, matches the name. NULL: no pattern. */
bool matches_any(const char *const *patterns, const char *name);

/* The names in a folder that are neither hidden nor excluded, sorted; NULL with errno. Freed with
 * names_free(). */
char **names_in(const char *folder, const char *const *exclude);
void names_free(char **names);

/* Writes the paths of the folder's files to `fd`, one on a line. 0, or -1 with errno. */
int listing_write(const char *folder, const char *const *exclude, int fd);

/* ---- finding.c ---- */

struct finding {
    enum berth_severity severity;
    const char *file; /* or NULL */
    unsigned line, column; /* 0: none */
    const char *message;
};

/* One line in the manner of compilers, "FILE:LINE:COLUMN: error: MESSAGE", without its end; it is changed,
 * and the finding points into it. False, and nothing is changed: it is none. */
bool finding_parse(char *line, struct finding *ret_finding);

/* Reports a finding, whose texts are cleaned, with a hint or NULL. */
void finding_report(const struct language_job *about, struct finding *finding, char *hint);

/* Reports one with a formatted message about a file, or with NULL about the function as a whole. */
void finding_add(const struct language_job *about, enum berth_severity severity, const char *file,
                 const char *hint, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* ---- check.c ---- */

/* Runs the language's check of the function, and reports what it finds. 0, or -1 with the job's error. */
int check_run(const struct language_job *about, const char *file);

#endif
