/* Secrets: set, listed, given another value, removed. Values go from standard input or a file to the daemon.
 */
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "cli/client.h"
#include "cli/grid.h"
#include "cli/members.h"
#include "cli/run_commands.h"
#include "cli/say.h"
#include "cli/secret_value.h"

#include <sodium.h>
#include <stdio.h>
#include <sys/prctl.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))
#define REVISION_DIGITS 12
#define NAMES_MAX       65536 /* bytes of a cell */

/* --- a value on its way --- */

/* What curl and the JSON hold of it is in no core file either. */
static json_t *body_of(const struct locked *value)
{
    prctl(PR_SET_DUMPABLE, 0);
    size_t size = sodium_base64_encoded_len(value->size, sodium_base64_VARIANT_ORIGINAL);
    cleanup_locked struct locked coded = locked_make(size);
    sodium_bin2base64(coded.bytes, size, (const unsigned char *)value->bytes, value->size,
                      sodium_base64_VARIANT_ORIGINAL);
    return json_pack("{s:s}", "rawValue", coded.bytes);
}

static int put(const struct arguments *arguments, const char *format, json_t **ret_answer)
{
    const char *name = arguments_operand(arguments, 0);
    cleanup_locked struct locked value = {0};
    cleanup_free char *path = client_path(format, name);
    int status = secret_value_read(arguments, name, &value);
    return status == STATUS_OK ? client_send(arguments, "PUT", path, body_of(&value), ret_answer) : status;
}

/* --- set --- */

static void print_user_of_new(const char *function, const json_t *missing)
{
    size_t count = json_array_size(missing), i;
    const json_t *name;
    if (count == 0) {
        printf("%s takes it over; berth describe %s tells how that goes.\n", function, function);
        return;
    }
    printf("%s still waits for %s", function, count == 1 ? "secret" : "secrets");
    json_array_foreach(missing, i, name)
        printf("%s %s", i == 0 ? "" : (i + 1 == count ? " and" : ","), json_string_value(name));
    printf(": berth secret set %s\n", json_string_value(json_array_get(missing, 0)));
}

static void print_set(const char *name, const json_t *answer)
{
    const json_t *waiting = json_object_get(answer, "waiting");
    const json_t *functions = json_object_get(answer, "functions"), *function;
    size_t i;
    printf("%s is set.\n", name);
    json_array_foreach(functions, i, function)
        print_user_of_new(json_string_value(function), json_object_get(waiting, json_string_value(function)));
    if (json_array_size(functions) == 0)
        printf("No function uses it yet: below `configuration`, secrets: [%s] makes it a file, "
               "/run/secrets/%s.\n",
               name, name);
}

static int set(const struct arguments *arguments, const char *format)
{
    json_t *answer;
    int status = put(arguments, format, &answer);
    if (status != STATUS_OK)
        return status;
    if (arguments_has(arguments, "json"))
        print_json(answer);
    else
        print_set(arguments_operand(arguments, 0), answer);
    json_decref(answer);
    return STATUS_OK;
}

int run_secret_set(const struct arguments *arguments)
{
    return set(arguments, "/berth/secrets/%s");
}

/* --- ls --- */

static void add_names(struct grid *grid, const json_t *names)
{
    cleanup_strbuf struct strbuf text;
    const json_t *name;
    size_t i;
    strbuf_init(&text, NAMES_MAX);
    json_array_foreach(names, i, name)
        strbuf_append_format(&text, "%s%s", i ? ", " : "", json_string_value(name));
    grid_add(grid, COLOUR_NONE, text.length > 0 ? strbuf_text(&text) : NULL);
}

static void print_secrets(const struct arguments *arguments, const json_t *secrets)
{
    (void)arguments;
    static const char *const columns[] = {"NAME", "SET", "USED BY", "PROBLEM"};
    const json_t *secret;
    size_t i;
    if (json_array_size(secrets) == 0) {
        printf("There is no secret. To set one: berth secret set NAME\n");
        return;
    }
    struct grid *grid = grid_create(columns, COUNT_OF(columns));
    json_array_foreach(secrets, i, secret)
    {
        const char *problem = member_text(secret, "problem");
        grid_add(grid, COLOUR_BOLD, member_text(secret, "name"));
        grid_add(grid, COLOUR_NONE, member_text(secret, "set"));
        add_names(grid, json_object_get(secret, "functions"));
        grid_add(grid, *problem ? COLOUR_RED : COLOUR_NONE, *problem ? problem : NULL);
    }
    grid_print(grid);
}

int run_secret_ls(const struct arguments *arguments)
{
    return client_show(arguments, "GET", "/berth/secrets", print_secrets);
}

/* --- rotate --- */

/* False: it does not serve with the new value. */
static bool print_user(const json_t *user)
{
    const char *name = member_text(user, "function");
    if (member_is_true(user, "taken_over")) {
        printf("%s serves with it, as revision %.*s.\n", name, REVISION_DIGITS,
               member_text(user, "revision"));
        return true;
    }
    const json_t *problem = json_object_get(user, "problem");
    say_wrong("%s does not serve with it: %s", name,
              json_is_object(problem) ? member_text(problem, "message")
                                      : "a revision that was gone back to holds, or something else was "
                                        "deployed meanwhile");
    say_next("%sberth describe %s tells more",
             *member_text(user, "revision") ? "what served before goes on, with the former value; " : "",
             name);
    return false;
}

static int print_rotated(const struct arguments *arguments, const json_t *answer)
{
    const json_t *functions = json_object_get(answer, "functions"), *function;
    int status = STATUS_OK;
    size_t i;
    bool is_json = arguments_has(arguments, "json");
    if (is_json)
        print_json(answer);
    else
        printf("%s has its new value.\n", arguments_operand(arguments, 0));
    json_array_foreach(functions, i, function)
    {
        bool is_good = is_json ? member_is_true(function, "taken_over") : print_user(function);
        status = is_good ? status : STATUS_FAILED;
    }
    return status;
}

int run_secret_rotate(const struct arguments *arguments)
{
    json_t *answer;
    if (arguments_has(arguments, "no-wait"))
        return set(arguments, "/berth/secrets/%s?existing=1");
    int status = put(arguments, "/berth/secrets/%s?existing=1&wait=1", &answer);
    if (status != STATUS_OK)
        return status;
    status = print_rotated(arguments, answer);
    json_decref(answer);
    return status;
}

/* --- rm --- */

static void print_removed(const struct arguments *arguments, const json_t *answer)
{
    (void)arguments;
    printf("%s is removed.\n", member_text(answer, "removed"));
}

int run_secret_rm(const struct arguments *arguments)
{
    const char *format =
        arguments_has(arguments, "force") ? "/berth/secrets/%s?force=1" : "/berth/secrets/%s";
    cleanup_free char *path = client_path(format, arguments_operand(arguments, 0));
    return client_show(arguments, "DELETE", path, print_removed);
}
