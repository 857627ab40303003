/*
 * What runs in a container: a runner that dials the host's socket, loads what it is sent and opens its
 * connections, or a server that waits for connections. Which of them fails, and how, the weather decides. The
 * sockets are real.
 */
#ifndef SIM_RUNNERS_H
#define SIM_RUNNERS_H

#include <stdbool.h>

struct event_base;
struct runner;

struct runner_place {
    const char *id; /* for the trace */
    char *run_dir, *code_dir;
    bool is_server;
};

/* Told that the process has ended by itself. */
typedef void runner_exit_fn(void *owner, int exit_code);

/* From now on connections are watched on this loop; NULL: on none, for a while. */
void runners_attach(struct event_base *base);

/* `place` outlives it. */
struct runner *runner_start(const struct runner_place *place, runner_exit_fn *exited, void *owner);

/* Closes everything. NULL is fine. */
void runner_end(struct runner *runner);

/* Closes a connection, or all of them. It dials again, but for some that have their function. */
void runner_hang_up(struct runner *runner, bool all);

/* The function that it serves; "": it does not serve yet. */
const char *runner_function(const struct runner *runner);

/* Which version of it. */
unsigned runner_version(const struct runner *runner);

unsigned runner_concurrency(const struct runner *runner);

#endif
