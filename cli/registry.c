#include "base/cleanup.h"
#include "cli/berthd.h"
#include "cli/client.h"
#include "cli/findings.h"
#include "cli/members.h"
#include "cli/registry_entry.h"
#include "cli/run_commands.h"
#include "cli/say.h"

#include <string.h>
#include <unistd.h>

#define DEFAULT_REGISTRY "global-function-definition.yml"

static const char *registry_of(const struct arguments *arguments)
{
    const char *file = arguments_value(arguments, "config");
    return file ? file : DEFAULT_REGISTRY;
}

/* --- new --- */

static void print_files(const json_t *made)
{
    size_t i;
    const json_t *file;
    json_array_foreach(json_object_get(made, "files"), i, file)
        printf("made        %s\n", json_string_value(file));
}

static int register_function(const struct arguments *arguments, const json_t *made)
{
    const char *path = registry_of(arguments), *name = arguments_operand(arguments, 1);
    const char *entry = member_text(made, "entry");
    struct error err;
    bool added;
    if (registry_entry_add(path, entry, &added, &err) < 0) {
        say_wrong("%s", err.message);
        return STATUS_FAILED;
    }
    if (arguments_has(arguments, "json")) {
        json_t *answer = json_deep_copy(made);
        json_object_set_new(answer, "registered", json_boolean(added));
        print_json(answer);
        json_decref(answer);
        return STATUS_OK;
    }
    print_files(made);
    if (added)
        printf("registered  %s in %s\n\n  to call it:  berth invoke %s\n", name, path, name);
    else
        printf("\nTo register it, add this to the functions of %s, then: berth reload\n\n%s", path, entry);
    return STATUS_OK;
}

int run_new(const struct arguments *arguments)
{
    struct error err;
    bool is_new_file;
    if (registry_file_ensure(registry_of(arguments), &is_new_file, &err) < 0) {
        say_wrong("%s", err.message);
        return STATUS_FAILED;
    }
    cleanup_free char *output = NULL;
    const char *argv[] = {"--config",
                          registry_of(arguments),
                          "--new",
                          arguments_operand(arguments, 0),
                          arguments_operand(arguments, 1),
                          "--json",
                          NULL};
    int status = berthd_ask(argv, &output);
    json_t *made = status == 0 ? json_loads(output, 0, NULL) : NULL;
    if (!made) { /* berthd has said why */
        if (is_new_file)
            unlink(registry_of(arguments));
        return STATUS_FAILED;
    }
    status = register_function(arguments, made);
    json_decref(made);
    return status;
}

/* --- check --- */

/* Those about one function, and those about the file as a whole, which may be why it is not there. */
static json_t *findings_about(const json_t *findings, const char *name)
{
    json_t *chosen = json_array(), *finding;
    size_t i;
    json_array_foreach((json_t *)findings, i, finding)
    {
        const char *function = member_text(finding, "function");
        if (!*function || strcmp(function, name) == 0)
            json_array_append(chosen, finding);
    }
    return chosen;
}

#define CHECK_WORDS 7

/* The words that have berthd check; the last one is NULL. */
static void check_command(const struct arguments *arguments, bool is_json, const char *ret_words[CHECK_WORDS])
{
    const char *state_dir = arguments_value(arguments, "state");
    size_t count = 0;
    ret_words[count++] = "--check";
    ret_words[count++] = "--config";
    ret_words[count++] = registry_of(arguments);
    if (state_dir) {
        ret_words[count++] = "--state";
        ret_words[count++] = state_dir;
    }
    ret_words[count++] = is_json ? "--json" : NULL;
    ret_words[count] = NULL;
}

static int check_one(const struct arguments *arguments, const char *name)
{
    cleanup_free char *output = NULL;
    const char *argv[CHECK_WORDS] = {0};
    check_command(arguments, true, argv);
    int status = berthd_ask(argv, &output);
    json_t *all = status >= 0 ? json_loads(output, 0, NULL) : NULL;
    if (!all)
        return STATUS_FAILED; /* berthd has said why */
    json_t *findings = findings_about(all, name);
    size_t errors = findings_errors(findings);
    if (arguments_has(arguments, "json"))
        print_json(findings);
    else
        findings_print(stderr, findings);
    if (!arguments_has(arguments, "json") && json_array_size(findings) == 0)
        fprintf(stderr, "%s: nothing found\n", name);
    json_decref(findings);
    json_decref(all);
    return errors > 0 ? STATUS_USAGE : STATUS_OK;
}

int run_check(const struct arguments *arguments)
{
    const char *name = arguments_operand(arguments, 0), *argv[CHECK_WORDS] = {0};
    if (name)
        return check_one(arguments, name);
    check_command(arguments, arguments_has(arguments, "json"), argv);
    return berthd_become(argv);
}

/* --- reload --- */

static void print_reload(const json_t *answer)
{
    const json_t *findings = json_object_get(answer, "findings");
    size_t broken = json_array_size(json_object_get(answer, "broken"));
    findings_print(stderr, findings);
    long long functions = member_number(answer, "functions");
    printf("%lld function%s, %zu cannot be called; %zu finding%s\n", functions, functions == 1 ? "" : "s",
           broken, json_array_size(findings), json_array_size(findings) == 1 ? "" : "s");
    if (broken > 0)
        printf("For each: berth ls\n");
}

int run_reload(const struct arguments *arguments)
{
    json_t *answer;
    int status = client_ask(arguments, "POST", "/berth/reload?wait=1", &answer);
    if (status != STATUS_OK)
        return status;
    bool is_wrong = findings_errors(json_object_get(answer, "findings")) > 0 ||
                    json_array_size(json_object_get(answer, "broken")) > 0;
    if (arguments_has(arguments, "json"))
        print_json(answer);
    else
        print_reload(answer);
    json_decref(answer);
    return is_wrong ? STATUS_USAGE : STATUS_OK;
}
