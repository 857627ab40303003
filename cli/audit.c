/* What a function can reach, read, write and use, in words: the daemon has it from what it tells the engine.
 */
#include "base/cleanup.h"
#include "cli/audit_reach.h"
#include "cli/audit_walls.h"
#include "cli/client.h"
#include "cli/fact.h"
#include "cli/members.h"
#include "cli/quantity.h"
#include "cli/run_commands.h"
#include "cli/say.h"

#include <stdio.h>
#include <string.h>

#define REVISION_DIGITS 12
#define QUANTITY_SIZE   32

/* --- who calls it, and whom it calls --- */

static void print_schedules(const json_t *schedules)
{
    const char *label = "the clock";
    const json_t *schedule;
    size_t i;
    json_array_foreach(schedules, i, schedule)
    {
        const char *zone = member_text(schedule, "time_zone");
        fact_print(label, "%s%s%s", member_text(schedule, "cron"), *zone ? ", in the time zone " : "", zone);
        label = "";
    }
}

static void print_result_callers(const json_t *callers)
{
    const json_t *caller;
    size_t i;
    json_array_foreach(callers, i, caller)
    {
        bool success = member_is_true(caller, "on_success"), failure = member_is_true(caller, "on_failure");
        fact_print(i == 0 ? "results" : "", "of %s, when its calls that are done later %s",
                   member_text(caller, "function"),
                   success && failure ? "end"
                   : success          ? "succeed"
                                      : "are given up");
    }
}

static void print_callers(const json_t *audit)
{
    const json_t *callers = json_object_get(audit, "callers");
    const char *name = member_text(audit, "function");
    fact_part("Who calls it");
    if (member_is_true(callers, "public"))
        fact_print("everybody",
                   "who reaches the host's port, at /%s and /function/%s; to have it done later, "
                   "at /async-function/%s",
                   name, name, name);
    else
        fact_print("nobody outside", "it is private: on the host's port there is no such function");
    fact_print("functions", "every function of this host, through the gateway");
    fact_print("management", "whoever may use the management port or its socket");
    print_schedules(json_object_get(callers, "schedules"));
    print_result_callers(json_object_get(callers, "results_of"));
}

static void print_calls(const json_t *audit)
{
    const json_t *calls = json_object_get(audit, "calls");
    const char *success = member_text(calls, "on_success"), *failure = member_text(calls, "on_failure");
    const char *secret = member_text(calls, "callback_secret");
    fact_part("Whom it calls");
    fact_print("functions",
               "every function of this host, private ones too, through a gateway on its own "
               "loopback, now or later, up to %lld in a row",
               member_number(calls, "depth"));
    if (*success)
        fact_print("on success", "%s is called with the result of a call that was done later", success);
    if (*failure)
        fact_print("on failure", "%s is called with the last result of a call that was given up", failure);
    fact_print("callbacks",
               "the daemon posts results of calls that are done later to where their caller has "
               "said%s%s",
               *secret ? ", signed with the secret " : ", unsigned", secret);
}

/* --- what stays --- */

/* One that is 0 keeps nothing. */
static void print_kept(const char *label, const json_t *leaves, const char *member, const char *what)
{
    char quantity[QUANTITY_SIZE];
    unsigned long long value = (unsigned long long)member_number(leaves, member);
    bool is_time = strstr(member, "_ms") != NULL;
    (is_time ? quantity_of_ms : quantity_of_bytes)(value, quantity, sizeof(quantity));
    if (value == 0)
        fact_print(label, "nothing is kept");
    else
        fact_print(label, "%s %s", what, quantity);
}

static void print_leaves(const json_t *audit)
{
    const json_t *leaves = json_object_get(audit, "leaves");
    fact_part("What stays of it on this host");
    print_kept("output", leaves, "log_disk_bytes",
               "what it writes to its output, until that of all functions is more than");
    print_kept("requests", leaves, "request_records_bytes",
               "a record of each, without headers and bodies, until those of all functions are more than");
    print_kept("calls for later", leaves, "max_age_ms",
               "with headers and body until they are done or dead; none is tried after");
    print_kept("their results", leaves, "result_ttl_ms", "for");
    fact_print("revisions", "the newest %lld that have served, with code and settings, for the daemon alone",
               member_number(leaves, "revisions"));
    if (audit_writes_volumes(json_object_get(audit, "container")))
        fact_print("volumes", "what it has written to them stays until somebody removes it");
}

/* --- the whole --- */

static void print_beginning(const json_t *audit)
{
    const char *revision = member_text(audit, "revision");
    printf("%s%s%s is a function in %s; ", colour_begin(stdout, COLOUR_BOLD), member_text(audit, "function"),
           colour_end(stdout), member_text(audit, "language"));
    if (json_is_object(json_object_get(audit, "container")))
        printf("revision %.*s serves.\n", REVISION_DIGITS, revision);
    else
        printf("nothing of it can be started%s%s.\n",
               json_is_object(json_object_get(audit, "problem")) ? ": " : " yet",
               member_text(json_object_get(audit, "problem"), "message"));
}

static void print_audit(const struct arguments *arguments, const json_t *audit)
{
    (void)arguments;
    print_beginning(audit);
    if (json_is_object(json_object_get(audit, "container"))) {
        audit_print_reach(audit);
        audit_print_files(audit);
        audit_print_given(audit);
        audit_print_rights(audit);
        audit_print_limits(audit);
    }
    print_callers(audit);
    print_calls(audit);
    print_leaves(audit);
}

int run_audit(const struct arguments *arguments)
{
    cleanup_free char *path = client_path("/berth/functions/%s/audit", arguments_operand(arguments, 0));
    return client_show(arguments, "GET", path, print_audit);
}
