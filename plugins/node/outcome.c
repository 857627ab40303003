#include "outcome.h"

#include <stdio.h>
#include <stdlib.h>

/* The host has kept its own account of why a call was refused. */
static int refused(const char *call, struct berth_error *err)
{
    snprintf(err->message, sizeof(err->message), "the host refused %s", call);
    return -1;
}

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static unsigned number_of(const json_t *object, const char *name)
{
    return (unsigned)json_integer_value(json_object_get(object, name));
}

/* The texts of a list, ended by NULL, which borrow from it. The caller frees the array. */
static const char **texts_of(const json_t *list)
{
    size_t count = json_array_size(list);
    const char **texts = calloc(count + 1, sizeof(*texts));
    for (size_t i = 0; texts && i < count; i++)
        texts[i] = json_string_value(json_array_get(list, i));
    return texts;
}

int outcome_report(const struct berth_host *host, struct berth_job *job, const json_t *result,
                   struct berth_error *err)
{
    size_t index;
    const json_t *item;
    json_array_foreach(json_object_get(result, "findings"), index, item)
    {
        const struct berth_diagnostic diagnostic = {
            .struct_size = sizeof(diagnostic),
            .severity = (enum berth_severity)number_of(item, "severity"),
            .file = text_of(item, "file"),
            .line = number_of(item, "line"),
            .column = number_of(item, "column"),
            .message = text_of(item, "message"),
            .hint = text_of(item, "hint"),
            .option = text_of(item, "option"),
        };
        if (host->report(job, &diagnostic) < 0)
            return refused("report", err);
    }
    return 0;
}

int outcome_files(const struct berth_host *host, struct berth_job *job, const json_t *result,
                  struct berth_error *err)
{
    size_t index;
    const json_t *item;
    json_array_foreach(json_object_get(result, "files"), index, item)
    {
        const json_t *text = json_object_get(item, "text");
        if (host->add_file(job, text_of(item, "path"), json_string_value(text), json_string_length(text), 0) <
            0)
            return refused("add_file", err);
    }
    return 0;
}

static int set_dependencies(const struct berth_host *host, struct berth_job *job, const json_t *given,
                            struct berth_error *err)
{
    if (!json_is_object(given))
        return 0;
    const char **argv = texts_of(json_object_get(given, "argv"));
    const char **environment = texts_of(json_object_get(given, "environment"));
    const char **reads = texts_of(json_object_get(given, "reads"));
    const struct berth_dependencies dependencies = {
        .struct_size = sizeof(dependencies),
        .key = text_of(given, "key"),
        .argv = argv,
        .environment = environment,
        .reads = reads,
    };
    int rc = argv && environment && reads ? host->set_dependencies(job, &dependencies) : -1;
    free(argv);
    free(environment);
    free(reads);
    return rc < 0 ? refused("set_dependencies", err) : 0;
}

int outcome_package(const struct berth_host *host, struct berth_job *job, const char *folder,
                    const json_t *result, struct berth_error *err)
{
    const char **excluded = texts_of(json_object_get(result, "excluded"));
    int rc = excluded ? host->add_folder(job, "", folder, excluded) : -1;
    free(excluded);
    if (rc < 0)
        return refused("add_folder", err);
    if (outcome_files(host, job, result, err) < 0)
        return -1;
    return set_dependencies(host, job, json_object_get(result, "dependencies"), err);
}

int outcome_launch(const struct berth_host *host, struct berth_job *job, const json_t *result,
                   struct berth_error *err)
{
    const char **command = texts_of(json_object_get(result, "command"));
    const char **environment = texts_of(json_object_get(result, "environment"));
    const struct berth_launch launch = {
        .struct_size = sizeof(launch),
        .command = command,
        .environment = environment,
        .concurrency = number_of(result, "concurrency"),
        .transport = BERTH_TRANSPORT_DIAL_HOME,
        .runtime = text_of(result, "runtime"),
    };
    int rc = command && environment ? host->set_launch(job, &launch) : -1;
    free(command);
    free(environment);
    return rc < 0 ? refused("set_launch", err) : 0;
}
