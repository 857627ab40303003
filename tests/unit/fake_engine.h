/*
 * A Docker Engine of the tests' own making, on the test's event loop: it keeps containers, reports their
 * ends, and plays the runner in each of them. What it is told to do wrong it does wrong, as often as it is
 * told to.
 */
#ifndef TESTS_FAKE_ENGINE_H
#define TESTS_FAKE_ENGINE_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

struct fake_engine;

enum fake_op {
    FAKE_PING,
    FAKE_EVENTS,
    FAKE_LIST,
    FAKE_CREATE,
    FAKE_START,
    FAKE_STOP,
    FAKE_REMOVE,
    FAKE_INSPECT,
    FAKE_RENAME,
    FAKE_UPDATE,
    FAKE_WAIT,
    FAKE_IMAGE, /* every image is there */
    FAKE_NETWORK, /* and every network */
    FAKE_OPS
};

/* How an operation goes wrong. Zeroed: it does not. */
struct fake_plan {
    int status; /* answers with this error instead of doing it */
    bool hold; /* does and answers nothing before fake_engine_release() */
    bool done; /* with status: does it all the same */
    unsigned times; /* how often; 0: until the plan is changed */
};

/* What the process in a container does once it is started. */
enum fake_runner {
    RUNNER_SERVES, /* dials, loads what it is given and opens its slots */
    RUNNER_ABSENT, /* never dials: the test may, with fake_container_dial() */
    RUNNER_REFUSES, /* answers init with 500, an error and a traceback */
    RUNNER_REFUSES_AHEAD, /* the same where it has loaded something ahead, and serves elsewhere */
    RUNNER_SILENT, /* dials and never answers init */
    RUNNER_HANGS_UP, /* closes the connection when init comes, and goes on running */
    RUNNER_DIES, /* exits with code 3 when init comes */
    RUNNER_EXITS, /* exits with code 1 before it dials */
};

struct fake_container {
    char id[24], name[128], instance[16], label_host[40];
    char run_dir[108]; /* holds host.sock, stdout and stderr */
    char code_dir[108];
    char state[16]; /* "created", "running", "exited" */
    int exit_code;
    bool oom_killed;
    unsigned renames, updates;
    char asked[1024]; /* what its runner was told to load ahead; "": nothing */
    struct fake_connection *connections;
    struct fake_container *next;
};

/* Listens at `path`. */
struct fake_engine *fake_engine_open(struct event_base *base, const char *path);
void fake_engine_close(struct fake_engine *engine);

/* Goes away with every connection, and comes back; containers stay what they are. */
void fake_engine_stop(struct fake_engine *engine);
void fake_engine_start(struct fake_engine *engine);

void fake_engine_plan(struct fake_engine *engine, enum fake_op op, struct fake_plan plan);
void fake_engine_release(struct fake_engine *engine, enum fake_op op);
void fake_engine_set_runner(struct fake_engine *engine, enum fake_runner runner);

/* What a runner that serves answers from now on to init, or to prewarm, as JSON. The text stays. */
void fake_engine_set_answers(struct fake_engine *engine, const char *loaded, const char *prewarmed);

/* How often an operation was asked for. */
unsigned fake_engine_calls(const struct fake_engine *engine, enum fake_op op);

/* Containers there are, and the newest that is running, or NULL. */
size_t fake_engine_count(const struct fake_engine *engine);
struct fake_container *fake_engine_running(const struct fake_engine *engine);
struct fake_container *fake_engine_newest(const struct fake_engine *engine);

/* Adds a container that somebody else has left behind; `instance` may be NULL. */
void fake_engine_add(struct fake_engine *engine, const char *host, const char *instance);

/* Its process writes to standard error. */
void fake_container_write(const struct fake_container *container, const char *text);

/* The container's process ends: its connections break and the event goes out, in this order. */
void fake_container_die(struct fake_engine *engine, struct fake_container *container, int exit_code,
                        bool oom_killed);

/* The container vanishes without any event, and its connections stay open: only the engine can tell. */
void fake_container_vanish(struct fake_engine *engine, struct fake_container *container);

/* Its runner dials once more. */
void fake_container_dial(struct fake_engine *engine, struct fake_container *container);

/* Its runner closes all connections, and dials no more. */
void fake_container_hang_up(struct fake_container *container);

/* Every image is another one from now on, under the name that it had. The text stays. */
void fake_engine_set_image_id(struct fake_engine *engine, const char *id);

#endif
