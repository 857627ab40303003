#include "check_plugin.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "one_job.h"
#include "prepare/launch_check.h"
#include "prepare/plugins.h"

#include <berth/plugin.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIAL_NAME  "trial" /* of the function that is tried */
#define FOLDER_MODE 0755

/* The plugin under check. */
struct subject {
    char *path; /* absolute */
    struct build_jobs_options jobs;
    const struct build_plugin *plugin;
    char *image_dir, *builder_dir; /* or NULL */
};

/* --- what it offers --- */

static const char *const type_names[] = {[OPTION_STRING] = "text",
                                         [OPTION_INTEGER] = "integer",
                                         [OPTION_BOOLEAN] = "boolean",
                                         [OPTION_DECIMAL] = "decimal"};

static void print_aliases(char *const *aliases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf("%s%s", i > 0 ? ", " : " (also ", aliases[i]);
    printf("%s\n", count > 0 ? ")" : "");
}

static void print_option(const struct language_option *option)
{
    printf("  option %s, %s", option->name, type_names[option->type]);
    if (option->min != 0 || option->max != 0)
        printf("%s %g to %g", option->type == OPTION_STRING ? " of bytes" : "", option->min, option->max);
    if (option->default_value)
        printf(", default \"%s\"", option->default_value);
    printf(": %s", option->help);
    print_aliases(option->aliases, option->alias_count);
}

static void print_description(const struct subject *subject)
{
    const struct build_plugin *plugin = subject->plugin;
    const struct language *language = &plugin->language;
    printf("%s\n  language %s", subject->path, language->name);
    print_aliases(language->aliases, language->alias_count);
    printf("  version %s\n", plugin->version);
    printf("  plugin ABI %u.%u; this host takes %d.0 to %d.%d\n", plugin->abi_major, plugin->abi_minor,
           BERTH_ABI_MAJOR, BERTH_ABI_MAJOR, BERTH_ABI_MINOR);
    printf("  callbacks validate, package, launch%s\n", plugin->scaffolds ? ", scaffold" : "");
    for (size_t i = 0; i < language->option_count; i++)
        print_option(&language->options[i]);
    printf("  image folder %s\n",
           subject->image_dir ? subject->image_dir : "none: launch must name an image");
    printf("  builder folder %s\n",
           subject->builder_dir ? subject->builder_dir : "none: dependencies are installed in its image");
}

/* --- the trial --- */

static struct build_result *run(const struct subject *subject, enum build_operation operation,
                                const char *folder)
{
    const struct build_request request = {
        .operation = operation, .plugin = subject->path, .function = TRIAL_NAME, .folder = folder};
    return one_job_run(&subject->jobs, &request);
}

static int make_folder(const struct subject *subject, const char *folder, struct error *err)
{
    if (!subject->plugin->scaffolds)
        return fs_make_dirs(folder, FOLDER_MODE, err);
    struct build_result *result = run(subject, BUILD_SCAFFOLD, folder);
    int rc = result->ok ? 0 : -1;
    if (rc < 0)
        *err = result->error;
    build_result_destroy(result);
    if (rc == 0)
        printf("  scaffold makes a function\n");
    return rc;
}

/* What an empty folder is refused for is no mistake, unless the plugin went wrong over it. */
static bool may_refuse(const struct subject *subject, const struct error *refusal)
{
    return !subject->plugin->scaffolds &&
           (refusal->code == ERROR_INVALID_FUNCTION || refusal->code == ERROR_PLUGIN_FAILED);
}

static int judge(const struct subject *subject, const struct build_result *result, struct error *err)
{
    const char *what = subject->plugin->scaffolds ? "the function that it makes" : "an empty folder";
    if (*result->output)
        printf("  it writes to its output, which goes to the daemon's log: %.200s\n", result->output);
    if (!result->ok && may_refuse(subject, &result->error)) {
        printf("  %s is refused: %s\n", what, result->error.message);
        return 0;
    }
    if (!result->ok) {
        *err = result->error;
        return error_prefix(err, "with %s", what);
    }
    printf("  %s is validated and packaged: %zu file%s, %llu bytes%s\n", what, result->package.files,
           result->package.files == 1 ? "" : "s", (unsigned long long)result->package.bytes,
           result->dependencies ? ", with dependencies" : "");
    return launch_check(result->launch, subject->plugin->language.name, subject->image_dir, err);
}

/* In `place`, a folder of this check's own. */
static int try_function(const struct subject *subject, const char *place, struct error *err)
{
    cleanup_free char *folder = xasprintf("%s/" TRIAL_NAME, place);
    if (make_folder(subject, folder, err) < 0)
        return -1;
    struct build_result *result = run(subject, BUILD_PACKAGE, folder);
    int rc = judge(subject, result, err);
    build_result_destroy(result);
    return rc;
}

/* --- all of it --- */

static int check(struct subject *subject, const char *place, struct error *err)
{
    struct build_result *probed = run(subject, BUILD_PROBE, NULL);
    int rc = probed->ok ? 0 : -1;
    if (rc < 0) {
        *err = probed->error;
    } else {
        subject->plugin = probed->plugin;
        const char *name = subject->plugin->language.name;
        subject->image_dir = plugin_image_dir(subject->path, name, "image");
        subject->builder_dir = plugin_image_dir(subject->path, name, "builder");
        print_description(subject);
        rc = try_function(subject, place, err);
    }
    free(subject->image_dir);
    free(subject->builder_dir);
    build_result_destroy(probed);
    return rc;
}

int check_plugin_run(const char *path, const char *program, struct error *err)
{
    char place[] = "/tmp/berth-check-XXXXXX";
    cleanup_free char *real = realpath(path, NULL);
    if (!real)
        return error_errno(err, COMPONENT_PLUGIN, errno, "cannot open %s", path);
    if (!mkdtemp(place))
        return error_errno(err, COMPONENT_FILES, errno, "cannot make a directory in /tmp");
    struct subject subject = {.path = real, .jobs = {.program = program, .staging_dir = place}};
    int rc = check(&subject, place, err);
    if (rc < 0 && err->code == ERROR_PLUGIN_TIMEOUT)
        error_hint(err,
                   "nothing that was asked of it takes long: it waits for something, or runs in a circle");
    fs_remove_tree(place, NULL);
    return rc;
}
