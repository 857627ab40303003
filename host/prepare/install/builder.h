/*
 * A builder: the container in which one set of dependencies is installed, from its creation to its removal.
 * The command runs in the plugin's builder image or else its runtime image, as a user that is not root, on a
 * read-only root, with network and without privileges. BERTH_CODE names the function's package, which is
 * read-only. It writes to one folder of this machine:
 *
 *     <staged>/target        what BERTH_TARGET names
 *     <staged>/tmp           what TMPDIR and HOME name
 *     <staged>/environment   its variables, readable for its user only
 *
 * The variables may hold passwords of package indexes. They are handed in by that file, so that neither the
 * engine nor a command line shows them, and output lines are redacted (base/redact.h) before anybody sees
 * them. Memory, processors, processes and time have limits that the engine and a timer keep; the folder is
 * measured again and again, and an installation is ended when it has grown too large, or when the disk is
 * nearly full. Control thread only.
 */
#ifndef PREPARE_INSTALL_BUILDER_H
#define PREPARE_INSTALL_BUILDER_H

#include "base/error.h"

#include <stdint.h>

struct background;
struct builder;
struct docker;
struct event_base;

struct builder_limits {
    uint64_t memory_bytes; /* 0: none */
    double cpus; /* 0: none; more than the machine has is all it has */
    uint64_t disk_bytes; /* of the staged folder; 0: none */
    unsigned timeout_ms;
};

struct builder_spec {
    struct event_base *base;
    struct docker *docker; /* outlives it */
    struct background *background; /* outlives it */
    const char *owner; /* value of the label berth.host */
    const char *network;
    const char *runtime;
    const char *image;
    const char *key; /* of the set, for a label */
    char *const *argv; /* ended by NULL */
    char *const *environment; /* "NAME=value", ended by NULL; goes before the machine's mirrors and proxies */
    const char *code; /* absolute path of the package */
    const char *staged; /* absolute; from dependency_store_stage for builder_uid() and builder_gid() */
    struct builder_limits limits;
};

struct builder_hooks {
    /* One line of output, `elapsed_ms` since the start. */
    void (*line)(void *context, const char *line, uint64_t elapsed_ms);
    /* The end, once: the container is gone and so is the builder. `err` NULL: <staged>/target is filled. */
    void (*done)(void *context, const struct error *err);
};

/* Everything is copied. `done` comes from the event loop and never from inside, and not at all after an error
 * here. Its errors have the component "build" and one of these reasons, or are those of the Docker client:
 *   dependency-install  the command failed; the message carries its cause (cause_line.h), or its last lines
 *   dependency-memory, dependency-disk, dependency-timeout  a limit; the hint names its setting
 *   no-space  the disk is nearly full
 */
int builder_start(const struct builder_spec *spec, const struct builder_hooks *hooks, void *context,
                  struct builder **ret_builder, struct error *err);

/* Ends it with this error, by way of `done`. */
void builder_stop(struct builder *builder, const struct error *err);

/* Without `done`; the container is left to whoever removes those with its owner's label. NULL is fine. */
void builder_destroy(struct builder *builder);

#endif
