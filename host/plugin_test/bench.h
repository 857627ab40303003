/*
 * What the checks of one plugin have in common: where it is, what it says of itself, a good function of it,
 * and what came of that. Each is made when the first check asks for it. What a plugin hands out is not
 * trusted.
 */
#ifndef PLUGIN_TEST_BENCH_H
#define PLUGIN_TEST_BENCH_H

#include "plugin_test/plugin_test.h"
#include "prepare/process/build_job.h"

#define BENCH_FUNCTION "trial" /* the name of the function that is tried */
#define BENCH_KEEPER   "trial-keeper" /* the same function, with a volume */
#define BENCH_VOLUME   "/kept" /* where it has that */

struct fleet_trial;

struct bench {
    const struct plugin_test_options *options;
    char *path; /* of the plugin, absolute */
    char *place; /* a folder of this test's own, removed in the end */
    unsigned job_ms; /* what one job may take */
    struct build_result *probed; /* NULL: not yet */
    char *image_dir, *builder_dir; /* or NULL */
    char *function; /* folder of a good function, or NULL: there is none, or not yet */
    struct build_result *scaffolded; /* NULL: not asked for */
    struct build_result *packaged; /* of the good function; NULL: not yet */
    struct fleet_trial *trial; /* the function in containers; NULL: not yet. Ended before the bench */
};

/* -1: there is no such file, or no room for a place. */
int bench_open(struct bench *bench, const struct plugin_test_options *options, struct error *err);
void bench_close(struct bench *bench);

/* A path in the place where nothing is. The caller frees it. */
char *bench_new_path(struct bench *bench, const char *what);

/* One job; what is left out is the usual. */
struct bench_job {
    enum build_operation operation;
    const char *folder;
    const char *file; /* NULL: the only file of the folder, if it is the only one */
    const char *name; /* of the function; NULL: BENCH_FUNCTION */
    unsigned cycles;
    bool writable;
};

/* Runs it and waits for its end. What it has packaged stays until bench_close(). The caller frees the result
 * (build_result_destroy). Never NULL. */
struct build_result *bench_run(struct bench *bench, const struct bench_job *job);

/* What the plugin says of itself: result->plugin, when the result is ok. The bench's own. */
const struct build_result *bench_probe(struct bench *bench);

/* The good function's folder: what --function names, or what the plugin makes; NULL when there is none. */
const char *bench_function(struct bench *bench);

/* What came of making it; NULL: there is no scaffold. */
const struct build_result *bench_scaffold(struct bench *bench);

/* Has the plugin make a new function in *ret_folder, whose name is BENCH_FUNCTION. The caller frees both. */
struct build_result *bench_make_function(struct bench *bench, char **ret_folder);

/* The good function, validated and packaged. The bench's own. */
const struct build_result *bench_package(struct bench *bench);

/* The path of the folder's only file, relative to it, or NULL when there is not exactly one. The caller frees
 * it.
 */
char *bench_only_file(const char *folder);

/* A copy of the good function in a new folder. NULL, with `err`: it cannot be made. The caller frees the
 * path. */
char *bench_copy(struct bench *bench, const char *what, struct error *err);

#endif
