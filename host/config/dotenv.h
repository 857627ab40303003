/*
 * The syntax of files of environment variables (".env"), as shells and other tools read them:
 *
 *     # a comment
 *     export NAME=value            without quotes: up to the end of the line, or to " #"
 *     NAME='as it $tands'          may go over several lines
 *     NAME="with \n, \t, \\, \" and \$"
 *
 * Nothing is replaced in values.
 */
#ifndef CONFIG_DOTENV_H
#define CONFIG_DOTENV_H

#include "config/reporter.h"

#include <stdbool.h>
#include <stddef.h>

/* A text that is read; borrowed. */
struct dotenv {
    const char *at, *end;
    const char *line_begin;
    unsigned line;
};

struct dotenv_entry {
    char *name, *value; /* the caller's; NULL with a problem */
    bool is_quoted; /* in single quotes */
    struct position at; /* of the name, or of what is wrong */
    const char *problem; /* what is wrong; static */
};

void dotenv_init(struct dotenv *file, const char *text, size_t size);

/* The next entry, or the next line that is none: ret_entry->problem. False: there is no more. The caller
 * frees name and value. */
bool dotenv_next(struct dotenv *file, struct dotenv_entry *ret_entry);

#endif
