#include "build_bench.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "prepare/launch_check.h"
#include "prepare/process/build_job.h"
#include "prepare/store/tree.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#define ACTING TEST_PLUGIN_DIR "/acting.so"

/* One queue with a function's folder, and the results of the jobs in the order in which they ended. */
struct jobs_bench {
    struct bench bench;
    struct build_jobs *jobs;
    char *staging, *folder;
    unsigned done;
    struct build_result *results[64];
    char order[64]; /* the first letter of each function */
};

struct asked {
    struct jobs_bench *bench;
    char letter;
};

static void on_done(void *context, struct build_result *result)
{
    struct jobs_bench *bench = context;
    bench->results[bench->done++] = result;
}

static void open_jobs(struct jobs_bench *bench, unsigned parallel, unsigned timeout_ms)
{
    *bench = (struct jobs_bench){0};
    bench_open(&bench->bench);
    bench->staging = bench_path(&bench->bench, "staging");
    bench->folder = bench_path(&bench->bench, "functions/hello");
    assert_int_equal(fs_make_dirs(bench->staging, 0755, NULL), 0);
    bench_file(&bench->bench, "functions/hello/main.x", "one\ntwo\nthree three\n", 0644);
    bench_file(&bench->bench, "functions/hello/bin/tool", "#!/bin/sh\n", 0700);
    bench_file(&bench->bench, "functions/hello/junk.tmp", "junk", 0644);
    bench_file(&bench->bench, "functions/hello/.git/config", "junk", 0644);
    bench_file(&bench->bench, "functions/hello/.main.swp", "left by an editor", 0644);
    const struct build_jobs_options options = {.program = BUILD_JOB_PROGRAM,
                                               .staging_dir = bench->staging,
                                               .parallel = parallel,
                                               .timeout_ms = timeout_ms};
    struct error err;
    assert_int_equal(build_jobs_create(bench->bench.base, &options, &bench->jobs, &err), 0);
}

static void close_jobs(struct jobs_bench *bench)
{
    build_jobs_destroy(bench->jobs);
    for (unsigned i = 0; i < bench->done; i++)
        build_result_destroy(bench->results[i]);
    free(bench->staging);
    free(bench->folder);
    bench_close(&bench->bench);
}

static struct build_job *submit(struct jobs_bench *bench, enum build_operation operation, const char *act)
{
    struct text_pair option = {"act", (char *)act};
    const struct build_request request = {.operation = operation,
                                          .plugin = ACTING,
                                          .language = "acting",
                                          .function = "hello",
                                          .folder = bench->folder,
                                          .file = "main.x",
                                          .options = &option,
                                          .option_count = act ? 1 : 0};
    return build_jobs_submit(bench->jobs, &request, on_done, bench);
}

/* Runs one job and gives its result, which the bench owns. */
static struct build_result *run(struct jobs_bench *bench, enum build_operation operation, const char *act)
{
    unsigned before = bench->done;
    submit(bench, operation, act);
    assert_int_equal(bench->done, before);
    bench_wait(&bench->bench, &bench->done, before + 1);
    return bench->results[before];
}

static struct build_result *probe(struct jobs_bench *bench, const char *name)
{
    char path[256];
    unsigned before = bench->done;
    snprintf(path, sizeof(path), TEST_PLUGIN_DIR "/%s.so", name);
    const struct build_request request = {.operation = BUILD_PROBE, .plugin = path};
    build_jobs_submit(bench->jobs, &request, on_done, bench);
    bench_wait(&bench->bench, &bench->done, before + 1);
    return bench->results[before];
}

static const struct build_result *submit_request(struct jobs_bench *bench,
                                                 const struct build_request *request)
{
    unsigned before = bench->done;
    build_jobs_submit(bench->jobs, request, on_done, bench);
    bench_wait(&bench->bench, &bench->done, before + 1);
    return bench->results[before];
}

static void assert_error(const struct build_result *result, const char *reason, const char *part)
{
    assert_false(result->ok);
    if (strcmp(error_code_slug(result->error.code), reason) != 0 || !strstr(result->error.message, part))
        fail_msg("%s/%s: %s", error_component_name(result->error.component),
                 error_code_slug(result->error.code), result->error.message);
    assert_string_equal(error_component_name(result->error.component),
                        strncmp(reason, "plugin-", 7) == 0 ? "plugin" : "build");
}

