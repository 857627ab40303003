/* What container to start: what instances that may stand for each other have in common. */
#ifndef FLEET_ENGINE_CONTAINER_SPEC_H
#define FLEET_ENGINE_CONTAINER_SPEC_H

#include "base/hash.h"
#include "config/registry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A folder of this host that a container has beside what every instance has. */
struct container_mount {
    const char *volume; /* the name of the volume that it is, for its instance to find; or NULL */
    const char *source; /* absolute; it is there when the container is made. NULL before that for a volume */
    const char *target;
    bool read_only;
};

struct container_spec {
    const char *runtime; /* name, for labels and names */
    const char *image;
    const char *const *command; /* ended by NULL, or NULL: the image's own */
    const char *const *environment; /* "NAME=value" ended by NULL, or NULL */
    const char *code_dir; /* the function's package; NULL: a folder of its own, empty until somebody fills it,
                           * for a prewarmed instance */
    const char *dependencies; /* name of the folder of its dependencies; NULL: none, or with no code_dir that
                               * nobody knows yet whose, so all are mounted, unless `ahead` says otherwise */
    const char *ahead; /* with no code_dir: what its runner is to load before its function is known, the body
                        * of POST /.berth/prewarm; NULL: nothing */
    uint64_t memory_bytes;
    uint64_t tmp_bytes, shm_bytes;
    double cpus;
    unsigned pids;
    const char *user; /* "UID:GID", "image", or NULL: the world's; see container_user.h */
    bool read_only_root; /* only mounts and what is in memory can be written */
    const struct text_pair *labels; /* the function's; NULL for a prewarmed instance */
    size_t label_count;
    const struct container_mount *mounts;
    size_t mount_count;
    enum network_mode network;
    const char *egress; /* egress_text() of all that it may reach by the network; NULL: nothing limits that */
    enum seccomp_mode seccomp;
    const char *engine_runtime; /* the engine's name of what runs it; NULL: its default */
    uint16_t port; /* that its server listens on; 0: its runner dials */
    const char *ready_path; /* with a port: see berth_launch in the plugin ABI; or NULL */
};

/* Copies it with everything that it points to; to be cleared. */
void container_spec_copy(const struct container_spec *from, struct container_spec *ret_spec);

/* Of what prewarmed containers have in common that may stand for each other: all but limits, labels, mounts
 * and code; with `ahead` the limits and dependencies as well. */
void container_spec_digest(const struct container_spec *spec, char ret_digest[HASH_HEX_SIZE]);

/* Only what container_spec_copy() gave, or zeros. */
void container_spec_clear(struct container_spec *spec);

/* berth-<function>-<instance>, or berth.<runtime>.<instance> without a function. The caller frees it. */
char *container_spec_name(const struct container_spec *spec, const char *function, const char *instance);

#endif
