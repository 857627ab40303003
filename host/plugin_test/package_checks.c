#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "plugin_test/plugin_check.h"
#include "prepare/launch_check.h"
#include "prepare/store/tree.h"

#include <string.h>

#define FILE_MAX (64u << 20)

void check_package(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    const struct build_result *result = bench_package(bench);
    (void)check;
    if (!result->ok) {
        outcome_fail_job(outcome, &result->error);
        return;
    }
    outcome_pass(outcome, "%zu file%s, %llu bytes%s%s%.200s", result->package.files,
                 result->package.files == 1 ? "" : "s", (unsigned long long)result->package.bytes,
                 result->dependencies ? ", with dependencies" : "",
                 *result->output ? "; its output goes to the daemon's log: " : "", result->output);
}

/* --- the same twice --- */

static bool texts_equal(char *const *a, char *const *b)
{
    if (!a || !b)
        return a == b;
    for (; *a && *b; a++, b++) {
        if (strcmp(*a, *b) != 0)
            return false;
    }
    return *a == *b;
}

static bool text_equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* What of the launch differs, or NULL. */
static const char *launch_difference(const struct build_launch *a, const struct build_launch *b)
{
    if (!text_equal(a->image, b->image))
        return "the image of launch";
    if (!texts_equal(a->command, b->command))
        return "the command of launch";
    if (!texts_equal(a->environment, b->environment))
        return "the environment of launch";
    if (a->concurrency != b->concurrency || a->transport != b->transport || a->port != b->port)
        return "concurrency or transport of launch";
    return strcmp(a->runtime, b->runtime) != 0 ? "the runtime of launch" : NULL;
}

static const char *difference(const struct build_result *a, const struct build_result *b)
{
    const struct build_dependencies *first = a->dependencies, *second = b->dependencies;
    if (strcmp(a->package.digest, b->package.digest) != 0)
        return "the package";
    if (!first != !second)
        return "whether there are dependencies";
    if (first && (strcmp(first->key, second->key) != 0 || !texts_equal(first->argv, second->argv) ||
                  !texts_equal(first->environment, second->environment)))
        return "the dependencies";
    return launch_difference(a->launch, b->launch);
}

void check_package_same(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    struct error err;
    (void)check;
    cleanup_free char *folder = bench_copy(bench, "elsewhere", &err);
    if (!folder) {
        outcome_skip(outcome, "%s", err.message);
        return;
    }
    struct build_result *again =
        bench_run(bench, &(struct bench_job){.operation = BUILD_PACKAGE, .folder = folder});
    const char *what = again->ok ? difference(bench_package(bench), again) : NULL;
    if (!again->ok)
        outcome_fail_job(outcome, &again->error);
    else if (what)
        outcome_fail(
            outcome,
            "let it depend on the files and options alone: not on the time, on chance, on the order of "
            "a folder or on where it is",
            "%s is another the second time, of a copy of the folder", what);
    build_result_destroy(again);
}

/* --- without the source --- */

struct search {
    const char *package, *words;
    char *culprit;
};

static int search_file(void *context, const struct tree_entry *entry, struct error *err)
{
    struct search *search = context;
    cleanup_free char *path = xasprintf("%s/%s", search->package, entry->path), *bytes = NULL;
    size_t size;
    (void)err;
    if (!search->culprit && entry->kind == TREE_FILE &&
        fs_read_file(path, FILE_MAX, &bytes, &size, NULL) == 0 &&
        memmem(bytes, size, search->words, strlen(search->words)))
        search->culprit = xstrdup(entry->path);
    return 0;
}

static bool any_has(char *const *texts, const char *words)
{
    for (; texts && *texts; texts++) {
        if (strstr(*texts, words))
            return true;
    }
    return false;
}

/* Where the path of the source is named in what was made of it, or NULL. The caller frees it. */
static char *find_path(const struct build_result *result, const char *folder)
{
    struct search search = {.package = result->package.staged, .words = folder};
    const struct build_launch *launch = result->launch;
    if (any_has(launch->command, folder) || any_has(launch->environment, folder) ||
        strstr(launch->runtime, folder))
        return xstrdup("launch");
    if (result->dependencies &&
        (strstr(result->dependencies->key, folder) || any_has(result->dependencies->argv, folder) ||
         any_has(result->dependencies->environment, folder)))
        return xstrdup("set_dependencies");
    tree_walk(search.package, search_file, &search, NULL);
    return search.culprit;
}

void check_self_contained(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    struct error err;
    (void)check;
    cleanup_free char *folder = bench_copy(bench, "gone", &err);
    if (!folder) {
        outcome_skip(outcome, "%s", err.message);
        return;
    }
    struct build_result *result =
        bench_run(bench, &(struct bench_job){.operation = BUILD_PACKAGE, .folder = folder});
    cleanup_free char *where = result->ok ? find_path(result, folder) : NULL;
    if (!result->ok)
        outcome_fail_job(outcome, &result->error);
    else if (where)
        outcome_fail(outcome, "name files relative to the package, which is in /berth/code for the runner",
                     "%.300s names the folder of the source, which no container has", where);
    else
        outcome_pass(outcome, "nothing names the source's folder");
    build_result_destroy(result);
}

/* --- launch --- */

void check_launch(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    const struct build_launch *launch = bench_package(bench)->launch;
    struct error err;
    (void)check;
    if (launch_check(launch, bench_probe(bench)->plugin->language.name, bench->image_dir, &err) < 0)
        outcome_fail(outcome, err.hint, "%s", err.message);
    else
        outcome_pass(outcome, "%.200s, %u at a time",
                     launch->command && launch->command[0] ? launch->command[0] : "the command of the image",
                     launch->concurrency);
}

void check_launch_alike(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    struct error err;
    (void)check;
    cleanup_free char *folder = bench_copy(bench, "other", &err);
    if (!folder) {
        outcome_skip(outcome, "%s", err.message);
        return;
    }
    struct build_result *other = bench_run(
        bench, &(struct bench_job){.operation = BUILD_PACKAGE, .folder = folder, .name = "another-name"});
    const struct build_launch *launch = bench_package(bench)->launch;
    if (!other->ok)
        outcome_fail_job(outcome, &other->error);
    else if (!texts_equal(launch->command, other->launch->command) ||
             !texts_equal(launch->environment, other->launch->environment))
        outcome_fail(outcome,
                     "put what differs into `runtime`: containers are started before it is known for which "
                     "function",
                     "command or environment is another for a function of another name");
    build_result_destroy(other);
}
