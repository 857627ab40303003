/*
 * Installs a set of dependencies once: the plugin's command runs in a builder (builder.h) and fills the
 * directory that BERTH_TARGET names. Exit code 0 puts the directory into the dependency store. The host's
 * proxy, mirror and CA settings are handed in. Requests for the same set share one installation. A set that
 * is there already is checked, and installed anew when it was changed. Control thread only.
 */
#ifndef PREPARE_INSTALL_DEPENDENCY_INSTALL_H
#define PREPARE_INSTALL_DEPENDENCY_INSTALL_H

#include "base/error.h"
#include "prepare/install/builder.h"
#include "prepare/process/build_result.h"
#include "prepare/store/dependency_store.h"

#include <stdbool.h>
#include <stdint.h>

struct background;
struct docker;
struct event_base;
struct dependency_installs;
struct dependency_install;

struct dependency_installs_options {
    struct event_base *base;
    struct docker *docker; /* outlives it */
    struct background *background; /* outlives it */
    struct dependency_store *store; /* outlives it */
    const char *owner; /* value of the label berth.host */
    const char *network; /* NULL: "bridge" */
    struct builder_limits limits; /* of one builder */
    /* Called as a builder is about to be started, with its words and variables; or NULL. */
    void (*starts)(void *context, char *const *argv, char *const *environment);
    void *starts_context;
    unsigned parallel; /* builders at once; 0: 2 */
};

struct dependency_request {
    const char *runtime; /* the plugin's name */
    const char *image; /* to run */
    const char *image_id; /* of that and of what else the set is made for, part of the key */
    const char *code; /* absolute path of the package, which stays until the end */
    const char *function; /* whose request this is, for the log; or NULL */
    const struct build_dependencies *dependencies;
};

struct dependency_callbacks {
    /* One line of the installer's output; `elapsed_ms` since it started. Of those who share an installation
     * only the longest waiting one is told. May be NULL. */
    void (*line)(void *context, const char *line, uint64_t elapsed_ms);
    /* The end: `err` NULL and the set's key; else key is NULL, and `output` is what the installer wrote
     * (kept_output.h), NULL when it wrote nothing. `installed`: it was not there before. Borrowed. */
    void (*done)(void *context, const struct error *err, const char *key, bool installed, const char *output);
};

/* What a request waits for. */
struct dependency_progress {
    enum { DEPENDENCIES_CHECKED, DEPENDENCIES_QUEUED, DEPENDENCIES_INSTALLED } stage;
    uint64_t since_ms; /* clock_ms() of when the installation began, or was asked for */
    const char *last_line; /* of its output, "" before the first; borrowed */
};

int dependency_installs_create(const struct dependency_installs_options *options,
                               struct dependency_installs **ret_installs, struct error *err);

/* Ends every request with the error "cancelled", removes the containers, then calls `done` once, from the
 * event loop. No request may follow. */
void dependency_installs_stop(struct dependency_installs *installs, void (*done)(void *context),
                              void *context);

/* Containers still there are left to whoever removes those with this owner's label. Not from a callback. NULL
 * is fine. */
void dependency_installs_destroy(struct dependency_installs *installs);

/* Makes sure that the set is in the store, and notes its use. Everything is copied. `done` is called exactly
 * once, from the event loop and never from inside, unless the request is cancelled. Errors: those of
 * builder.h and of files, and "cancelled" when dependency_installs_stop was called. */
struct dependency_install *dependency_installs_ensure(struct dependency_installs *installs,
                                                      const struct dependency_request *request,
                                                      const struct dependency_callbacks *callbacks,
                                                      void *context);

void dependency_install_progress(const struct dependency_install *install,
                                 struct dependency_progress *ret_progress);

/* Ends one request silently; the installation stops when nobody waits for it. NULL is fine. */
void dependency_install_cancel(struct dependency_install *install);

#endif
