/* How the checks of a plugin are told: a line each, in groups, within 100 columns; or as JSON. */
#ifndef PLUGIN_TEST_REPORT_H
#define PLUGIN_TEST_REPORT_H

#include "plugin_test/plugin_check.h"

#include <jansson.h>
#include <stdint.h>

struct report {
    struct bench *bench;
    uint64_t began_ms;
    const char *group; /* of the check told last */
    struct outcome failure; /* told last */
    unsigned counts[3]; /* by verdict */
    unsigned unusable; /* skipped, and not told one by one: the plugin cannot be used */
    json_t *list; /* with JSON: of the checks; else NULL */
};

/* Begins with what the plugin says of itself. `bench` outlives it. */
void report_begin(struct report *report, struct bench *bench);

void report_add(struct report *report, const struct plugin_check *check, const struct outcome *outcome,
                uint64_t ms);

/* The score: how many failed, or 1 when nothing could be tried. */
unsigned report_end(struct report *report);

/* The checks that there are. */
void report_list(bool json);

#endif
