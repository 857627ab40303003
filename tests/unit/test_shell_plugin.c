/* The shell plugin through its table, with a host that writes down what it is told. */
#include "syntax.h"

#include <berth/plugin.h>

#include <ftw.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* What the plugin told its host. */
static char findings[4096]; /* "severity file:line:column message|" each */
static char added[8192]; /* the last add_file's or add_folder's arguments */
static char runtime[1024];
static char command[256];
static unsigned concurrency;
static const char *content_type;
static char folder[64];

static int report(struct berth_job *job, const struct berth_diagnostic *diagnostic)
{
    (void)job;
    size_t used = strlen(findings);
    snprintf(findings + used, sizeof(findings) - used, "%d %s:%u:%u %s|", diagnostic->severity,
             diagnostic->file ? diagnostic->file : "-", diagnostic->line, diagnostic->column,
             diagnostic->message);
    return 0;
}

static const char *option(struct berth_job *job, const char *name)
{
    (void)job;
    assert_string_equal(name, "content_type");
    return content_type;
}

static int add_file(struct berth_job *job, const char *path, const void *bytes, size_t size, int executable)
{
    (void)job;
    snprintf(added, sizeof(added), "%s %d %.*s", path, executable, (int)size, (const char *)bytes);
    return 0;
}

static int add_folder(struct berth_job *job, const char *path, const char *source, const char *const *exclude)
{
    (void)job;
    assert_non_null(exclude);
    snprintf(added, sizeof(added), "[%s] %s", path, source);
    return 0;
}

static int set_launch(struct berth_job *job, const struct berth_launch *launch)
{
    (void)job;
    assert_int_equal(launch->struct_size, sizeof(*launch));
    assert_int_equal(launch->transport, BERTH_TRANSPORT_DIAL_HOME);
    assert_null(launch->image);
    snprintf(command, sizeof(command), "%s", launch->command[0]);
    assert_null(launch->command[1]);
    concurrency = launch->concurrency;
    snprintf(runtime, sizeof(runtime), "%s", launch->runtime);
    return 0;
}

