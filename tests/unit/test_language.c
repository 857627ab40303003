/* A plugin whose language is a table: what its callbacks make of a function's folder. The language of this
 * test has shell scripts as functions, and runs them as their own check. */
#include "own_folder.h"

#include "language.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX 65536

static const struct berth_option options[] = {
    {.name = "width", .type = BERTH_OPTION_STRING, .help = "Letters a line."},
    {.name = "depth", .type = BERTH_OPTION_STRING, .help = "None unless set."},
};

const struct berth_language berth_language = {
    .name = "tested",
    .version = "1.0",
    .options = options,
    .option_count = 2,
    .file = "main.t",
    .suffix = ".t",
    .sample = "# nothing\n",
    .exclude = (const char *const[]){"*.o", NULL},
    .check = (const char *const[]){"checker", NULL},
    .install = (const char *const[]){"installer", NULL},
    .reads = (const char *const[]){"*.wanted", "lock", "parts", NULL},
    .run = (const char *const[]){"runner", NULL},
    .concurrency = 3,
};

/* A host that keeps what it is told. */
struct berth_job {
    char told[TEXT_MAX];
    const char *width;
};

static void tell(struct berth_job *job, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void tell(struct berth_job *job, const char *format, ...)
{
    size_t used = strlen(job->told);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(job->told + used, sizeof(job->told) - used, format, arguments);
    va_end(arguments);
}

static int report(struct berth_job *job, const struct berth_diagnostic *diagnostic)
{
    tell(job, "%d %s:%u:%u %s (%s)\n", (int)diagnostic->severity, diagnostic->file ? diagnostic->file : "-",
         diagnostic->line, diagnostic->column, diagnostic->message, diagnostic->hint ? diagnostic->hint : "");
    return 0;
}

static const char *option(struct berth_job *job, const char *name)
{
    return strcmp(name, "width") == 0 ? job->width : NULL;
}

static int add_file(struct berth_job *job, const char *path, const void *bytes, size_t size, int executable)
{
    tell(job, "file %s %.*s%d\n", path, (int)size, (const char *)bytes, executable);
    return 0;
}

static int add_folder(struct berth_job *job, const char *path, const char *source, const char *const *exclude)
{
    (void)source;
    tell(job, "folder '%s' without %s\n", path, exclude[0]);
    return 0;
}

static int set_dependencies(struct berth_job *job, const struct berth_dependencies *dependencies)
{
    tell(job, "%s as %s:", dependencies->argv[0], dependencies->key);
    for (const char *const *path = dependencies->reads; *path; path++)
        tell(job, " %s", *path);
    tell(job, "\n");
    return 0;
}

static int set_launch(struct berth_job *job, const struct berth_launch *launch)
{
    tell(job, "%s %u %s\n", launch->command[0], launch->concurrency, launch->runtime);
    return 0;
}

static const struct berth_host host = {
    .struct_size = sizeof(host),
    .abi_minor = BERTH_ABI_MINOR,
    .report = report,
    .option = option,
    .add_file = add_file,
    .add_folder = add_folder,
    .set_dependencies = set_dependencies,
    .set_launch = set_launch,
};

/* ---- The function ---- */

static void write_file(const struct folder *folder, const char *name, const char *text)
{
    char *path = xasprintf("%s/%s", folder->path, name);
    assert_int_equal(fs_write_file(path, text, strlen(text), 0644, NULL), 0);
    free(path);
}

static void make_dir(const struct folder *folder, const char *name)
{
    char *path = xasprintf("%s/%s", folder->path, name);
    assert_int_equal(mkdir(path, 0755), 0);
    free(path);
}

static void make_link(const struct folder *folder, const char *target, const char *name)
{
    char *path = xasprintf("%s/%s", folder->path, name);
    assert_int_equal(symlink(target, path), 0);
    free(path);
}

/* The interpreter of the language is a shell, found as the first in PATH. */
static int make_function(void **state)
{
    make_folder(state);
    struct folder *folder = *state;
    make_dir(folder, ".bin");
    make_link(folder, "/bin/sh", ".bin/checker");
    char *path = xasprintf("%s/.bin:/usr/bin:/bin", folder->path);
    setenv("PATH", path, 1);
    free(path);
    return 0;
}

#define FUNCTION_TEST(test) cmocka_unit_test_setup_teardown(test, make_function, remove_folder)

typedef int callback(const struct berth_host *host, struct berth_job *job,
                     const struct berth_function *function, struct berth_error *err);

/* Calls one, and compares what the host was told; after -1 the error. */
static void told_by(callback *call, const struct folder *folder, const char *file, int rc, const char *told)
{
    static struct berth_job job;
    job = (struct berth_job){.width = "a \"b\"\n\\"};
    struct berth_error err = {.struct_size = sizeof(err)};
    const struct berth_function function = {.struct_size = sizeof(function),
                                            .name = "f",
                                            .folder = folder->path,
                                            .file = file,
                                            .dependencies = "/where/they/are"};
    assert_int_equal(call(&host, &job, &function, &err), rc);
    assert_string_equal(rc == 0 ? job.told : err.message, told);
}

static void look(const struct folder *folder, const char *script, int rc, const char *told)
{
    write_file(folder, "main.t", script);
    told_by(berth_plugin_entry()->validate, folder, NULL, rc, told);
}

/* ---- The tests ---- */

static void check_is_reported(void **state)
{
    look(*state, "echo main.t:1:2: error: no\necho hint: yes\necho x:3: warning: odd\necho note: so\n", 0,
         "1 main.t:1:2 no (yes)\n2 x:3:0 odd ()\n3 -:0:0 so ()\n");
    look(*state, "echo a: error: 1; echo b: error: 2; echo hint: 3; echo hint: 4", 0,
         "1 a:0:0 1 ()\n1 b:0:0 2 (3)\n");
    look(*state, "printf 'error: a\\tb'", 0, "1 -:0:0 a?b ()\n");
    look(*state, ":", 0, "");
}

static void check_is_given(void **state)
{
    make_dir(*state, "sub");
    write_file(*state, "sub/b.t", "");
    write_file(*state, "sub/b.o", "");
    write_file(*state, ".hidden", "");
    write_file(*state, "one\ntwo", "");
    make_link(*state, "..", "sub/up");
    make_link(*state, "sub", "also");
    make_link(*state, "nowhere", "lost");
    look(*state, "while read name; do echo \"note: $name\"; done", 0,
         "3 -:0:0 also/b.t ()\n3 -:0:0 main.t ()\n3 -:0:0 sub/b.t ()\n");
    look(*state, "echo \"note: $0 $BERTH_DEPENDENCIES ${BERTH_OPTION_DEPTH-none}\"", 0,
         "3 -:0:0 main.t /where/they/are none ()\n");
    look(*state, "printf 'note: %s' \"$BERTH_OPTION_WIDTH\"", 0, "3 -:0:0 a \"b\" ()\n");
    look(*state, "[ -e sub/b.t ] && echo note: here", 0, "3 -:0:0 here ()\n");
}

static void check_that_cannot_look(void **state)
{
    look(*state, "echo about to; echo it broke >&2; exit 3", -1,
         "the check of the language failed (exit status 3): it broke");
    look(*state, "echo error: no; exit 1", 0, "1 -:0:0 no ()\n");
    look(*state, "kill -9 $$", -1, "the check of the language ended with SIGKILL");
    setenv("PATH", "/nowhere", 1);
    look(*state, "echo error: no", 0,
         "2 -:0:0 the files are not looked at before they run: this machine has no checker "
         "(install it beside the daemon)\n");
}

/* More than fits into a pipe, both ways: nobody waits for the other. */
static void check_that_does_not_listen_and_one_that_does_not_end_soon(void **state)
{
    for (int i = 0; i < 400; i++) {
        char name[256];
        snprintf(name, sizeof(name), "%d-%0200d", i, 0);
        write_file(*state, name, "");
    }
    look(*state, "exec <&-; echo note: so", 0, "3 -:0:0 so ()\n");
    look(*state, "echo note: so; i=0; while [ $i -lt 9999 ]; do i=$((i + 1)); printf '%099d\\n' 0; done; cat",
         0, "3 -:0:0 so ()\n");
}

static void file_is_found(void **state)
{
    callback *launch = berth_plugin_entry()->launch, *validate = berth_plugin_entry()->validate;
    told_by(validate, *state, NULL, 0,
            "1 -:0:0 there is no main.t (write it, or name another file with `file:`)\n");
    told_by(validate, *state, "x", 0,
            "1 -:0:0 cannot read x: No such file or directory (name the file that answers requests with "
            "`file:`)\n");
    write_file(*state, "a \"b\".t", "");
    make_dir(*state, "folder.t");
    told_by(launch, *state, NULL, 0,
            "runner 3 {\"file\": \"a \\\"b\\\".t\", \"options\": {\"width\": \"a \\\"b\\\"\\u000a\\\\\"}}\n");
    write_file(*state, "other.t", "");
    told_by(validate, *state, NULL, 0,
            "1 -:0:0 there are 2 files that end in .t, and no main.t among them (name the one that answers "
            "requests with "
            "`file:`)\n");
    told_by(launch, *state, NULL, -1, "the function's files have changed since they were checked");
    told_by(validate, *state, "folder.t", 0,
            "1 -:0:0 cannot read folder.t: it is no plain file (name the file that answers requests with "
            "`file:`)\n");
    write_file(*state, "main.t", "");
    told_by(validate, *state, NULL, 0, "");
}

static void installation_is_asked_for(void **state)
{
    callback *package = berth_plugin_entry()->package;
    write_file(*state, "lock", "");
    told_by(package, *state, NULL, 0, "folder '' without *.o\n");
    write_file(*state, "x.wanted", "");
    told_by(package, *state, NULL, 0, "folder '' without *.o\ninstaller as lock x.wanted: lock x.wanted\n");
    make_dir(*state, "parts");
    told_by(package, *state, NULL, 0,
            "folder '' without *.o\ninstaller as lock parts x.wanted: lock parts x.wanted\n");
}

static void new_function_is_written(void **state)
{
    told_by(berth_plugin_entry()->scaffold, *state, NULL, 0, "file main.t # nothing\n0\n");
    told_by(berth_plugin_entry()->scaffold, *state, "x.t", 0, "file x.t # nothing\n0\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FUNCTION_TEST(check_is_reported),
        FUNCTION_TEST(check_is_given),
        FUNCTION_TEST(check_that_cannot_look),
        FUNCTION_TEST(check_that_does_not_listen_and_one_that_does_not_end_soon),
        FUNCTION_TEST(file_is_found),
        FUNCTION_TEST(installation_is_asked_for),
        FUNCTION_TEST(new_function_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
