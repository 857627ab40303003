/* A plugin that behaves well unless its option "act" names a way to misbehave: "<callback>:<act>". */
#include <berth/plugin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* What an act needs to know of the call it happens in. */
struct call {
    const struct berth_host *host;
    struct berth_job *job;
    const struct berth_function *function;
    struct berth_error *err;
};

static int report(const struct call *call, enum berth_severity severity, const char *file,
                  const char *message)
{
    const struct berth_diagnostic diagnostic = {.struct_size = sizeof(diagnostic),
                                                .severity = severity,
                                                .file = file,
                                                .line = 3,
                                                .column = 7,
                                                .message = message,
                                                .hint = "look again"};
    return call->host->report(call->job, &diagnostic);
}

static struct berth_launch usual_launch(void)
{
    static const char *const command[] = {"/berth/run", "--fast", NULL};
    static const char *const environment[] = {"MODE=test", NULL};
    return (struct berth_launch){.struct_size = sizeof(struct berth_launch),
                                 .command = command,
                                 .environment = environment,
                                 .concurrency = 4,
                                 .transport = BERTH_TRANSPORT_DIAL_HOME,
                                 .runtime = "{\"file\": \"main.x\"}"};
}

static struct berth_dependencies usual_dependencies(void)
{
    static const char *const argv[] = {"pip", "install", "six", NULL};
    static const char *const environment[] = {"A=b", NULL};
    return (struct berth_dependencies){.struct_size = sizeof(struct berth_dependencies),
                                       .key = "six",
                                       .argv = argv,
                                       .environment = environment};
}

static int act_abort(const struct call *call)
{
    (void)call;
    fputs("about to abort\n", stderr);
    abort();
}

static int act_exit(const struct call *call)
{
    (void)call;
    exit(7);
}

static int act_hang(const struct call *call)
{
    (void)call;
    while (pause() < 0)
        ;
    return 0;
}

/* A child that outlives the job would keep its pipes open. */
static int act_fork(const struct call *call)
{
    (void)call;
    if (fork() == 0) {
        for (;;)
            pause();
    }
    return 0;
}

static int act_garbage(const struct call *call)
{
    (void)call;
    for (int fd = 3; fd < 300; fd++) {
        if (write(fd, "this is not JSON\n", 17) < 0)
            continue;
    }
    return 0;
}

static int act_flood_reply(const struct call *call)
{
    (void)call;
    static char block[1 << 16];
    memset(block, 'x', sizeof(block));
    for (int i = 0; i < 1000; i++) {
        for (int fd = 199; fd < 210; fd++) {
            if (write(fd, block, sizeof(block)) < 0)
                continue;
        }
    }
    return 0;
}

static int act_flood_output(const struct call *call)
{
    (void)call;
    for (int i = 0; i < 200000; i++)
        puts("a line of output that is repeated many times over");
    return 0;
}

static int act_fail(const struct call *call)
{
    snprintf(call->err->message, sizeof(call->err->message), "the compiler is missing");
    snprintf(call->err->hint, sizeof(call->err->hint), "install it");
    return -1;
}

static int act_fail_silently(const struct call *call)
{
    (void)call;
    return -1;
}

static int act_return_five(const struct call *call)
{
    (void)call;
    return 5;
}

static int act_report_error(const struct call *call)
{
    report(call, BERTH_SEVERITY_WARNING, "main.x", "this is odd");
    return report(call, BERTH_SEVERITY_ERROR, "main.x", "this is wrong");
}

/* Reports what a file holds. */
static int report_file(const struct call *call, const char *folder, const char *name)
{
    char path[4096], text[64] = "";
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    size_t size = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
    if (file)
        fclose(file);
    return report(call, BERTH_SEVERITY_NOTE, NULL, size > 0 ? text : "cannot be read");
}

static int act_look(const struct call *call)
{
    const char *folder = BERTH_HAS(call->function, dependencies) ? call->function->dependencies : NULL;
    if (!folder)
        return report(call, BERTH_SEVERITY_NOTE, NULL, "nothing is installed");
    return report_file(call, folder, "word") < 0 ? -1 : report_file(call, folder, "../other/word");
}

static int act_report_outside(const struct call *call)
{
    return report(call, BERTH_SEVERITY_ERROR, "../main.x", "this is wrong");
}

static int act_report_latin1(const struct call *call)
{
    return report(call, BERTH_SEVERITY_WARNING, NULL, "caf\xe9");
}

static int act_escape(const struct call *call)
{
    return call->host->add_file(call->job, "a/../../escaped", "x", 1, 0);
}

static int act_absolute(const struct call *call)
{
    return call->host->add_file(call->job, "/tmp/escaped", "x", 1, 0);
}