static void test_probe(void **state)
{
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, 2, 0);
    const struct build_result *result = probe(&bench, "acting");
    assert_true(result->ok);
    const struct build_plugin *plugin = result->plugin;
    assert_string_equal(plugin->version, "1.2.3");
    assert_int_equal(plugin->abi_major, 1);
    assert_true(plugin->scaffolds);
    const struct language *language = &plugin->language;
    assert_string_equal(language->name, "acting");
    assert_int_equal(language->alias_count, 2);
    assert_string_equal(language->aliases[1], "Actor");
    assert_int_equal(language->option_count, 5);
    assert_string_equal(language->options[0].aliases[0], "behaviour");
    assert_null(language->options[0].default_value);
    assert_int_equal(language->options[2].type, OPTION_INTEGER);
    assert_string_equal(language->options[2].default_value, "4");
    assert_true(language->options[2].max == 64);
    assert_string_equal(language->options[4].help, "A switch.");
    close_jobs(&bench);
}

static void test_probe_refusals(void **state)
{
    static const struct {
        const char *plugin, *reason, *part;
    } cases[] = {
        {"missing", "plugin-load", "missing.so"},
        {"no-entry", "plugin-load", "berth_plugin_entry"},
        {"wrong-major", "plugin-abi", "plugin ABI 2.5; this host expects 1.0 to 1.5"},
        {"newer-minor", "plugin-abi", "plugin ABI 1.6; this host expects 1.0 to 1.5"},
        {"small", "plugin-abi", "struct_size of its description is 24"},
        {"tiny", "plugin-abi", "struct_size of its description is 1;"},
        {"bad-name", "plugin-abi", "\"Not A Name\" does not match"},
        {"no-version", "plugin-abi", "version"},
        {"no-callback", "plugin-abi", "the callback launch is missing"},
        {"null-entry", "plugin-abi", "returned NULL"},
        {"bad-option", "plugin-abi", "the default of option size is \"many\""},
        {"double-option", "plugin-abi", "two options are called size"},
        {"odd-flags", "plugin-abi", "the flags of option size are 0x11; this host knows 0x1 only"},
        {"constructor", "plugin-crashed", "SIGABRT in loading"},
        {"hang", "plugin-timeout", "in berth_plugin_entry"},
    };
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, 2, 3000);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_error(probe(&bench, cases[i].plugin), cases[i].reason, cases[i].part);
    assert_true(probe(&bench, "described")->ok);
    close_jobs(&bench);
}

/* Made with the header of 1.0, and taken by this host with all that it says. */
static void test_plugin_of_the_oldest_abi(void **state)
{
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, 2, 0);
    const struct build_plugin *plugin = probe(&bench, "oldest")->plugin;
    assert_non_null(plugin);
    assert_int_equal(plugin->abi_minor, 0);
    assert_int_equal(plugin->language.option_count, 3);
    struct text_pair option = {"greeting", "good day"};
    const struct build_request request = {.operation = BUILD_PACKAGE,
                                          .plugin = TEST_PLUGIN_DIR "/oldest.so",
                                          .language = "oldest",
                                          .function = "hello",
                                          .folder = bench.folder,
                                          .file = "main.x",
                                          .options = &option,
                                          .option_count = 1};
    const struct build_result *result = submit_request(&bench, &request);
    assert_true(result->ok);
    assert_string_equal(result->diagnostics.items[0].message, "good day");
    assert_string_equal(result->diagnostics.items[0].hint, "80");
    assert_string_equal(result->dependencies->key, "all");
    assert_int_equal(result->launch->concurrency, 3);
    assert_null(result->launch->ready_path);
    close_jobs(&bench);
}

static void test_launch_over_tcp_is_told(void **state)
{
    (void)state;
    struct jobs_bench bench;
    struct error err;
    open_jobs(&bench, 2, 0);
    const struct build_result *result = run(&bench, BUILD_PACKAGE, "launch:launch-tcp");
    assert_true(result->ok);
    assert_int_equal(result->launch->transport, BUILD_TCP);
    assert_int_equal(result->launch->port, 8080);
    assert_string_equal(result->launch->ready_path, "/health?deep=1");
    assert_int_equal(launch_check(result->launch, "acting", "/image", &err), 0);
    close_jobs(&bench);
}

