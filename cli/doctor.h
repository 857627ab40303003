/* What Berth needs of a machine, looked at one by one. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "base/error.h"
#include "cli/command.h"

#include <jansson.h>
#include <stdbool.h>

enum verdict { VERDICT_FINE, VERDICT_POOR, VERDICT_WRONG };

/* What one look comes to. */
struct look {
    enum verdict verdict;
    char found[256];
    char advice[384]; /* what to do; "" when nothing has to be done */
};

/* What the looks have in common. */
struct checkup {
    const struct arguments *arguments;
    const char *docker_socket;
    char *state_dir, *run_dir;
    json_t *docker; /* what the engine says of itself (GET /info); NULL: it does not answer */
    bool daemon_answers;
};

struct doctor_row {
    const char *name;
    void (*look)(const struct checkup *checkup, struct look *ret_look);
};

/* In the order in which they are shown; what comes first is what others need. */
extern const struct doctor_row doctor_rows[];
extern const size_t doctor_row_count;

/* What a look comes to, and what to do about it. */
void doctor_conclude(struct look *look, enum verdict verdict, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void doctor_advise(struct look *look, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* doctor_tables.c: a row of the table. */
void doctor_look_at_tables(const struct checkup *checkup, struct look *ret_look);

/* Asks the engine for a path: NULL when it does not answer with JSON. The caller lets go of it. */
json_t *doctor_ask_docker(const char *socket, const char *path);

#endif
