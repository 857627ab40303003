#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "plugin_test/findings.h"
#include "plugin_test/plugin_check.h"
#include "prepare/store/tree.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define FOLDER_MODE      0755
#define MEMORY_MAX_MIB   512 /* resident, for whatever a folder holds */
#define CYCLES           200
#define HEAP_CYCLE_MAX   1024 /* bytes that may stay of a cycle: what a heap loses to fragments */
#define MEMORY_CYCLE_MAX 8192

static const struct language *language_of(struct bench *bench)
{
    return &bench_probe(bench)->plugin->language;
}

/* --- scaffold --- */

void check_scaffold(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    const struct build_result *made = bench_scaffold(bench);
    (void)check;
    if (!made)
        outcome_skip(outcome, "it has none");
    else if (!made->ok)
        outcome_fail_job(outcome, &made->error);
}

void check_scaffold_same(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    char first[HASH_HEX_SIZE], second[HASH_HEX_SIZE];
    struct error err;
    (void)check;
    if (!bench_scaffold(bench) || !bench->scaffolded->ok || bench->options->function) {
        outcome_skip(outcome, "no function was made");
        return;
    }
    cleanup_free char *folder = NULL;
    struct build_result *again = bench_make_function(bench, &folder);
    if (!again->ok)
        outcome_fail_job(outcome, &again->error);
    else if (tree_digest(bench->function, first, NULL, &err) < 0 ||
             tree_digest(folder, second, NULL, &err) < 0)
        outcome_fail(outcome, err.hint, "%s", err.message);
    else if (strcmp(first, second) != 0)
        outcome_fail(outcome, "put nothing into them that changes: no time, no random number",
                     "two new functions of the same name have different files");
    build_result_destroy(again);
}

/* --- validate --- */

/* The first error, or else the last finding that there is. */
static void tell(const struct build_result *result, const char *folder, struct outcome *outcome)
{
    const struct diagnostics *findings = &result->diagnostics;
    if (findings->count == 0) {
        outcome_pass(outcome, "%s", result->ok ? "nothing is found" : result->error.message);
        return;
    }
    const struct diagnostic *first = &findings->items[0];
    for (size_t i = 0; i < findings->count && first->severity != SEVERITY_ERROR; i++)
        first = &findings->items[i];
    const char *file = first->file ? first->file + strlen(folder) + 1 : "";
    char place[64] = "";
    if (first->line > 0)
        snprintf(place, sizeof(place), ":%u:%u", first->line, first->column);
    outcome_pass(outcome, "%s%.200s%s%s%.400s", result->ok ? "" : "refused: ", file, place, *file ? ": " : "",
                 first->message);
}

/* Whether the job ended as it may: with a good result, or for what is wrong with the function's files. */
static bool ended_well(const struct build_result *result, struct outcome *outcome)
{
    if (!result->ok && result->error.component == COMPONENT_PLUGIN) {
        outcome_fail_job(outcome, &result->error);
        return false;
    }
    if (result->memory_bytes > (uint64_t)MEMORY_MAX_MIB << 20) {
        outcome_fail(outcome, "read files in parts, and no more of them than is needed",
                     "it took %llu MiB of memory; at most %d are expected",
                     (unsigned long long)(result->memory_bytes >> 20), MEMORY_MAX_MIB);
        return false;
    }
    return true;
}

void check_good(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    const char *folder = bench_function(bench);
    struct build_result *result =
        bench_run(bench, &(struct bench_job){.operation = BUILD_VALIDATE, .folder = folder});
    (void)check;
    if (!result->ok && result->error.code == ERROR_INVALID_FUNCTION)
        outcome_fail(outcome, "make a new function a good one, and find nothing in it that is not wrong",
                     "it is refused: %s", result->error.message);
    else if (ended_well(result, outcome) &&
             findings_are_sound(&result->diagnostics, folder, language_of(bench), outcome))
        tell(result, folder, outcome);
    build_result_destroy(result);
}

/* The odd function in a folder of its own. The caller frees the path; NULL with `err`. */
static char *make_odd(struct bench *bench, const struct plugin_check *check, char **file, struct error *err)
{
    cleanup_free char *folder = NULL;
    if (bench_function(bench)) {
        folder = bench_copy(bench, check->name, err);
    } else {
        folder = bench_new_path(bench, check->name);
        if (fs_make_dirs(folder, FOLDER_MODE, err) < 0)
            return NULL;
    }
    *file = folder ? bench_only_file(folder) : NULL;
    return folder && check->make(folder, file, err) == 0 ? steal(&folder) : NULL;
}