static int act_twice(const struct call *call)
{
    call->host->add_file(call->job, "same", "x", 1, 0);
    return call->host->add_file(call->job, "same", "y", 1, 0);
}

static int act_relative_source(const struct call *call)
{
    return call->host->add_folder(call->job, "", "functions", NULL);
}

static int act_many(const struct call *call)
{
    char path[32];
    int rc = 0;
    for (int i = 0; rc == 0 && i < 100001; i++) {
        snprintf(path, sizeof(path), "%d/%d", i / 1000, i);
        rc = call->host->add_file(call->job, path, NULL, 0, 0);
    }
    return rc;
}

/* The second file brings the package one byte over its limit; its bytes are never looked at. */
static int act_large(const struct call *call)
{
    size_t size = 512u << 20;
    void *bytes = calloc(1, size);
    call->host->add_file(call->job, "small", "x", 1, 0);
    int rc = call->host->add_file(call->job, "large", bytes, size, 0);
    free(bytes);
    return rc;
}

static int act_launch_now(const struct call *call)
{
    const struct berth_launch launch = usual_launch();
    return call->host->set_launch(call->job, &launch);
}

static int act_launch_twice(const struct call *call)
{
    act_launch_now(call);
    return act_launch_now(call);
}

static int act_launch_never(const struct call *call)
{
    (void)call;
    return 0;
}

static int act_launch_text(const struct call *call)
{
    struct berth_launch launch = usual_launch();
    launch.runtime = "[1, 2]";
    return call->host->set_launch(call->job, &launch);
}

static int act_launch_idle(const struct call *call)
{
    struct berth_launch launch = usual_launch();
    launch.concurrency = 0;
    return call->host->set_launch(call->job, &launch);
}

static int act_launch_portless(const struct call *call)
{
    struct berth_launch launch = usual_launch();
    launch.transport = BERTH_TRANSPORT_TCP;
    return call->host->set_launch(call->job, &launch);
}

static int act_launch_tcp(const struct call *call)
{
    struct berth_launch launch = usual_launch();
    launch.transport = BERTH_TRANSPORT_TCP;
    launch.port = 8080;
    launch.ready_path = "/health?deep=1";
    return call->host->set_launch(call->job, &launch);
}

static int act_launch_ready_path(const struct call *call)
{
    struct berth_launch launch = usual_launch();
    launch.ready_path = "/health";
    return call->host->set_launch(call->job, &launch);
}

static int act_launch_bad_ready_path(const struct call *call)
{
    struct berth_launch launch = usual_launch();
    launch.transport = BERTH_TRANSPORT_TCP;
    launch.port = 8080;
    launch.ready_path = "no slash";
    return call->host->set_launch(call->job, &launch);
}

static int act_launch_small(const struct call *call)
{
    struct berth_launch launch = usual_launch();
    launch.struct_size = 16;
    return call->host->set_launch(call->job, &launch);
}

static int act_launch_environment(const struct call *call)
{
    static const char *const environment[] = {"NOVALUE", NULL};
    struct berth_launch launch = usual_launch();
    launch.environment = environment;
    return call->host->set_launch(call->job, &launch);
}

static int act_other_job(const struct call *call)
{
    const struct berth_launch launch = usual_launch();
    return call->host->set_launch(NULL, &launch);
}

static int act_dependencies(const struct call *call)
{
    const struct berth_dependencies dependencies = usual_dependencies();
    return call->host->set_dependencies(call->job, &dependencies);
}

/* Says what they depend on before that is there. */
static int act_dependencies_read(const struct call *call)
{
    static const char *const reads[] = {"main.x", "missing", "bin", NULL};
    struct berth_dependencies dependencies = usual_dependencies();
    dependencies.reads = reads;
    if (call->host->set_dependencies(call->job, &dependencies) < 0)
        return -1;
    return call->host->add_folder(call->job, "", call->function->folder, NULL);
}

static int act_dependencies_read_all(const struct call *call)
{
    static const char *const reads[] = {".", NULL};
    struct berth_dependencies dependencies = usual_dependencies();
    dependencies.reads = reads;
    return call->host->set_dependencies(call->job, &dependencies);
}

static int act_dependencies_read_outside(const struct call *call)
{
    static const char *const reads[] = {"lock", "../lock", NULL};
    struct berth_dependencies dependencies = usual_dependencies();
    dependencies.reads = reads;
    return call->host->set_dependencies(call->job, &dependencies);
}

static int act_dependencies_twice(const struct call *call)
{
    act_dependencies(call);
    return act_dependencies(call);
}

static int act_mark(const struct call *call)
{
    const char *path = call->host->option(call->job, "mark");
    FILE *file = fopen(path, "a");
    if (!file)
        return act_fail(call);
    fprintf(file, "%s\n", call->function->name);
    return fclose(file);
}

