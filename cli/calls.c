#include "base/cleanup.h"
#include "base/strbuf.h"
#include "cli/call_view.h"
#include "cli/client.h"
#include "cli/members.h"
#include "cli/run_commands.h"
#include "cli/say.h"

#include <stdio.h>

static void add_flag(struct strbuf *path, const struct arguments *arguments, const char *flag)
{
    const char *value = arguments_value(arguments, flag);
    if (value)
        client_add_parameter(path, flag, value);
}

/* --- lists --- */

static void print_calls(const struct arguments *arguments, const json_t *calls)
{
    (void)arguments;
    if (json_array_size(calls) == 0) {
        printf("No such call is kept.\n");
        return;
    }
    call_view_print_list(calls);
    printf("\nWhat happened to one: berth calls show ID, or its number\n");
}

int run_calls(const struct arguments *arguments)
{
    cleanup_strbuf struct strbuf path;
    const char *function = arguments_operand(arguments, 0);
    strbuf_init(&path, CLIENT_PATH_MAX);
    strbuf_append_text(&path, "/berth/calls");
    if (function)
        client_add_parameter(&path, "function", function);
    add_flag(&path, arguments, "function");
    add_flag(&path, arguments, "state");
    add_flag(&path, arguments, "limit");
    add_flag(&path, arguments, "before");
    return client_show(arguments, "GET", strbuf_text(&path), print_calls);
}

static void print_dead(const struct arguments *arguments, const json_t *calls)
{
    (void)arguments;
    if (json_array_size(calls) == 0) {
        printf("There are no dead letters.\n");
        return;
    }
    call_view_print_list(calls);
    printf("\nWhat happened to one: berth dead show ID. To try it again: berth dead redrive ID\n");
}

int run_dead_ls(const struct arguments *arguments)
{
    cleanup_strbuf struct strbuf path;
    strbuf_init(&path, CLIENT_PATH_MAX);
    strbuf_append_text(&path, "/berth/dead");
    add_flag(&path, arguments, "function");
    add_flag(&path, arguments, "limit");
    add_flag(&path, arguments, "before");
    return client_show(arguments, "GET", strbuf_text(&path), print_dead);
}

/* --- one --- */

static void print_call(const struct arguments *arguments, const json_t *call)
{
    (void)arguments;
    call_view_print(call);
}

int run_calls_show(const struct arguments *arguments)
{
    cleanup_free char *path = client_path("/berth/calls/%s", arguments_operand(arguments, 0));
    return client_show(arguments, "GET", path, print_call);
}

static void print_cancelled(const struct arguments *arguments, const json_t *call)
{
    (void)arguments;
    printf("Call %lld of %s is cancelled.\n", member_number(call, "number"), member_text(call, "function"));
}

int run_calls_cancel(const struct arguments *arguments)
{
    cleanup_free char *path = client_path("/berth/calls/%s", arguments_operand(arguments, 0));
    return client_show(arguments, "DELETE", path, print_cancelled);
}

/* --- what becomes of dead letters --- */

/* Which are meant: one, those of a function, or all; said unless it is exactly one of these. */
static int make_path(const struct arguments *arguments, const char *of_one, const char *of_many,
                     struct strbuf *path)
{
    const char *id = arguments_operand(arguments, 0), *function = arguments_value(arguments, "function");
    bool all = arguments_has(arguments, "all");
    strbuf_init(path, CLIENT_PATH_MAX);
    if ((id != NULL) + (function != NULL) + all != 1) {
        say_wrong("%s needs either an ID, or --function NAME, or --all", arguments->command->name);
        say_next("berth dead ls shows what there is");
        return STATUS_USAGE;
    }
    if (id) {
        cleanup_free char *one = client_path(of_one, id);
        strbuf_append_text(path, one);
        return STATUS_OK;
    }
    strbuf_append_text(path, of_many);
    client_add_parameter(path, function ? "function" : "all", function ? function : "1");
    return STATUS_OK;
}

/* Asks until all are done, a thousand at a time. *ret_count: how many. */
static int change_all(const struct arguments *arguments, const char *method, const char *path,
                      const char *member, long long *ret_count)
{
    long long next = 0;
    do {
        cleanup_strbuf struct strbuf page;
        char before[32];
        json_t *answer;
        strbuf_init(&page, CLIENT_PATH_MAX);
        strbuf_append_text(&page, path);
        snprintf(before, sizeof(before), "%lld", next);
        if (next > 0)
            client_add_parameter(&page, "before", before);
        int status = client_ask(arguments, method, strbuf_text(&page), &answer);
        if (status != STATUS_OK)
            return status;
        *ret_count += member_number(answer, member);
        next = member_number(answer, "next");
        json_decref(answer);
    } while (next > 0);
    return STATUS_OK;
}

static int change_dead(const struct arguments *arguments, const char *method, const struct strbuf *path,
                       const char *member, const char *done)
{
    long long count = 0;
    int status = change_all(arguments, method, strbuf_text(path), member, &count);
    if (status != STATUS_OK)
        return status;
    if (arguments_has(arguments, "json")) {
        json_t *json = json_pack("{s:I}", member, (json_int_t)count);
        print_json(json);
        json_decref(json);
    } else {
        printf("Dead letters %s: %lld\n", done, count);
    }
    return STATUS_OK;
}

int run_dead_redrive(const struct arguments *arguments)
{
    cleanup_strbuf struct strbuf path;
    int status = make_path(arguments, "/berth/dead/%s/redrive", "/berth/dead/redrive", &path);
    return status == STATUS_OK ? change_dead(arguments, "POST", &path, "redriven", "that wait again")
                               : status;
}

int run_dead_drop(const struct arguments *arguments)
{
    cleanup_strbuf struct strbuf path;
    int status = make_path(arguments, "/berth/dead/%s", "/berth/dead", &path);
    return status == STATUS_OK ? change_dead(arguments, "DELETE", &path, "dropped", "that are forgotten")
                               : status;
}
