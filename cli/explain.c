#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "cli/client.h"
#include "cli/fact.h"
#include "cli/grid.h"
#include "cli/members.h"
#include "cli/quantity.h"
#include "cli/run_commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))
#define LIST_MAX        65536

/* --- how many instances, and why --- */

/* In the words of somebody who watches it; the API's words are those of fleet/scale/autoscaler.c. */
static const struct {
    const char *reason, *words;
} reasons[] = {
    {"enough", "what is there or on its way will do"},
    {"demand", "more requests waited than slots were idle or on their way"},
    {"minimum", "there were fewer than min_scale"},
    {"short-wait", "waiting for a slot that is busy or on its way is quicker than a start"},
    {"at-maximum", "max_scale is reached"},
    {"host-full", "the host's max_instances or max_memory is used up"},
    {"backing-off", "starts have failed lately, so the next one waits"},
    {"engine-away", "Docker does not answer"},
};

static const char *reason_words(const char *reason)
{
    for (size_t i = 0; i < COUNT_OF(reasons); i++) {
        if (strcmp(reasons[i].reason, reason) == 0)
            return reasons[i].words;
    }
    return reason;
}

static void add_decision(struct grid *grid, const json_t *decision)
{
    long long start = member_number(decision, "start"), denied = member_number(decision, "denied");
    grid_add_format(grid, "%.1f s ago", (double)member_number(decision, "ago_ms") / 1e3);
    grid_add_format(grid, "%lld", member_number(decision, "waiting"));
    grid_add_format(grid, "%lld", member_number(decision, "idle"));
    grid_add_format(grid, "%lld", member_number(decision, "busy"));
    grid_add_format(grid, "%lld", member_number(decision, "instances"));
    grid_add_format(grid, "%lld", member_number(decision, "starting"));
    if (denied > 0)
        grid_add_format(grid, "started %lld of %lld: no room for more", start, start + denied);
    else if (start > 0)
        grid_add_format(grid, "started %lld: %s", start, reason_words(member_text(decision, "reason")));
    else
        grid_add_format(grid, "none started: %s", reason_words(member_text(decision, "reason")));
}

static void print_decisions(const struct arguments *arguments, const json_t *decisions)
{
    if (json_array_size(decisions) == 0) {
        printf(
            "Nothing has been decided yet: %s has not been called. Instances start with the first request.\n",
            arguments_operand(arguments, 0));
        return;
    }
    static const char *const columns[] = {">WHEN",      ">WAITING",  ">IDLE",   ">BUSY",
                                          ">INSTANCES", ">STARTING", "DECISION"};
    struct grid *grid = grid_create(columns, COUNT_OF(columns));
    const json_t *decision;
    size_t i;
    json_array_foreach(decisions, i, decision) add_decision(grid, decision);
    grid_print(grid);
}

/* --- what is kept warm, and why --- */

static double number_of(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

/* Why nothing is; the API's words are those of fleet/scale/warm_plan.c. */
static const char *reason_against(const char *reason)
{
    static const struct {
        const char *reason, *words;
    } rows[] = {
        {"off", "`prewarm_memory` allows none"},
        {"saves-little", "its libraries are loaded quickly"},
        {"not-expected", "no cold start is expected soon"},
        {"no-room", "the memory of `prewarm_memory` saves more elsewhere"},
        {"short-of-memory", "this host has too little memory left"},
        {"in-use", "all its instances are there already"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (strcmp(rows[i].reason, reason) == 0)
            return rows[i].words;
    }
    return reason;
}

static char *reason_for(const json_t *libraries)
{
    const char *reason = member_text(libraries, "reason");
    if (strcmp(reason, "deployed") == 0)
        return xstrdup("it was deployed lately");
    if (strcmp(reason, "scheduled") == 0)
        return xstrdup("a schedule is about to call it");
    double expected = number_of(libraries, "expected_per_hour");
    return xasprintf("%.*f cold starts expected in the next hour", expected < 10 ? 1 : 0, expected);
}

static void print_kept(const json_t *libraries)
{
    const long long instances = member_number(libraries, "instances");
    const unsigned long long bytes = (unsigned long long)member_number(libraries, "memory_bytes");
    char memory[32] = "size not known yet";
    if (!json_object_get(libraries, "reason"))
        return;
    if (instances == 0) {
        fact_print("kept warm", "none: %s", reason_against(member_text(libraries, "reason")));
        return;
    }
    cleanup_free char *why = reason_for(libraries);
    if (bytes > 0)
        quantity_measured(bytes, memory, sizeof(memory));
    fact_print("kept warm", "%lld instance%s with these loaded (%s%s), of which %lld wait%s: %s", instances,
               instances == 1 ? "" : "s", memory, instances > 1 && bytes > 0 ? " each" : "",
               member_number(libraries, "ready"), member_number(libraries, "ready") == 1 ? "s" : "", why);
}

static void print_ahead(const json_t *libraries)
{
    const json_t *name;
    size_t i;
    if (json_is_string(json_object_get(libraries, "failed"))) {
        fact_print("ahead", "none any more: %s", member_text(libraries, "failed"));
        return;
    }
    cleanup_strbuf struct strbuf list;
    strbuf_init(&list, LIST_MAX);
    json_array_foreach(json_object_get(libraries, "ahead"), i, name)
        strbuf_append_format(&list, "%s%s", i > 0 ? ", " : "", json_string_value(name));
    if (list.length > 0)
        fact_print("ahead", "%s: %.0f ms of a cold start", strbuf_text(&list),
                   number_of(libraries, "saved_ms"));
}

static void print_libraries(const json_t *libraries)
{
    const json_t *left;
    size_t i;
    if (!json_is_object(libraries))
        return;
    fact_part("Libraries");
    print_ahead(libraries);
    print_kept(libraries);
    json_array_foreach(json_object_get(libraries, "left"), i, left)
        fact_print("left", "%s: %s", member_text(left, "module"), member_text(left, "effect"));
}

static void print_trial(const json_t *function)
{
    long long kept_ms = member_number(function, "trial_kept_ms");
    if (kept_ms > 0)
        printf(
            "\nThe instance that this revision was tried with waits for the first request, for up to %lld s "
            "more.\n",
            (kept_ms + 999) / 1000);
}

/* What is ready before it is called, and why. */
static int explain_ahead(const struct arguments *arguments)
{
    cleanup_free char *path = client_path("/berth/functions/%s", arguments_operand(arguments, 0));
    json_t *function = NULL;
    int status = client_ask(arguments, "GET", path, &function);
    if (status == STATUS_OK) {
        print_trial(function);
        print_libraries(json_object_get(function, "libraries"));
    }
    json_decref(function);
    return status;
}

int run_explain(const struct arguments *arguments)
{
    cleanup_free char *path = client_path("/berth/functions/%s/decisions", arguments_operand(arguments, 0));
    int status = client_show(arguments, "GET", path, print_decisions);
    return status == STATUS_OK && !arguments_has(arguments, "json") ? explain_ahead(arguments) : status;
}
