/*
 * Errors as the last out-parameter. A function that can fail returns 0 or -1 and fills `*err` only on
 * failure; callers add context on the way up. The daemon logs an error once; the user sees every part of it.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "base/error_code.h"

/* One of zeros is none. */
struct error {
    enum error_code code;
    enum error_component component; /* mostly the code's own */
    char message[768]; /* one sentence for people */
    char hint[384]; /* what to do next; may be empty */
};

/* Fills `err` from scratch, with the code's own component. Always returns -1, so that it can be returned
 * directly. NULL `err` is allowed. */
int error_set(struct error *err, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with another component: for a code that several parts meet, and where an error is passed on. */
int error_set_in(struct error *err, enum error_component component, enum error_code code, const char *format,
                 ...) __attribute__((format(printf, 4, 5)));

/* Sets the hint of an error that has been filled. Always returns -1. */
int error_hint(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "<text>: " in front of the message. Always returns -1. */
int error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Like error_set_in, with the code of `errnum` (ERROR_IO when no caller tells it apart) and with
 * ": <strerror(errnum)>" at the end of the message. Always returns -1. */
int error_errno(struct error *err, enum error_component component, int errnum, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/*
 * An error that outlives the call it came from, in one piece of the heap exactly as large as its texts: for
 * what is held for long, and mostly does not happen. NULL is "none". The members are those of struct error,
 * so LOG_ERR() takes it too. Immutable.
 */
struct kept_error {
    enum error_code code;
    enum error_component component;
    const char *hint; /* inside of this; may be empty */
    char message[];
};

/* A copy that the caller owns, and frees with free(). */
struct kept_error *error_keep(const struct error *err);

/* A copy of a kept one, owned likewise; NULL of NULL. */
struct kept_error *error_keep_again(const struct kept_error *kept);

/* Puts a copy of `err`, or NULL, in the place of what was kept there before. */
void error_replace(struct kept_error **kept, const struct error *err);

/* Writes it out again, to be passed on; not of NULL. */
void error_recall(const struct kept_error *kept, struct error *ret_err);

#endif