static const struct berth_host host = {
    .struct_size = sizeof(host),
    .abi_minor = BERTH_ABI_MINOR,
    .report = report,
    .option = option,
    .add_file = add_file,
    .add_folder = add_folder,
    .set_launch = set_launch,
};

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int setup(void **state)
{
    (void)state;
    content_type = "text/plain; charset=utf-8";
    findings[0] = added[0] = runtime[0] = '\0';
    snprintf(folder, sizeof(folder), "/tmp/test-shell-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void write_file(const char *name, const char *text, size_t size, mode_t mode)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static struct berth_function function_of(const char *file)
{
    return (struct berth_function){
        .struct_size = sizeof(struct berth_function), .name = "f", .folder = folder, .file = file};
}

static void expect_findings(const char *file, const char *expected)
{
    struct berth_error err = {.struct_size = sizeof(err)};
    struct berth_function function = function_of(file);
    findings[0] = '\0';
    assert_int_equal(berth_plugin_entry()->validate(&host, NULL, &function, &err), 0);
    if (strncmp(findings, expected, strlen(expected)) != 0 || (!expected[0] && findings[0]))
        fail_msg("expected %s, got %s", expected, findings);
}

static void launch(const char *file)
{
    struct berth_error err = {.struct_size = sizeof(err)};
    struct berth_function function = function_of(file);
    assert_int_equal(berth_plugin_entry()->launch(&host, NULL, &function, &err), 0);
    assert_string_equal(command, "/opt/berth/shell-runner");
    assert_int_equal(concurrency, 4);
}

/* A script, what is found in it, and what runs it ("" when it does not launch). */
static const struct {
    const char *text;
    const char *findings;
    const char *runtime;
} scripts[] = {
    {"#!/bin/sh\necho a\n", "", "\"interpreter\":\"/bin/sh\""},
    {"#! /usr/bin/bash -e \narr=(1 2)\n", "", "\"interpreter\":\"/bin/bash\",\"argument\":\"-e\""},
    {"#!/usr/bin/env bash\narr=(1 2)\n", "", "\"interpreter\":\"/bin/bash\""},
    {"#!/usr/bin/awk -f\nBEGIN { print }\n", "", "\"interpreter\":\"/usr/bin/awk\",\"argument\":\"-f\""},
    {"#!/usr/bin/perl\nprint 1;\n", "", "\"interpreter\":\"/usr/bin/perl\""},
    {"echo a\n", "3 f.sh:1:1 there is no #! line, so /bin/sh runs the script|",
     "\"interpreter\":\"/bin/sh\""},
    {"#!/usr/bin/node --no-warnings\n", "2 f.sh:1:1 the runtime image may not have \"/usr/bin/node\"|",
     "\"interpreter\":\"/usr/bin/node\",\"argument\":\"--no-warnings\""},
    {"#!/usr/bin/env node\n", "2 f.sh:1:1 the runtime image may not have \"node\"|",
     "\"interpreter\":\"/usr/bin/env\",\"argument\":\"node\""},
    {"#!/usr/bin/env -S bash -e\n", "2 f.sh:1:1 the runtime image may not have \"-S bash -e\"|",
     "\"interpreter\":\"/usr/bin/env\",\"argument\":\"-S bash -e\""},
    {"#!/usr/bin/env env\n", "1 f.sh:1:1 the #! line names no program that could be run: \"env\"|", ""},
    {"#!node\n", "1 f.sh:1:1 the #! line names no program that could be run: \"node\"|", ""},
    {"#!\n", "1 f.sh:1:1 the #! line names no program that could be run: \"\"|", ""},
    {"", "1 f.sh:0:0 the file is empty|", ""},
    {"\xef\xbb\xbf#!/bin/sh\n", "1 f.sh:1:1 a byte order mark", ""},
    {"#!/bin/sh\r\necho\r\n", "1 f.sh:1:10 the line ends in CR LF", "/bin/sh"},
    {"#!/bin/sh\necho a\n  echo b\r\n", "1 f.sh:3:9 the line ends in CR LF", "/bin/sh"},
    {"#!/bin/sh\nif true\nthen echo\n", "1 f.sh:4:0 Syntax error: end of file unexpected (expecting \"fi\")|",
     "/bin/sh"},
    {"#!/bin/bash\necho a\nfi\n", "1 f.sh:3:0 syntax error near unexpected token `fi'|", "/bin/bash"},
    {"#!/bin/bash\necho \"a\n", "1 f.sh:2:0 unexpected EOF while looking for matching `\"'", "/bin/bash"},
    {"#!/bin/sh\narr=(1 2)\n", "1 f.sh:2:0 Syntax error: \"(\" unexpected|", "/bin/sh"},
    {"\177ELF", "1 f.sh:0:0 the program is not executable|", ""},
};

static void test_scripts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        print_message("  %.30s\n", scripts[i].text);
        write_file("f.sh", scripts[i].text, strlen(scripts[i].text), 0644);
        expect_findings("f.sh", scripts[i].findings);
        if (scripts[i].runtime[0]) {
            launch("f.sh");
            if (!strstr(runtime, scripts[i].runtime))
                fail_msg("%s is not in %s", scripts[i].runtime, runtime);
        }
    }
}

/* More parentheses than the shell has room for: it ends by a signal, and says nothing. */
static void test_shell_that_crashes(void **state)
{
    (void)state;
    static char script[1 << 20] = "#!/bin/sh\n";
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_STACK, &before), 0);
    const struct rlimit small = {.rlim_cur = 1 << 20, .rlim_max = before.rlim_max};
    memset(script + 10, '(', sizeof(script) - 10);
    write_file("f.sh", script, sizeof(script), 0644);
    assert_int_equal(setrlimit(RLIMIT_STACK, &small), 0);
    expect_findings("f.sh", "1 f.sh:0:0 sh -n does not accept the script: it ended with SIGSEGV|");
    assert_int_equal(setrlimit(RLIMIT_STACK, &before), 0);
}

/* Nothing of the script, nor what the environment asks bash to read first, is run. */
static void test_runs_nothing(void **state)
{
    (void)state;
    char text[256], mark[128];
    snprintf(mark, sizeof(mark), "%s/mark", folder);
    snprintf(text, sizeof(text), "#!/bin/bash\ntouch %s\n", mark);
    write_file("f.sh", text, strlen(text), 0644);
    write_file("env", text, strlen(text), 0644);
    snprintf(text, sizeof(text), "%s/env", folder);
    setenv("BASH_ENV", text, 1);
    expect_findings("f.sh", "");
    unsetenv("BASH_ENV");
    assert_int_equal(access(mark, F_OK), -1);
}

