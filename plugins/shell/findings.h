/* Reporting diagnostics to the host. */
#ifndef SHELL_FINDINGS_H
#define SHELL_FINDINGS_H

#include <berth/plugin.h>

/* Where findings go. Without a host they are only counted. */
struct findings {
    const struct berth_host *host;
    struct berth_job *job;
    unsigned errors;
};

/* A place in a file of the function; `file` NULL is the function as a whole, 0 no line or column. */
struct place {
    const char *file;
    unsigned line;
    unsigned column;
};

/* Reports one finding with a formatted message. `hint` may be NULL. */
void findings_add(struct findings *findings, enum berth_severity severity, struct place place,
                  const char *hint, const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
