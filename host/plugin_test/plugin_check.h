/* The checks of a plugin: one table of them drives the list, the choice and the report. */
#ifndef PLUGIN_TEST_PLUGIN_CHECK_H
#define PLUGIN_TEST_PLUGIN_CHECK_H

#include "plugin_test/bench.h"
#include "plugin_test/outcome.h"

#include <stddef.h>

/* What has to be there before a check can say anything; without it the check is skipped. */
enum plugin_check_need {
    NEED_NOTHING,
    NEED_PLUGIN, /* one that can be loaded */
    NEED_FUNCTION, /* a good function */
    NEED_PACKAGE, /* which can be packaged */
    NEED_TRIAL, /* a daemon and an engine, to have it served */
    NEED_ANSWERS, /* which it is */
};

struct plugin_check {
    const char *group, *name;
    const char *says; /* what is true when it passes */
    enum plugin_check_need need;
    void (*run)(struct bench *bench, const struct plugin_check *check, struct outcome *outcome);

    /* Of a check with an odd function: changes the copy of the good one in `folder`. *file is the file that
     * the user names, or NULL; whoever changes it leaves one that can be freed. */
    int (*make)(const char *folder, char **file, struct error *err);
};

extern const struct plugin_check plugin_checks[];
extern const size_t plugin_check_count;

/* Whether `only` (with commas; NULL: everything) names it or its group. */
bool plugin_check_is_chosen(const struct plugin_check *check, const char *only);

/* Whether every word of `only` names a check or a group; the first that does not goes into `err`. */
int plugin_check_choice(const char *only, struct error *err);

/* Runs it, once what it needs is there. */
void plugin_check_run(const struct plugin_check *check, struct bench *bench, struct outcome *outcome);

/* --- plugin_checks.c: the plugin as it says it is --- */

typedef void plugin_check_fn(struct bench *bench, const struct plugin_check *check, struct outcome *outcome);
plugin_check_fn check_loads, check_abi, check_exports, check_options, check_image;

/* --- function_checks.c: functions, good and odd --- */

plugin_check_fn check_scaffold, check_scaffold_same, check_good, check_odd, check_source_kept, check_repeated;

/* --- package_checks.c: what is made of a good function --- */

plugin_check_fn check_package, check_package_same, check_self_contained, check_launch, check_launch_alike;

/* --- serve_checks.c: the function in a container, as its clients see it --- */

plugin_check_fn check_answers, check_methods, check_heads, check_keep_alive, check_at_once, check_upload,
    check_download, check_streaming, check_cancel, check_container_memory;

/* --- life_checks.c: the container itself --- */

plugin_check_fn check_output, check_protected, check_volume, check_crash, check_sigterm;

#endif