static const struct act {
    const char *name;
    int (*run)(const struct call *call);
} acts[] = {
    {"abort", act_abort},
    {"exit", act_exit},
    {"hang", act_hang},
    {"fork", act_fork},
    {"garbage", act_garbage},
    {"flood-reply", act_flood_reply},
    {"flood-output", act_flood_output},
    {"fail", act_fail},
    {"fail-silently", act_fail_silently},
    {"return-five", act_return_five},
    {"report-error", act_report_error},
    {"look", act_look},
    {"report-outside", act_report_outside},
    {"report-latin1", act_report_latin1},
    {"escape", act_escape},
    {"absolute", act_absolute},
    {"twice", act_twice},
    {"relative-source", act_relative_source},
    {"many", act_many},
    {"large", act_large},
    {"launch-now", act_launch_now},
    {"launch-twice", act_launch_twice},
    {"launch-never", act_launch_never},
    {"launch-text", act_launch_text},
    {"launch-idle", act_launch_idle},
    {"launch-portless", act_launch_portless},
    {"launch-tcp", act_launch_tcp},
    {"launch-ready-path", act_launch_ready_path},
    {"launch-bad-ready-path", act_launch_bad_ready_path},
    {"launch-small", act_launch_small},
    {"launch-environment", act_launch_environment},
    {"other-job", act_other_job},
    {"dependencies", act_dependencies},
    {"dependencies-read", act_dependencies_read},
    {"dependencies-read-all", act_dependencies_read_all},
    {"dependencies-read-outside", act_dependencies_read_outside},
    {"dependencies-twice", act_dependencies_twice},
    {"mark", act_mark},
};

/* Runs the act that is asked for in this callback: 1 when it replaces what the callback does, with its result
 * in *ret_rc. */
static int misbehave(const struct call *call, const char *callback, int *ret_rc)
{
    const char *asked = call->host->option(call->job, "act");
    size_t length = strlen(callback);
    if (!asked || strncmp(asked, callback, length) != 0 || asked[length] != ':')
        return 0;
    for (size_t i = 0; i < COUNT(acts); i++) {
        if (strcmp(acts[i].name, asked + length + 1) != 0)
            continue;
        *ret_rc = acts[i].run(call);
        return 1;
    }
    return 0;
}

#define CALL host, job, function, err

static int validate(const struct berth_host *host, struct berth_job *job,
                    const struct berth_function *function, struct berth_error *err)
{
    const struct call call = {CALL};
    int rc;
    if (misbehave(&call, "validate", &rc))
        return rc;
    return report(&call, BERTH_SEVERITY_NOTE, NULL, "all is well");
}

static int package(const struct berth_host *host, struct berth_job *job,
                   const struct berth_function *function, struct berth_error *err)
{
    static const char *const exclude[] = {"*.tmp", ".git", NULL};
    const struct call call = {CALL};
    int rc;
    if (misbehave(&call, "package", &rc))
        return rc;
    if (host->add_folder(job, "", function->folder, exclude) < 0 ||
        host->add_file(job, "made/by-plugin", "#!/bin/sh\n", 10, 1) < 0)
        return -1;
    return 0;
}

static int launch(const struct berth_host *host, struct berth_job *job, const struct berth_function *function,
                  struct berth_error *err)
{
    const struct call call = {CALL};
    int rc;
    if (misbehave(&call, "launch", &rc))
        return rc;
    return act_launch_now(&call);
}

static int scaffold(const struct berth_host *host, struct berth_job *job,
                    const struct berth_function *function, struct berth_error *err)
{
    const struct call call = {CALL};
    int rc;
    if (misbehave(&call, "scaffold", &rc))
        return rc;
    return host->add_file(job, "main.x", function->name, strlen(function->name), 0);
}

static const char *const aliases[] = {"act", "Actor", NULL};
static const char *const act_aliases[] = {"behaviour", NULL};

static const struct berth_option options[] = {
    {"act", act_aliases, BERTH_OPTION_STRING, NULL, 0, 100, "How to misbehave."},
    {"mark", NULL, BERTH_OPTION_STRING, NULL, 0, 0, "File to write a line to."},
    {"threads", NULL, BERTH_OPTION_INTEGER, "4", 1, 64, "A number."},
    {"ratio", NULL, BERTH_OPTION_DECIMAL, "0.5", 0, 1, "A fraction."},
    {"eager", NULL, BERTH_OPTION_BOOLEAN, "false", 0, 0, "A switch."},
};

static const struct berth_plugin plugin = {
    .struct_size = sizeof(plugin),
    .abi_major = BERTH_ABI_MAJOR,
    .abi_minor = BERTH_ABI_MINOR,
    .name = "acting",
    .version = "1.2.3",
    .aliases = aliases,
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
