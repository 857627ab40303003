/* What container to start: what instances that may stand for each other have in common. */
#ifndef FLEET_ENGINE_CONTAINER_SPEC_H
#define FLEET_ENGINE_CONTAINER_SPEC_H

#include "config/registry.h"

#include <stdint.h>

struct container_spec {
    const char *runtime; /* name, for labels and names */
    const char *image;
    const char *const *command; /* ended by NULL, or NULL: the image's own */
    const char *const *environment; /* "NAME=value" ended by NULL, or NULL */
    const char *code_dir; /* the function's package; NULL: a folder of its own, empty until somebody fills it,
                           * for a prewarmed instance */
    uint64_t memory_bytes;
    uint64_t tmp_bytes, shm_bytes;
    double cpus;
    enum network_mode network;
};

/* Copies it with everything that it points to; to be cleared. */
void container_spec_copy(const struct container_spec *from, struct container_spec *ret_spec);

/* Only what container_spec_copy() gave, or zeros. */
void container_spec_clear(struct container_spec *spec);

/* berth-<function>-<instance>, or berth.<runtime>.<instance> without a function. The caller frees it. */
char *container_spec_name(const struct container_spec *spec, const char *function, const char *instance);

#endif
