/*
 * Containers: their life cycle, their limits, what they are doing. See docker.h for how calls, results and
 * errors work. `id` is a container's id or name wherever it goes in.
 */
#ifndef DOCKER_CONTAINER_H
#define DOCKER_CONTAINER_H

#include "docker/docker.h"

#include <jansson.h>
#include <stdint.h>

/* Zero members mean "no limit" in a new container and "leave as it is" in an update. */
struct docker_limits {
    uint64_t memory_bytes; /* memory and swap together: the container never swaps */
    double cpus;
    unsigned pids;
};

struct docker_bind {
    const char *source; /* absolute, on the host; must exist */
    const char *target;
    bool read_only;
};

/* A file system in memory: nosuid, nodev, and noexec unless `executable`. */
struct docker_tmpfs {
    const char *target;
    uint64_t size_bytes; /* 0: half of the machine's memory (the kernel's default) */
    unsigned mode; /* 0: 01777 */
    unsigned user, group; /* who owns it; 0: root */
    bool executable;
};

enum docker_log_driver {
    DOCKER_LOG_LOCAL = 0, /* the engine's compact binary files */
    DOCKER_LOG_NONE, /* nothing is kept; docker_container_logs fails */
};

/* What to create: without capabilities, and with no way to new privileges. Zeroed members take the default
 * that is named here. */
struct docker_container {
    const char *name; /* NULL: the engine makes one up */
    const char *image; /* required */

    const char *const *entrypoint; /* ended by NULL; NULL: the image's */
    const char *const *command; /* ended by NULL; NULL: the image's */
    const char *const *environment; /* "NAME=value" ended by NULL, or NULL */
    const char *working_dir; /* NULL: the image's */
    const char *user; /* "uid:gid" or a name; NULL: the image's */

    const struct docker_pair *labels;
    size_t label_count;
    const struct docker_bind *binds;
    size_t bind_count;
    const struct docker_tmpfs *tmpfs;
    size_t tmpfs_count;

    struct docker_limits limits;
    uint64_t shm_bytes; /* size of /dev/shm; 0: 16 MiB */
    const char *network; /* a network's name, "none", "bridge", "host"; NULL: "none" */
    const char
        *name_server; /* that it asks, by the engine's own resolver; NULL: those of the engine's host */
    const char *const *capabilities; /* that it has all the same, ended by NULL; NULL: none */
    bool auto_remove; /* the engine removes it when it ends */
    bool read_only_root; /* nothing but binds and tmpfs can be written */
    bool own_seccomp; /* seccomp_profile.h has the calls that it may make, in place of the engine's profile;
                       * what an engine without seccomp (facts.h) goes without */
    int oom_score_adj; /* added to what the kernel takes a process for as memory runs out; up to 1000 */
    bool host_users; /* set by docker_container_create(): an engine that remaps users leaves it out of that */
    const char *runtime; /* the engine's name of what runs it; NULL: the engine's default */
    unsigned stop_timeout_s; /* between SIGTERM and SIGKILL; 0: 10 */
    enum docker_log_driver log_driver;
    uint64_t log_max_bytes; /* of the one file kept; 0: 1 MiB */
};

typedef void docker_id_fn(void *owner, const struct error *err, const char *id);

/* Creates a container. A missing image is "image-missing", a taken name "conflict". The image's health check
 * is switched off: readiness is the caller's business and each check would start a process. */
struct docker_call *docker_container_create(struct docker *docker, const struct docker_container *container,
                                            docker_id_fn *done, void *owner);

/* The body of the request that docker_container_create() sends. NULL: one of its texts is not UTF-8. The
 * caller owns it. */
json_t *docker_container_request(const struct docker *docker, const struct docker_container *container);

/* Success as well when it runs already. */
struct docker_call *docker_container_start(struct docker *docker, const char *id, docker_done_fn *done,
                                           void *owner);

/* Sends SIGTERM, after `timeout_s` SIGKILL; done when it has stopped. Success as well when it did not
 * run. The call's time limit is extended by timeout_s. */
struct docker_call *docker_container_stop(struct docker *docker, const char *id, unsigned timeout_s,
                                          docker_done_fn *done, void *owner);

/* Removes it with its anonymous volumes; `force` kills it first. */
struct docker_call *docker_container_remove(struct docker *docker, const char *id, bool force,
                                            docker_done_fn *done, void *owner);

struct docker_call *docker_container_rename(struct docker *docker, const char *id, const char *name,
                                            docker_done_fn *done, void *owner);

/* Sets new limits while it runs. */
struct docker_call *docker_container_update(struct docker *docker, const char *id,
                                            const struct docker_limits *limits, docker_done_fn *done,
                                            void *owner);

typedef void docker_wait_fn(void *owner, const struct error *err, int exit_code);

/* Done when it does not run; at once with code 0 when it was never started. No time limit. */
struct docker_call *docker_container_wait(struct docker *docker, const char *id, docker_wait_fn *done,
                                          void *owner);

struct docker_state {
    const char *id;
    const char *name; /* without the slash in front */
    const char *status; /* "created", "running", "paused", "restarting", "removing", "exited", "dead" */
    bool running;
    bool oom_killed;
    int exit_code;
    const char *error; /* why it could not start, or "" */
    const char *address; /* on the first of its networks that gives one, or "" */
    int process; /* its first, as the host numbers it; 0: it does not run */
    const struct docker_labels *labels;
};

typedef void docker_state_fn(void *owner, const struct error *err, const struct docker_state *state);

struct docker_call *docker_container_inspect(struct docker *docker, const char *id, docker_state_fn *done,
                                             void *owner);

struct docker_listing {
    const char *id;
    const char *name; /* without the slash in front; "" for a half-removed container */
    const char *state; /* the words of docker_state.status */
    const struct docker_labels *labels;
};

typedef void docker_list_fn(void *owner, const struct error *err, const struct docker_listing *entries,
                            size_t count);

/* Lists containers in every state that carry all of `labels`, each "name" or "name=value", ended by NULL.
 * NULL: every container. */
struct docker_call *docker_container_list(struct docker *docker, const char *const *labels,
                                          docker_list_fn *done, void *owner);

enum docker_stream { DOCKER_STDOUT = 1, DOCKER_STDERR = 2 };

#define DOCKER_LINE_MAX 16384

struct docker_line {
    enum docker_stream stream;
    const char *text; /* without its newline; NUL-terminated, though it may hold NULs too */
    size_t length; /* at most DOCKER_LINE_MAX */
    bool continues; /* the line was longer: its next piece follows on the same stream */
};

struct docker_logs {
    bool follow; /* go on until the container stops */
    int tail; /* the last n lines, and what follows; -1: all; 0: only what follows */
};

typedef void docker_line_fn(void *owner, const struct docker_line *line);

/* Reads a container's output line by line; a last line without newline is reported too. `done` has no error
 * when the log ended in order. No time limit. */
struct docker_call *docker_container_logs(struct docker *docker, const char *id,
                                          const struct docker_logs *options, docker_line_fn *line,
                                          docker_done_fn *done, void *owner);

#endif
