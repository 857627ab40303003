/*
 * `berthd --test-plugin`: does a plugin behave? Its code runs in build jobs and containers alone, as it does
 * for the daemon: whatever it does fails a check, and never this.
 */
#ifndef PLUGIN_TEST_PLUGIN_TEST_H
#define PLUGIN_TEST_PLUGIN_TEST_H

#include "base/error.h"

#include <stdbool.h>

struct plugin_test_options {
    const char *path; /* of the plugin */
    const char *function; /* folder of a function to test with; NULL: the plugin makes one */
    const char *only; /* names and groups of checks, with commas; NULL: all */
    bool json;
    const char *build_job_program; /* path of berth-build-job */
};

enum plugin_test_status {
    PLUGIN_TEST_PASSED = 0,
    PLUGIN_TEST_FAILED = 1,
    PLUGIN_TEST_UNUSABLE = 2, /* there is nothing to test: it cannot be loaded, or the options are wrong */
};

/* Runs the checks and prints a report to standard output; SIGINT and SIGTERM end it behind the check that is
 * under way, as PLUGIN_TEST_FAILED. PLUGIN_TEST_UNUSABLE with `err` filled when there is none; without a
 * message when the report says why. */
enum plugin_test_status plugin_test_run(const struct plugin_test_options *options, struct error *err);

/* Prints the checks that there are, by group. */
void plugin_test_list(bool json);

#endif
