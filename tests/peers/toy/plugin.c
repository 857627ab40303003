/* The toy language as a plugin. */
#include "template.h"

#include <berth/plugin.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define PROGRAM_MAX 65536

static const struct berth_option options[] = {
    {
        .name = "shout",
        .type = BERTH_OPTION_BOOLEAN,
        .default_value = "false",
        .help = "Answer in capitals.",
    },
    {
        .name = "runner",
        .type = BERTH_OPTION_STRING,
        .default_value = "/usr/local/bin/toy-runner",
        .help = "The program that runs the template.",
    },
};

static const char *file_of(const struct berth_function *function)
{
    return function->file ? function->file : "main.toy";
}

/* Reads what is a plain file, and no pipe that nobody writes to. */
static int read_program(const struct berth_function *function, char program[PROGRAM_MAX],
                        struct berth_error *err)
{
    struct stat status;
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", function->folder, file_of(function));
    FILE *file = stat(path, &status) == 0 && S_ISREG(status.st_mode) ? fopen(path, "re") : NULL;
    if (!file) {
        snprintf(err->message, sizeof(err->message), "cannot open %s", file_of(function));
        snprintf(err->hint, sizeof(err->hint), "write a main.toy, or name the file with `file:`");
        return -1;
    }
    size_t size = fread(program, 1, PROGRAM_MAX - 1, file);
    fclose(file);
    program[size] = '\0';
    return 0;
}

static void report_mistake(const struct berth_host *host, struct berth_job *job, const char *file,
                           const char *program, const struct toy_step *step)
{
    char message[128];
    struct berth_diagnostic diagnostic = {
        .struct_size = sizeof(diagnostic),
        .severity = BERTH_SEVERITY_ERROR,
        .file = file,
        .line = 1,
        .column = 1,
        .message = message,
        .hint = "write {method}, {path}, {query} or {body}, or {{ for a brace",
    };
    for (const char *at = program; at < step->at; at++) {
        diagnostic.column = *at == '\n' ? 1 : diagnostic.column + 1;
        diagnostic.line += *at == '\n';
    }
    snprintf(message, sizeof(message), "unknown part %.*s}", (int)(step->length < 60 ? step->length : 60),
             step->at);
    host->report(job, &diagnostic);
}

static int validate(const struct berth_host *host, struct berth_job *job,
                    const struct berth_function *function, struct berth_error *err)
{
    char program[PROGRAM_MAX];
    size_t position = 0;
    if (read_program(function, program, err) < 0) {
        const struct berth_diagnostic missing = {
            .struct_size = sizeof(missing),
            .severity = BERTH_SEVERITY_ERROR,
            .message = err->message,
            .hint = err->hint,
        };
        return host->report(job, &missing);
    }
    for (struct toy_step step; (step = toy_next(program, &position)).kind != TOY_END;)
        if (step.kind == TOY_MISTAKE)
            report_mistake(host, job, file_of(function), program, &step);
    return 0;
}

static int package(const struct berth_host *host, struct berth_job *job,
                   const struct berth_function *function, struct berth_error *err)
{
    char program[PROGRAM_MAX];
    if (read_program(function, program, err) < 0)
        return -1;
    return host->add_file(job, "program", program, strlen(program), 0);
}

static int launch(const struct berth_host *host, struct berth_job *job, const struct berth_function *function,
                  struct berth_error *err)
{
    const char *const command[] = {host->option(job, "runner"), NULL};
    const char *shout = host->option(job, "shout");
    (void)function;
    (void)err;
    const struct berth_launch description = {
        .struct_size = sizeof(description),
        .command = strcmp(command[0], "of the image") == 0 ? NULL : command,
        .concurrency = 8,
        .transport = BERTH_TRANSPORT_DIAL_HOME,
        .runtime = shout && strcmp(shout, "true") == 0 ? "{\"shout\": 1}" : "{}",
    };
    return host->set_launch(job, &description);
}

static int scaffold(const struct berth_host *host, struct berth_job *job,
                    const struct berth_function *function, struct berth_error *err)
{
    static const char sample[] =
        "# The answer, with parts of the request in it.\nHello {query}, from {path}\n";
    (void)err;
    return host->add_file(job, file_of(function), sample, sizeof(sample) - 1, 0);
}

static const struct berth_plugin plugin = {
    .struct_size = sizeof(plugin),
    .abi_major = BERTH_ABI_MAJOR,
    .abi_minor = BERTH_ABI_MINOR,
    .name = "toy",
    .version = "1.0",
    BERTH_OPTIONS(options),
    .validate = validate,
    .package = package,
    .launch = launch,
    .scaffold = scaffold,
};

const struct berth_plugin *berth_plugin_entry(void)
{
    return &plugin;
}
