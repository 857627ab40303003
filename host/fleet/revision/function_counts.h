/*
 * What a function's revisions and instances have come to since the function is there, for its metrics.
 * Control thread.
 */
#ifndef FLEET_REVISION_FUNCTION_COUNTS_H
#define FLEET_REVISION_FUNCTION_COUNTS_H

#include "base/histogram.h"
#include "base/tally.h"
#include "fleet/instance/instance.h"

#include <stdint.h>

/* The parts of an instance's start. */
enum start_phase { START_CREATE, START_START, START_LOAD, START_PHASES };

/* What ended an instance that nobody wanted to end. */
struct loss_kind {
    enum error_component component;
    enum error_code code;
};

/* Zero-initialised is empty. */
struct function_counts {
    uint64_t builds, builds_failed, build_ms; /* begun; that failed; how long all took that came to an end */
    uint64_t started; /* instances that have become ready */
    uint64_t cpu_ns; /* what those that have gone had used of processors */
    struct histogram *phases[START_PHASES]; /* of their starts; NULL: none yet */
    struct tally lost; /* instances; loss_kind_of() says what a row's kind is */
};

struct loss_kind loss_kind_of(uint32_t kind);

/* "create", "start", "load" */
const char *start_phase_name(enum start_phase phase);

/* A build that took so long has come to its end. */
void function_counts_built(struct function_counts *counts, uint64_t took_ms, const struct error *err);

/* An instance is ready. Of a prewarmed one only the loading belongs to its function. */
void function_counts_ready(struct function_counts *counts, const struct instance *instance);

void function_counts_lost(struct function_counts *counts, const struct error *cause);

/* An instance has gone. */
void function_counts_gone(struct function_counts *counts, struct instance *instance);

void function_counts_clear(struct function_counts *counts);

#endif