static void test_validate(void **state)
{
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, 2, 0);
    const struct build_result *result = run(&bench, BUILD_PACKAGE, NULL);
    assert_true(result->ok);
    assert_int_equal(result->diagnostics.count, 1);
    assert_int_equal(result->validated, 1);
    assert_int_equal(result->diagnostics.items[0].severity, SEVERITY_NOTE);
    assert_string_equal(result->diagnostics.items[0].function, "hello");
    assert_null(result->diagnostics.items[0].file);

    result = run(&bench, BUILD_PACKAGE, "validate:report-error");
    assert_error(result, "invalid-function", "this is wrong");
    assert_int_equal(result->diagnostics.count, 2);
    const struct diagnostic *item = &result->diagnostics.items[1];
    cleanup_free char *file = xasprintf("%s/main.x", bench.folder);
    assert_string_equal(item->file, file);
    assert_int_equal(item->line, 3);
    assert_int_equal(item->column, 7);
    assert_string_equal(item->hint, "look again");
    close_jobs(&bench);
}

/* The folder of the installed dependencies can be read then, and nothing beside it. */
static void test_validate_with_dependencies(void **state)
{
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, 2, 0);
    struct text_pair option = {"act", "validate:look"};
    cleanup_free char *installed = bench_path(&bench.bench, "sets/one");
    bench_file(&bench.bench, "sets/one/word", "six", 0600);
    bench_file(&bench.bench, "sets/other/word", "seven", 0600);
    struct build_request request = {.operation = BUILD_VALIDATE,
                                    .plugin = ACTING,
                                    .language = "acting",
                                    .function = "hello",
                                    .folder = bench.folder,
                                    .dependencies = installed,
                                    .options = &option,
                                    .option_count = 1};
    const struct build_result *result = submit_request(&bench, &request);
    assert_true(result->ok);
    assert_int_equal(result->diagnostics.count, 2);
    assert_string_equal(result->diagnostics.items[0].message, "six");
    assert_string_equal(result->diagnostics.items[1].message, "cannot be read");
    assert_null(result->package.staged);
    assert_int_equal(bench_count(bench.staging), 0);
    request.operation = BUILD_PACKAGE;
    option.value = "package:look"; /* what it packages is of the function's files alone */
    result = submit_request(&bench, &request);
    assert_int_equal(result->validated, 1);
    assert_string_equal(result->diagnostics.items[1].message, "nothing is installed");
    request.operation = BUILD_VALIDATE;
    option.value = "validate:look";
    request.dependencies = NULL;
    result = submit_request(&bench, &request);
    assert_string_equal(result->diagnostics.items[0].message, "nothing is installed");
    close_jobs(&bench);
}

static void test_package(void **state)
{
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, 2, 0);
    const struct build_result *result = run(&bench, BUILD_PACKAGE, NULL);
    assert_true(result->ok);
    assert_string_equal(result->output, "");
    assert_int_equal(result->package.files, 3);
    assert_int_equal(result->package.bytes, 20 + 10 + 10);
    assert_null(result->dependencies);
    assert_string_equal(result->launch->command[1], "--fast");
    assert_string_equal(result->launch->environment[0], "MODE=test");
    assert_null(result->launch->image);
    assert_int_equal(result->launch->concurrency, 4);
    assert_string_equal(result->launch->runtime, "{\"file\":\"main.x\"}");

    char digest[HASH_HEX_SIZE];
    assert_int_equal(tree_digest(result->package.staged, digest, NULL, NULL), 0);
    assert_string_equal(digest, result->package.digest);
    struct stat status;
    cleanup_free char *tool = xasprintf("%s/bin/tool", result->package.staged);
    assert_int_equal(stat(tool, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0755);
    assert_int_equal(status.st_mtim.tv_sec, TREE_MTIME_S);
    cleanup_free char *folder = xasprintf("%s/bin", result->package.staged);
    assert_int_equal(stat(folder, &status), 0);
    assert_int_equal(status.st_mtim.tv_sec, TREE_MTIME_S);
    cleanup_free char *junk = xasprintf("%s/junk.tmp", result->package.staged);
    cleanup_free char *left = xasprintf("%s/.main.swp", result->package.staged);
    assert_false(fs_exists(junk) || fs_exists(left));

    /* The same files give the same digest, another content another one. */
    assert_string_equal(run(&bench, BUILD_PACKAGE, NULL)->package.digest, digest);
    bench_file(&bench.bench, "functions/hello/main.x", "one\n", 0644);
    assert_string_not_equal(run(&bench, BUILD_PACKAGE, NULL)->package.digest, digest);
    close_jobs(&bench);
}