void check_odd(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    cleanup_free char *file = NULL;
    struct error err;
    cleanup_free char *folder = make_odd(bench, check, &file, &err);
    if (!folder) {
        outcome_skip(outcome, "%s", err.message);
        return;
    }
    struct build_result *result =
        bench_run(bench, &(struct bench_job){.operation = BUILD_PACKAGE, .folder = folder, .file = file});
    if (ended_well(result, outcome) &&
        findings_are_sound(&result->diagnostics, folder, language_of(bench), outcome))
        tell(result, folder, outcome);
    build_result_destroy(result);
    fs_remove_tree(folder, NULL);
}

/* --- what it leaves in the folder --- */

struct comparison {
    const char *folder, *original;
    char *culprit; /* the first that differs */
};

static int compare(void *context, const struct tree_entry *entry, struct error *err)
{
    struct comparison *comparison = context;
    char now[HASH_HEX_SIZE], before[HASH_HEX_SIZE];
    cleanup_free char *there = xasprintf("%s/%s", comparison->original, entry->path);
    cleanup_free char *here = xasprintf("%s/%s", comparison->folder, entry->path);
    (void)err;
    if (comparison->culprit)
        return 0;
    bool is_file = entry->kind == TREE_FILE;
    if (!fs_exists(there) ||
        (is_file && (tree_file_digest(here, now, NULL) < 0 || tree_file_digest(there, before, NULL) < 0 ||
                     strcmp(now, before) != 0)))
        comparison->culprit = xstrdup(entry->path);
    return 0;
}

/* The first path below `folder` that is not as in `original`, or not there any more. The caller frees it. */
static char *find_change(const char *folder, const char *original)
{
    struct comparison forth = {folder, original, NULL}, back = {original, folder, NULL};
    tree_walk(folder, compare, &forth, NULL);
    if (!forth.culprit)
        tree_walk(original, compare, &back, NULL);
    return forth.culprit ? forth.culprit : back.culprit;
}

/* For whatever user the job has become. */
static int open_to_all(void *context, const struct tree_entry *entry, struct error *err)
{
    (void)context;
    bool has_mode = entry->kind == TREE_FILE || entry->kind == TREE_FOLDER;
    if (has_mode && fchmodat(entry->parent, entry->name, entry->status->st_mode | 0666, 0) < 0)
        return error_errno(err, COMPONENT_FILES, errno, "cannot open %s to every user", entry->path);
    return 0;
}

void check_source_kept(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    struct error err;
    (void)check;
    cleanup_free char *folder = bench_copy(bench, "writable", &err);
    if (!folder || tree_walk(folder, open_to_all, NULL, &err) < 0 || chmod(folder, 0777) < 0) {
        outcome_skip(outcome, "the function cannot be copied");
        return;
    }
    struct build_result *result =
        bench_run(bench, &(struct bench_job){.operation = BUILD_PACKAGE, .folder = folder, .writable = true});
    cleanup_free char *change = find_change(folder, bench_function(bench));
    if (change)
        outcome_fail(
            outcome,
            "keep what it needs in memory: for the daemon the folder is read-only, and the write fails",
            "it has written to %.300s in a folder that it could write to", change);
    else
        ended_well(result, outcome);
    build_result_destroy(result);
}

/* --- many times --- */

void check_repeated(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    struct build_result *result = bench_run(
        bench,
        &(struct bench_job){.operation = BUILD_REPEAT, .folder = bench_function(bench), .cycles = CYCLES});
    const struct build_growth *growth = &result->growth;
    long long heap = growth->heap_bytes / (CYCLES * 3 / 4),
              memory = growth->resident_bytes / (CYCLES * 3 / 4);
    (void)check;
    if (!result->ok)
        outcome_fail_job(outcome, &result->error);
    else if (growth->files > 0)
        outcome_fail(outcome, "close what was opened on every way out of a callback",
                     "%lld more files are open after %u cycles of validate, package and launch",
                     (long long)growth->files, growth->cycles);
    else if (heap > HEAP_CYCLE_MAX || memory > MEMORY_CYCLE_MAX)
        outcome_fail(outcome,
                     "free what a callback allocates before it returns; what is handed to the host is copied",
                     "each of %u cycles of validate, package and launch leaves %lld bytes of memory",
                     growth->cycles, heap > memory ? heap : memory);
    else
        outcome_pass(outcome, "%u cycles of validate, package and launch: %lld bytes more each",
                     growth->cycles, heap > 0 ? heap : 0);
    build_result_destroy(result);
}