static void test_entry_file(void **state)
{
    (void)state;
    const char *script = "#!/bin/sh\necho\n";
    size_t size = strlen(script);
    expect_findings(NULL, "1 -:0:0 the folder holds no *.sh file and no executable|");
    expect_findings("none.sh", "1 none.sh:0:0 No such file or directory|");
    write_file("README", "text", 4, 0644);
    write_file(".hidden.sh", script, size, 0755);
    write_file("program", script, size, 0755);
    launch(NULL);
    assert_non_null(strstr(runtime, "\"file\":\"program\""));
    write_file("a.sh", script, size, 0644);
    expect_findings(NULL, "");
    launch(NULL);
    assert_non_null(strstr(runtime, "\"file\":\"a.sh\""));
    write_file("b.sh", script, size, 0644);
    expect_findings(NULL, "1 -:0:0 more than one file could be the function: ");
    expect_findings("b.sh", "");
    expect_findings(".", "1 .:0:0 it is not a plain file|");
}

static void test_binary(void **state)
{
    (void)state;
    write_file("tool", "\177ELF....", 8, 0755);
    expect_findings(NULL, "");
    launch(NULL);
    assert_string_equal(runtime, "{\"file\":\"tool\",\"content_type\":\"text/plain; charset=utf-8\"}");
}

static void test_content_type(void **state)
{
    (void)state;
    write_file("f.sh", "#!/bin/sh\n", 10, 0644);
    content_type = "text/html\r\nX: y";
    expect_findings(NULL, "1 -:0:0 content_type holds a control character|");
    content_type = "text/\"html\"";
    expect_findings(NULL, "");
    launch(NULL);
    json_t *parsed = json_loads(runtime, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(parsed, "content_type")), content_type);
    json_decref(parsed);
}

static void test_package_and_scaffold(void **state)
{
    (void)state;
    char expected[128];
    struct berth_error err = {.struct_size = sizeof(err)};
    struct berth_function function = function_of(NULL);
    const struct berth_plugin *plugin = berth_plugin_entry();
    assert_int_equal(plugin->package(&host, NULL, &function, &err), 0);
    snprintf(expected, sizeof(expected), "[] %s", folder);
    assert_string_equal(added, expected);
    assert_int_equal(plugin->scaffold(&host, NULL, &function, &err), 0);
    assert_int_equal(strncmp(added, "handler.sh 1 #!/bin/sh\n", 23), 0);
    write_file("handler.sh", added + 13, strlen(added + 13), 0755);
    expect_findings(NULL, "");
    function.file = "mine.sh";
    assert_int_equal(plugin->scaffold(&host, NULL, &function, &err), 0);
    assert_int_equal(strncmp(added, "mine.sh 1 ", 10), 0);
}

static void test_lines_of_shells(void **state)
{
    (void)state;
    unsigned line;
    const char *message;
    assert_int_equal(syntax_parse_line("f: line 3: bad", "f", &line, &message), 0);
    assert_int_equal(line, 3);
    assert_string_equal(message, "bad");
    assert_int_equal(syntax_parse_line("f: 12: Syntax error: x", "f", &line, &message), 0);
    assert_int_equal(line, 12);
    assert_string_equal(message, "Syntax error: x");
    assert_int_equal(syntax_parse_line("g: 12: x", "f", &line, &message), -1);
    assert_int_equal(syntax_parse_line("f: x: y", "f", &line, &message), -1);
    assert_int_equal(syntax_parse_line("f: 1", "f", &line, &message), -1);
    assert_int_equal(syntax_parse_line("f: 99999999999999999999: x", "f", &line, &message), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_scripts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shell_that_crashes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_runs_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_entry_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_binary, setup, teardown),
        cmocka_unit_test_setup_teardown(test_content_type, setup, teardown),
        cmocka_unit_test_setup_teardown(test_package_and_scaffold, setup, teardown),
        cmocka_unit_test(test_lines_of_shells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