static void test_dependencies(void **state)
{
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, 2, 0);
    const struct build_result *result = run(&bench, BUILD_PACKAGE, "package:dependencies");
    assert_true(result->ok);
    assert_int_equal(result->package.files, 0);
    assert_string_equal(result->dependencies->key, "six");
    assert_string_equal(result->dependencies->argv[2], "six");
    assert_null(result->dependencies->argv[3]);
    assert_string_equal(result->dependencies->environment[0], "A=b");
    close_jobs(&bench);
}

static const char *dependency_key(struct jobs_bench *bench, const char *act)
{
    const struct build_result *result = run(bench, BUILD_PACKAGE, act);
    assert_true(result->ok);
    return result->dependencies->key;
}

/* Only what they depend on makes others of them. */
static void test_dependencies_that_read_the_package(void **state)
{
    static const char act[] = "package:dependencies-read";
    static const char digest_of_main[] = "\nbf19e968";
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, 2, 0);
    const char *key = dependency_key(&bench, act);
    assert_int_equal(strncmp(key, "six\n", 4), 0);
    assert_non_null(strstr(key, digest_of_main));
    assert_non_null(strstr(key, " main.x\n- missing\n"));
    assert_string_equal(strrchr(key, ' '), " bin");
    bench_file(&bench.bench, "functions/hello/junk.tmp", "other junk", 0644);
    assert_string_equal(dependency_key(&bench, act), key);
    bench_file(&bench.bench, "functions/hello/bin/tool", "#!/bin/bash\n", 0700);
    const char *after = dependency_key(&bench, act);
    assert_string_not_equal(after, key);
    bench_file(&bench.bench, "functions/hello/main.x", "another\n", 0644);
    assert_string_not_equal(dependency_key(&bench, act), after);
    assert_string_equal(strrchr(dependency_key(&bench, "package:dependencies-read-all"), ' '), " .");
    close_jobs(&bench);
}

static void test_misbehaviour(void **state)
{
    static const struct {
        const char *act, *reason, *part;
    } cases[] = {
        {"validate:abort", "plugin-crashed", "SIGABRT in validate"},
        {"package:abort", "plugin-crashed", "SIGABRT in package"},
        {"launch:exit", "plugin-crashed", "exit code 7 in launch"},
        {"validate:garbage", "plugin-protocol", "in validate"},
        {"package:flood-reply", "plugin-protocol", "in package"},
        {"validate:flood-output", "plugin-output", "in validate"},
        {"validate:fail", "plugin-failed", "the compiler is missing"},
        {"validate:fail-silently", "plugin-contract", "validate returned -1 without a message"},
        {"package:return-five", "plugin-contract", "package returned 5"},
        {"launch:report-error", "plugin-contract", "report wrongly in launch: it is not allowed there"},
        {"validate:report-outside", "plugin-contract", "\"../main.x\""},
        {"package:report-error", "invalid-function", "this is wrong"},
        {"package:escape", "plugin-contract", "add_file wrongly in package: the path \"a/../../escaped\""},
        {"package:absolute", "plugin-contract", "\"/tmp/escaped\""},
        {"package:twice", "plugin-contract", "same is in the package already"},
        {"package:relative-source", "plugin-contract", "add_folder wrongly"},
        {"validate:twice", "plugin-contract", "add_file wrongly in validate"},
        {"package:large", "package-too-large", "larger than 512 MiB"},
        {"package:launch-now", "plugin-contract", "set_launch wrongly in package"},
        {"launch:launch-twice", "plugin-contract", "it was called before"},
        {"launch:launch-never", "plugin-contract", "without calling set_launch"},
        {"launch:launch-text", "plugin-contract", "not a JSON object"},
        {"launch:launch-idle", "plugin-contract", "concurrency is 0"},
        {"launch:launch-portless", "plugin-contract", "the port is 0"},
        {"launch:launch-ready-path", "plugin-contract", "ready_path is for TCP alone"},
        {"launch:launch-bad-ready-path", "plugin-contract", "ready_path \"no slash\" is not a path"},
        {"launch:launch-small", "plugin-contract", "struct_size is 16"},
        {"launch:launch-environment", "plugin-contract", "\"NOVALUE\" is not NAME=value"},
        {"launch:other-job", "plugin-contract", "`job` is not what"},
        {"launch:dependencies", "plugin-contract", "set_dependencies wrongly in launch"},
        {"package:dependencies-read-outside", "plugin-contract", "\"../lock\", is not a path in the package"},
        {"package:dependencies-twice", "plugin-contract", "it was called before"},
    };
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, 2, 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct build_result *result = run(&bench, BUILD_PACKAGE, cases[i].act);
        assert_error(result, cases[i].reason, cases[i].part);
        assert_null(result->package.staged);
        assert_int_equal(bench_count(bench.staging), 0);
    }
    assert_string_equal(bench.results[0]->output, "about to abort\n");
    assert_non_null(strstr(bench.results[0]->error.hint, "about to abort"));
    assert_string_equal(bench.results[6]->error.hint, "install it");
    close_jobs(&bench);
}

