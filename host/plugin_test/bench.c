#include "plugin_test/bench.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/ident.h"
#include "prepare/plugin.h"
#include "prepare/process/one_job.h"
#include "prepare/store/tree.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define JOB_MS      20000
#define CYCLE_MS    500 /* that one of many may take on top */
#define JOB_HUNG_MS 3000 /* when another has taken JOB_MS before */
#define FOLDER_MODE 0755

/* Jobs are users of their own, who must get to what they are told of; nobody else can list what is there, or
 * guess it.
 */
#define PLACE_MODE 0711
#define ID_LENGTH  16

int bench_open(struct bench *bench, const struct plugin_test_options *options, struct error *err)
{
    char place[] = "/tmp/berth-plugin-XXXXXX";
    cleanup_free char *path = realpath(options->path, NULL);
    if (!path)
        return error_errno(err, COMPONENT_PLUGIN, errno, "cannot open %s", options->path);
    if (options->function && !fs_is_dir(options->function))
        return error_set(err, ERROR_USAGE, "%s is no folder of a function", options->function);
    if (!mkdtemp(place) || chmod(place, PLACE_MODE) < 0)
        return error_errno(err, COMPONENT_FILES, errno, "cannot make a folder in /tmp");
    *bench = (struct bench){
        .options = options, .path = steal(&path), .place = realpath(place, NULL), .job_ms = JOB_MS};
    return 0;
}

void bench_close(struct bench *bench)
{
    fs_remove_tree(bench->place, NULL);
    build_result_destroy(bench->probed);
    build_result_destroy(bench->scaffolded);
    build_result_destroy(bench->packaged);
    free(bench->path);
    free(bench->place);
    free(bench->image_dir);
    free(bench->builder_dir);
    free(bench->function);
}

char *bench_new_path(struct bench *bench, const char *what)
{
    char id[ID_LENGTH + 1];
    ident_random(id, ID_LENGTH);
    return xasprintf("%s/%s-%s", bench->place, what, id);
}

/* --- jobs --- */

struct build_result *bench_run(struct bench *bench, const struct bench_job *job)
{
    bool is_probe = job->operation == BUILD_PROBE;
    cleanup_free char *only = job->folder && !job->file ? bench_only_file(job->folder) : NULL;
    const struct build_jobs_options options = {.program = bench->options->build_job_program,
                                               .staging_dir = bench->place,
                                               .timeout_ms = bench->job_ms + job->cycles * CYCLE_MS};
    const struct build_request request = {.operation = job->operation,
                                          .plugin = bench->path,
                                          .function = is_probe || job->name ? job->name : BENCH_FUNCTION,
                                          .folder = job->folder,
                                          .file = job->file ? job->file : only,
                                          .cycles = job->cycles,
                                          .writable = job->writable};
    struct build_result *result = one_job_run(&options, &request);
    if (!result->ok && result->error.code == ERROR_PLUGIN_TIMEOUT && !is_probe)
        bench->job_ms = JOB_HUNG_MS;
    return result;
}

const struct build_result *bench_probe(struct bench *bench)
{
    if (bench->probed)
        return bench->probed;
    bench->probed = bench_run(bench, &(struct bench_job){.operation = BUILD_PROBE});
    if (bench->probed->ok) {
        const char *name = bench->probed->plugin->language.name;
        bench->image_dir = plugin_image_dir(bench->path, name, "image");
        bench->builder_dir = plugin_image_dir(bench->path, name, "builder");
    }
    return bench->probed;
}

/* --- the good function --- */

struct build_result *bench_make_function(struct bench *bench, char **ret_folder)
{
    cleanup_free char *parent = bench_new_path(bench, "scaffold");
    struct error err;
    *ret_folder = xasprintf("%s/" BENCH_FUNCTION, parent);
    if (fs_make_dirs(parent, FOLDER_MODE, &err) < 0)
        return build_result_failed(&err);
    return bench_run(bench, &(struct bench_job){.operation = BUILD_SCAFFOLD, .folder = *ret_folder});
}

const struct build_result *bench_scaffold(struct bench *bench)
{
    if (bench->scaffolded || !bench_probe(bench)->ok || !bench->probed->plugin->scaffolds)
        return bench->scaffolded;
    cleanup_free char *folder = NULL;
    bench->scaffolded = bench_make_function(bench, &folder);
    if (bench->scaffolded->ok && !bench->options->function)
        bench->function = steal(&folder);
    return bench->scaffolded;
}

const char *bench_function(struct bench *bench)
{
    if (!bench->function && bench->options->function)
        bench->function = realpath(bench->options->function, NULL);
    else if (!bench->function)
        bench_scaffold(bench);
    return bench->function;
}

const struct build_result *bench_package(struct bench *bench)
{
    if (!bench->packaged && bench_function(bench))
        bench->packaged =
            bench_run(bench, &(struct bench_job){.operation = BUILD_PACKAGE, .folder = bench->function});
    return bench->packaged;
}

struct only {
    char *path;
    size_t count;
};

static int on_entry(void *context, const struct tree_entry *entry, struct error *err)
{
    struct only *only = context;
    (void)err;
    if (entry->kind == TREE_FILE && only->count++ == 0)
        only->path = xstrdup(entry->path);
    return 0;
}

char *bench_only_file(const char *folder)
{
    struct only only = {0};
    if (tree_walk(folder, on_entry, &only, NULL) == 0 && only.count == 1)
        return only.path;
    free(only.path);
    return NULL;
}

char *bench_copy(struct bench *bench, const char *what, struct error *err)
{
    cleanup_free char *folder = bench_new_path(bench, what);
    const char *from = bench_function(bench);
    struct stat status;
    if (fs_make_dirs(folder, FOLDER_MODE, err) < 0 || tree_copy(from, folder, err) < 0)
        return NULL;
    if (stat(from, &status) == 0)
        chmod(folder, status.st_mode & 0777);
    return steal(&folder);
}
