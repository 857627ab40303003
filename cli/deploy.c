#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "cli/client.h"
#include "cli/findings.h"
#include "cli/members.h"
#include "cli/pack.h"
#include "cli/run_commands.h"
#include "cli/say.h"
#include "cli/upload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REVISION_DIGITS 12

/* --- what is given on the command line --- */

/* A JSON list or object is one, anything else a text. NULL: it begins as one and is none. */
static json_t *setting_value(const char *text)
{
    return *text == '[' || *text == '{' ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : json_string(text);
}

static int refuse_setting(const char *given, const char *why)
{
    say_wrong("--set %s: %s", given, why);
    say_next("such as --set memory=128Mi, or --set 'secrets=[\"NAME\"]'");
    return STATUS_USAGE;
}

/* "memory=128Mi", or "environment.NAME=value". */
static int add_setting(json_t *settings, const char *given)
{
    const char *equals = strchr(given, '=');
    if (!equals || equals == given)
        return refuse_setting(given, "it is KEY=VALUE");
    json_t *value = setting_value(equals + 1);
    if (!value)
        return refuse_setting(given, "a value that begins with [ or { is JSON, and this is none");
    cleanup_free char *key = xstrndup(given, (size_t)(equals - given));
    char *point = strchr(key, '.');
    if (point) {
        *point = '\0';
        if (!json_is_object(json_object_get(settings, key)))
            json_object_set_new(settings, key, json_object());
        json_object_set_new(json_object_get(settings, key), point + 1, value);
    } else {
        json_object_set_new(settings, key, value);
    }
    return STATUS_OK;
}

static int read_settings(const struct arguments *arguments, json_t *settings)
{
    const char *language = arguments_value(arguments, "language"), *file = arguments_value(arguments, "file");
    const char *given;
    if (language)
        json_object_set_new(settings, "programing_language", json_string(language));
    if (file)
        json_object_set_new(settings, "base_function_file_name", json_string(file));
    for (size_t at = 0; (given = arguments_next(arguments, "set", &at));) {
        int status = add_setting(settings, given);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* --- to the daemon --- */

static int deploy(const struct arguments *arguments, const char *name, const json_t *settings, int fd,
                  json_t **ret_answer)
{
    char id[UPLOAD_ID_DIGITS + 1];
    int status = upload_file(arguments, fd, "", "the packed folder", id);
    if (status != STATUS_OK)
        return status;
    cleanup_free char *text = json_dumps(settings, JSON_COMPACT);
    cleanup_free char *begin = client_path("/berth/deployments/%s?wait=1", name);
    cleanup_strbuf struct strbuf path;
    strbuf_init(&path, CLIENT_PATH_MAX * 4);
    strbuf_append_text(&path, begin);
    client_add_parameter(&path, "upload", id);
    client_add_parameter(&path, "settings", text);
    if (path.overflowed) {
        say_wrong("the settings are too long");
        say_next("put them into function.yml in the folder");
        return STATUS_USAGE;
    }
    return client_put(arguments, strbuf_text(&path), "", 0, ret_answer);
}

/* --- what came of it --- */

/* Findings name files within the folder, which is here, too. */
static void locate_findings(const char *folder, json_t *findings)
{
    json_t *finding;
    size_t i, length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/')
        length--;
    json_array_foreach(findings, i, finding)
    {
        const char *file = member_text(finding, "file");
        cleanup_free char *path = xasprintf("%.*s/%s", (int)length, folder, file);
        if (*file && fs_exists(path))
            json_object_set_new(finding, "file", json_string(path));
    }
}

static void print_text(const char *text)
{
    size_t length = strlen(text);
    if (length > 0)
        fprintf(stderr, "%s%s", text, text[length - 1] == '\n' ? "" : "\n");
}

static void print_outcome(const char *name, const json_t *answer)
{
    const json_t *problem = json_object_get(answer, "problem");
    const json_t *failure = json_object_get(answer, "failure");
    const char *output = member_text(answer, "build_output"), *traceback = member_text(failure, "traceback");
    findings_print(stderr, json_object_get(answer, "findings"));
    if (member_is_true(answer, "deployed")) {
        printf("%s is deployed, revision %.*s\n\n  to call it:  berth invoke %s\n", name, REVISION_DIGITS,
               member_text(answer, "revision"), name);
        return;
    }
    print_text(output);
    print_text(*traceback ? traceback : member_text(failure, "output"));
    say_wrong("%s is not deployed: %s", name, member_text(problem, "message"));
    if (member_is_true(answer, "callable"))
        say_next("the revision that served before goes on serving");
    if (*member_text(problem, "hint"))
        say_next("%s", member_text(problem, "hint"));
}

static char *choose_name(const struct arguments *arguments, const char *folder)
{
    const char *given = arguments_value(arguments, "name");
    cleanup_free char *real = given ? NULL : realpath(folder, NULL);
    const char *slash = real ? strrchr(real, '/') : NULL;
    return xstrdup(given ? given : slash ? slash + 1 : folder);
}

static int show(const struct arguments *arguments, const char *folder, const char *name, json_t *answer)
{
    json_t *findings = json_object_get(answer, "findings");
    locate_findings(folder, findings);
    if (arguments_has(arguments, "json"))
        print_json(answer);
    else
        print_outcome(name, answer);
    if (findings_errors(findings) > 0)
        return STATUS_USAGE;
    return member_is_true(answer, "deployed") ? STATUS_OK : STATUS_FAILED;
}

int run_deploy(const struct arguments *arguments)
{
    const char *folder = arguments_operand(arguments, 0);
    json_t *settings = json_object(), *answer = NULL;
    cleanup_free char *name = choose_name(arguments, folder);
    cleanup_close int fd = -1;
    struct error err;
    int status = read_settings(arguments, settings);
    if (status == STATUS_OK && pack_folder(folder, &fd, &err) < 0) {
        say_wrong("%s", err.message);
        if (*err.hint)
            say_next("%s", err.hint);
        status = STATUS_FAILED;
    }
    if (status == STATUS_OK)
        status = deploy(arguments, name, settings, fd, &answer);
    if (status == STATUS_OK)
        status = show(arguments, folder, name, answer);
    json_decref(settings);
    json_decref(answer);
    return status;
}

/* --- remove --- */

static void print_removed(const struct arguments *arguments, const json_t *answer)
{
    (void)answer;
    printf("%s is removed; requests under way are finished\n", arguments_operand(arguments, 0));
}

int run_remove(const struct arguments *arguments)
{
    cleanup_free char *path = client_path("/berth/deployments/%s", arguments_operand(arguments, 0));
    return client_show(arguments, "DELETE", path, print_removed);
}