/* In memory where possible: a disk takes its time for so many files. */
static void test_too_many_files(void **state)
{
    (void)state;
    struct jobs_bench bench;
    char memory[] = "/dev/shm/berth-test-XXXXXX";
    open_jobs(&bench, 2, BENCH_GUARD_MS);
    build_jobs_destroy(bench.jobs);
    const struct build_jobs_options options = {.program = BUILD_JOB_PROGRAM,
                                               .staging_dir = mkdtemp(memory) ? memory : bench.staging,
                                               .timeout_ms = BENCH_GUARD_MS};
    assert_int_equal(build_jobs_create(bench.bench.base, &options, &bench.jobs, NULL), 0);
    const struct build_result *result = run(&bench, BUILD_PACKAGE, "package:many");
    assert_error(result, "package-too-large", "more than 100000 files");
    assert_int_equal(bench_count(options.staging_dir), 0);
    rmdir(memory);
    close_jobs(&bench);
}

static void test_texts_that_are_not_utf8(void **state)
{
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, 2, 0);
    const struct build_result *result = run(&bench, BUILD_PACKAGE, "validate:report-latin1");
    assert_true(result->ok);
    assert_string_equal(result->diagnostics.items[0].message, "caf?");
    close_jobs(&bench);
}

static void test_renamed_plugin(void **state)
{
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, 2, 0);
    const struct build_request request = {.operation = BUILD_PACKAGE,
                                          .plugin = TEST_PLUGIN_DIR "/described.so",
                                          .language = "acting",
                                          .function = "hello",
                                          .folder = bench.folder};
    build_jobs_submit(bench.jobs, &request, on_done, &bench);
    bench_wait(&bench.bench, &bench.done, 1);
    assert_error(bench.results[0], "plugin-abi", "its name is \"described\" now; \"acting\" is expected");
    close_jobs(&bench);
}

static void test_hang(void **state)
{
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, 2, 500);
    assert_error(run(&bench, BUILD_PACKAGE, "package:hang"), "plugin-timeout", "after 500 ms in package");
    assert_int_equal(bench_count(bench.staging), 0);
    build_jobs_set_timeout(bench.jobs, 60000);
    /* A grandchild holds the pipes open; the job ends all the same, and so does the grandchild. */
    assert_true(run(&bench, BUILD_PACKAGE, "validate:fork")->ok);
    close_jobs(&bench);
}

