/* The file of a function that is run for each request, and what runs it. */
#ifndef SHELL_ENTRY_H
#define SHELL_ENTRY_H

#include "findings.h"

#define ENTRY_NAME_MAX 1024

enum entry_kind {
    ENTRY_SCRIPT, /* run by `interpreter` */
    ENTRY_BINARY, /* a compiled program, run itself */
};

struct entry {
    enum entry_kind kind;
    char file[ENTRY_NAME_MAX]; /* relative to the function's folder */
    char interpreter[64]; /* as it is called in the runtime image */
    char argument[128]; /* the one that a #! line may give, or "" */
    const char *checker; /* the shell whose -n reads this script, or NULL: not a shell's */
};

/* Finds the entry file: the one that the user named, else the only *.sh of the folder, else its only
 * executable. Looks at its first line. 0, or -1 after findings that say what is wrong. */
int entry_find(const struct berth_function *function, struct findings *findings, struct entry *ret_entry);

#endif
