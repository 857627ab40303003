/* The callbacks of a plugin whose language is a table. */
#include "language.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READS_MAX 64
#define KEY_MAX   4096

static int validate(const struct berth_host *host, struct berth_job *job,
                    const struct berth_function *function, struct berth_error *err)
{
    const struct language_job about = {host, job, function, err};
    char file[ENTRY_NAME_MAX];
    if (entry_find(&about, file) < 0 || !berth_language.check)
        return 0;
    return check_run(&about, file);
}

/* ---- The package ---- */

/* Which names at the folder's top the installation reads; a key of them, for people. False: the first
 * pattern, which says that there is something to install, matches none. */
static bool find_reads(char **names, const char *reads[READS_MAX + 1], char key[KEY_MAX])
{
    const char *const asking[] = {berth_language.reads[0], NULL};
    bool is_asked_for = false;
    size_t count = 0, used = 0;
    for (; *names && count < READS_MAX; names++) {
        if (!matches_any(berth_language.reads, *names))
            continue;
        is_asked_for = is_asked_for || matches_any(asking, *names);
        reads[count++] = *names;
        int length = snprintf(key + used, KEY_MAX - used, "%s%s", used ? " " : "", *names);
        used += used + (size_t)length < KEY_MAX ? (size_t)length : 0;
    }
    reads[count] = NULL;
    return is_asked_for;
}

static int set_dependencies(const struct language_job *about)
{
    const char *reads[READS_MAX + 1];
    char key[KEY_MAX] = "";
    char **names = names_in(about->function->folder, berth_language.exclude);
    if (!names)
        return language_fail(about, "", "cannot read the folder: %s", strerror(errno));
    int rc = 0;
    if (find_reads(names, reads, key)) {
        const struct berth_dependencies dependencies = {
            .struct_size = sizeof(dependencies), .key = key, .argv = berth_language.install, .reads = reads};
        rc = about->host->set_dependencies(about->job, &dependencies);
    }
    names_free(names);
    return rc < 0 ? language_fail(about, "", "the host refused the dependencies") : 0;
}

static int package(const struct berth_host *host, struct berth_job *job,
                   const struct berth_function *function, struct berth_error *err)
{
    const struct language_job about = {host, job, function, err};
    if (host->add_folder(job, "", function->folder, berth_language.exclude) < 0)
        return language_fail(&about, "", "the folder cannot be packaged");
    return berth_language.install ? set_dependencies(&about) : 0;
}

/* ---- The launch ---- */

/* The text as a JSON string. */
static void put_json(FILE *stream, const char *text)
{
    fputc('"', stream);
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20)
            fprintf(stream, "\\u%04x", (unsigned char)*text);
        else
            fprintf(stream, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    }
    fputc('"', stream);
}

static void put_options(FILE *stream, const struct language_job *about)
{
    const char *separator = "";
    for (size_t i = 0; i < berth_language.option_count; i++) {
        const char *name = berth_language.options[i].name;
        const char *value = about->host->option(about->job, name);
        if (!value)
            continue;
        fputs(separator, stream);
        put_json(stream, name);
        fputs(": ", stream);
        put_json(stream, value);
        separator = ", ";
    }
}

/* What the runner reads, as JSON that the caller frees; NULL: out of memory. */
static char *runtime_settings(const struct language_job *about, const char *file)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return NULL;
    fputs("{\"file\": ", stream);
    put_json(stream, file);
    fputs(", \"options\": {", stream);
    put_options(stream, about);
    fputs("}}", stream);
    if (fclose(stream) == 0)
        return text;
    free(text);
    return NULL;
}

static int launch(const struct berth_host *host, struct berth_job *job, const struct berth_function *function,
                  struct berth_error *err)
{
    const struct language_job about = {host, job, function, err}, silent = {.function = function, .err = err};
    char file[ENTRY_NAME_MAX];
    if (entry_find(&silent, file) < 0)
        return language_fail(&about, "deploy again",
                             "the function's files have changed since they were checked");
    char *runtime = runtime_settings(&about, file);
    if (!runtime)
        return language_fail(&about, "", "out of memory");
    const struct berth_launch description = {
        .struct_size = sizeof(description),
        .command = berth_language.run,
        .concurrency = berth_language.concurrency,
        .transport = BERTH_TRANSPORT_DIAL_HOME,
        .runtime = runtime,
    };
    int rc = host->set_launch(job, &description);
    free(runtime);
    return rc < 0 ? language_fail(&about, "", "the host refused the launch description") : 0;
}

static int scaffold(const struct berth_host *host, struct berth_job *job,
                    const struct berth_function *function, struct berth_error *err)
{
    const struct language_job about = {host, job, function, err};
    const char *file = function->file ? function->file : berth_language.file;
    if (host->add_file(job, file, berth_language.sample, strlen(berth_language.sample), 0) < 0)
        return language_fail(&about, "", "the new function cannot be written");
    return 0;
}

const struct berth_plugin *berth_plugin_entry(void)
{
    static struct berth_plugin plugin = {
        .struct_size = sizeof(plugin),
        .abi_major = BERTH_ABI_MAJOR,
        .abi_minor = BERTH_ABI_MINOR,
        .option_size = sizeof(struct berth_option),
        .validate = validate,
        .package = package,
        .launch = launch,
    };
    plugin.name = berth_language.name;
    plugin.version = berth_language.version;
    plugin.aliases = berth_language.aliases;
    plugin.options = berth_language.options;
    plugin.option_count = berth_language.option_count;
    plugin.scaffold = berth_language.sample ? scaffold : NULL;
    return &plugin;
}