static void test_links(void **state)
{
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, 2, 0);
    cleanup_free char *inside = bench_path(&bench.bench, "functions/hello/inside");
    cleanup_free char *folder = bench_path(&bench.bench, "functions/hello/folder");
    cleanup_free char *dangling = bench_path(&bench.bench, "functions/hello/dangling");
    assert_int_equal(symlink("main.x", inside), 0);
    assert_int_equal(symlink("bin", folder), 0);
    assert_int_equal(symlink("nowhere", dangling), 0);
    const struct build_result *result = run(&bench, BUILD_PACKAGE, NULL);
    assert_true(result->ok);
    assert_int_equal(result->package.files, 5);
    assert_int_equal(diagnostics_errors(&result->diagnostics, NULL), 0);
    const struct diagnostic *warning = &result->diagnostics.items[1];
    assert_string_equal(warning->message,
                        "dangling is left out of the package: it is a link that leads nowhere");
    assert_string_equal(warning->file, dangling);
    cleanup_free char *copy = xasprintf("%s/folder/tool", result->package.staged);
    struct stat status;
    assert_int_equal(lstat(copy, &status), 0);
    assert_true(S_ISREG(status.st_mode));

    cleanup_free char *circle = bench_path(&bench.bench, "functions/hello/bin/circle");
    assert_int_equal(symlink("..", circle), 0);
    result = run(&bench, BUILD_PACKAGE, NULL);
    assert_error(result, "invalid-function", "leads in a circle");
    unlink(circle);

    cleanup_free char *outside = bench_path(&bench.bench, "functions/hello/outside");
    assert_int_equal(symlink("/etc/hostname", outside), 0);
    result = run(&bench, BUILD_PACKAGE, NULL);
    assert_error(result, "invalid-function", "the link outside leads out of the folder, to /etc/hostname");
    assert_string_equal(result->diagnostics.items[result->diagnostics.count - 1].file, outside);
    close_jobs(&bench);
}

static void test_folder_that_was_replaced_by_a_link(void **state)
{
    (void)state;
    static const char *const places[] = {"functions/hello", "functions"};
    for (size_t i = 0; i < 2; i++) {
        struct jobs_bench bench;
        open_jobs(&bench, 2, 0);
        cleanup_free char *place = bench_path(&bench.bench, places[i]);
        cleanup_free char *moved = bench_path(&bench.bench, "moved");
        assert_int_equal(rename(place, moved), 0);
        assert_int_equal(symlink(moved, place), 0);
        const struct build_result *result = run(&bench, BUILD_PACKAGE, NULL);
        assert_error(result, "folder-replaced", "is a symbolic link or goes through one");
        assert_int_equal(bench_count(bench.staging), 0);
        close_jobs(&bench);
    }
}

static struct build_result *run_scaffold(struct jobs_bench *bench, const char *folder, const char *plugin)
{
    unsigned before = bench->done;
    const struct build_request request = {
        .operation = BUILD_SCAFFOLD, .plugin = plugin, .function = "fresh", .folder = folder};
    build_jobs_submit(bench->jobs, &request, on_done, bench);
    bench_wait(&bench->bench, &bench->done, before + 1);
    return bench->results[before];
}

static void test_scaffold(void **state)
{
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, 2, 0);
    cleanup_free char *fresh = bench_path(&bench.bench, "functions/fresh");
    cleanup_free char *file = bench_path(&bench.bench, "functions/fresh/main.x");
    cleanup_free char *parent = bench_path(&bench.bench, "functions");
    cleanup_free char *text = NULL;
    assert_true(run_scaffold(&bench, fresh, ACTING)->ok);
    assert_int_equal(fs_read_file(file, 100, &text, NULL, NULL), 0);
    assert_string_equal(text, "fresh");
    assert_error(run_scaffold(&bench, fresh, ACTING), "exists", "exists already");
    assert_error(run_scaffold(&bench, fresh, TEST_PLUGIN_DIR "/described.so"), "no-scaffold", "described");
    assert_int_equal(bench_count(parent), 2);
    close_jobs(&bench);
}

static void on_ordered(void *context, struct build_result *result)
{
    struct asked *asked = context;
    asked->bench->order[asked->bench->done] = asked->letter;
    on_done(asked->bench, result);
}

/* With one job at a time, a function with many waiting jobs lets the others in between. */
static void test_round_robin(void **state)
{
    (void)state;
    struct jobs_bench bench;
    struct asked asked[] = {{&bench, 'a'}, {&bench, 'a'}, {&bench, 'a'},
                            {&bench, 'b'}, {&bench, 'b'}, {&bench, 'c'}};
    open_jobs(&bench, 1, 0);
    for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
        const char name[] = {asked[i].letter, '\0'};
        const struct build_request request = {
            .operation = BUILD_PACKAGE, .plugin = ACTING, .function = name, .folder = bench.folder};
        build_jobs_submit(bench.jobs, &request, on_ordered, &asked[i]);
    }
    bench_wait(&bench.bench, &bench.done, 6);
    assert_string_equal(bench.order, "abcaba");
    close_jobs(&bench);
}

static void test_parallel(void **state)
{
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, 2, 60000);
    struct build_job *hanging[] = {submit(&bench, BUILD_PACKAGE, "package:hang"),
                                   submit(&bench, BUILD_PACKAGE, "package:hang")};
    struct build_job *wanted = submit(&bench, BUILD_PACKAGE, NULL);
    struct build_job *unwanted = submit(&bench, BUILD_PACKAGE, NULL);
    bench_idle(&bench.bench, 300);
    assert_false(build_job_waits(hanging[0]));
    assert_false(build_job_waits(hanging[1]));
    assert_true(build_job_waits(wanted));
    assert_true(build_job_waits(unwanted));
    build_job_cancel(unwanted);
    build_job_cancel(hanging[0]);
    bench_wait(&bench.bench, &bench.done, 1);
    assert_true(bench.results[0]->ok);
    bench_idle(&bench.bench, 100);
    assert_int_equal(bench.done, 1);
    assert_false(build_job_waits(hanging[1]));
    close_jobs(&bench); /* with one still running */
}

/* However many jobs hang, a plugin can be looked at. */
static void test_probes_wait_for_nobody(void **state)
{
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, 1, 60000);
    struct build_job *hanging = submit(&bench, BUILD_PACKAGE, "package:hang");
    struct build_job *waiting = submit(&bench, BUILD_PACKAGE, NULL);
    bench_idle(&bench.bench, 300);
    assert_true(probe(&bench, "described")->ok);
    assert_false(build_job_waits(hanging));
    assert_true(build_job_waits(waiting));
    close_jobs(&bench);
}

static size_t open_descriptors(void)
{
    return bench_count("/proc/self/fd");
}

static void test_nothing_leaks(void **state)
{
    (void)state;
    struct jobs_bench bench;
    open_jobs(&bench, 2, 0);
    run(&bench, BUILD_PACKAGE, NULL);
    size_t before = open_descriptors();
    for (int i = 0; i < 5; i++)
        run(&bench, BUILD_PACKAGE, i % 2 ? "validate:abort" : NULL);
    assert_int_equal(open_descriptors(), before);
    close_jobs(&bench);
}

static void test_missing_program(void **state)
{
    (void)state;
    struct bench bench;
    struct build_jobs *jobs;
    struct error err;
    bench_open(&bench);
    const struct build_jobs_options options = {.program = "/nonexistent", .staging_dir = bench.dir};
    assert_int_equal(build_jobs_create(bench.base, &options, &jobs, &err), -1);
    assert_non_null(strstr(err.message, "/nonexistent"));
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_probe_refusals),
        cmocka_unit_test(test_plugin_of_the_oldest_abi),
        cmocka_unit_test(test_launch_over_tcp_is_told),
        cmocka_unit_test(test_validate),
        cmocka_unit_test(test_validate_with_dependencies),
        cmocka_unit_test(test_package),
        cmocka_unit_test(test_dependencies),
        cmocka_unit_test(test_dependencies_that_read_the_package),
        cmocka_unit_test(test_misbehaviour),
        cmocka_unit_test(test_too_many_files),
        cmocka_unit_test(test_texts_that_are_not_utf8),
        cmocka_unit_test(test_renamed_plugin),
        cmocka_unit_test(test_hang),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_folder_that_was_replaced_by_a_link),
        cmocka_unit_test(test_scaffold),
        cmocka_unit_test(test_round_robin),
        cmocka_unit_test(test_parallel),
        cmocka_unit_test(test_probes_wait_for_nobody),
        cmocka_unit_test(test_nothing_leaks),
        cmocka_unit_test(test_missing_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
