#include "cli/load/load_report.h"

#include "cli/grid.h"
#include "cli/members.h"
#include "cli/say.h"

#include <stdio.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

/* What is told of latencies beside the extremes and the mean. */
static const struct {
    const char *title, *key;
    double part;
} percentiles[] = {
    {">P50", "p50", 0.5},  {">P75", "p75", 0.75}, {">P90", "p90", 0.9},
    {">P95", "p95", 0.95}, {">P99", "p99", 0.99}, {">P99.9", "p99_9", 0.999},
};

static double ms(uint64_t ns)
{
    return (double)ns / 1e6;
}

static double requests_per_s(const struct load_run_result *result)
{
    const double seconds = (double)result->elapsed_ns / 1e9;
    return seconds > 0 ? (double)result->tally.ended / seconds : 0;
}

/* --- for people --- */

static void print_heading(const char *text)
{
    printf("\n%s%s%s\n", colour_begin(stdout, COLOUR_BOLD), text, colour_end(stdout));
}

static void print_title(const struct load_plan *plan, const struct load_run_result *result)
{
    printf("%s %s\n%u connections, ", plan->method, plan->url, plan->connections);
    if (plan->rate > 0)
        printf("open loop of %g requests/s", plan->rate);
    else
        printf("closed loop");
    printf(", %.1f s%s\n", (double)result->elapsed_ns / 1e9, result->was_interrupted ? " (interrupted)" : "");
}

static void print_requests(const struct load_run_result *result)
{
    const struct load_tally *tally = &result->tally;
    const bool failed = tally->failed > 0;
    print_heading("Requests");
    printf("  %-14s%llu, %.1f/s\n", "ended", (unsigned long long)tally->ended, requests_per_s(result));
    printf("  %-14s%s%llu%s\n", "failed", failed ? colour_begin(stdout, COLOUR_RED) : "",
           (unsigned long long)tally->failed, failed ? colour_end(stdout) : "");
    if (result->unstarted > 0)
        printf(
            "  %-14s%llu were due and found no free connection until the end: more of them (-c), or a lower "
            "--rps\n",
            "not begun", (unsigned long long)result->unstarted);
    if (result->abandoned > 0)
        printf("  %-14s%llu were under way when you would not wait\n", "abandoned",
               (unsigned long long)result->abandoned);
    printf("  %-14s%.1f MB\n", "answers", (double)tally->bytes / 1e6);
}

static void print_latencies(const struct load_plan *plan, const struct latencies *latencies)
{
    static const char *titles[COUNT_OF(percentiles) + 3] = {">MIN", ">MEAN"};
    struct grid *grid;
    if (latencies->count == 0)
        return;
    for (size_t i = 0; i < COUNT_OF(percentiles); i++)
        titles[i + 2] = percentiles[i].title;
    titles[COUNT_OF(titles) - 1] = ">MAX";
    print_heading(plan->rate > 0 ? "Latency in ms, from when a request was due" : "Latency in ms");
    grid = grid_create(titles, COUNT_OF(titles));
    grid_add_format(grid, "%.2f", ms(latencies->min_ns));
    grid_add_format(grid, "%.2f", ms(latencies_mean(latencies)));
    for (size_t i = 0; i < COUNT_OF(percentiles); i++)
        grid_add_format(grid, "%.2f", ms(latencies_at(latencies, percentiles[i].part)));
    grid_add_format(grid, "%.2f", ms(latencies->max_ns));
    grid_print(grid);
}

static void print_instances(const struct load_run_result *result, const struct load_counted *counted)
{
    print_heading("Instances");
    printf("  %-14s%u\n", "at most", result->most_instances);
    if (counted->is_known)
        printf("  %-14s%llu requests waited for an instance\n", "cold starts",
               (unsigned long long)counted->cold_starts);
}

static void add_failure(struct grid *grid, const struct load_outcome *outcome)
{
    char what[32];
    if (outcome->end == LOAD_ANSWERED)
        snprintf(what, sizeof(what), "status %u", outcome->status);
    else
        snprintf(what, sizeof(what), "%s", load_end_name(outcome->end));
    grid_add(grid, COLOUR_RED, what);
    grid_add_format(grid, "%llu", (unsigned long long)outcome->count);
    grid_add(grid, COLOUR_NONE, *outcome->request_id ? outcome->request_id : outcome->problem);
}

/* What went wrong, by kind, and one of each to look at. */
static void print_failures(const struct load_plan *plan, const struct load_tally *tally)
{
    static const char *const titles[] = {"FAILED WITH", ">REQUESTS", "ONE OF THEM"};
    const char *example = "ID";
    if (tally->failed == 0)
        return;
    putchar('\n');
    struct grid *grid = grid_create(titles, COUNT_OF(titles));
    for (size_t i = 0; i < tally->outcome_count; i++) {
        const struct load_outcome *outcome = &tally->outcomes[i];
        if (!load_outcome_failed(outcome))
            continue;
        add_failure(grid, outcome);
        if (*outcome->request_id)
            example = outcome->request_id;
    }
    grid_print(grid);
    printf("\nWhat happened to one: berth why %s\nThose that failed: berth requests %s --failed\n", example,
           plan->function);
}

void load_report_print(const struct load_plan *plan, const struct load_run_result *result,
                       const struct load_counted *counted)
{
    print_title(plan, result);
    print_requests(result);
    print_latencies(plan, &result->tally.latencies);
    print_instances(result, counted);
    print_failures(plan, &result->tally);
}

/* --- for programs --- */

static json_t *latencies_json(const struct latencies *latencies)
{
    json_t *json =
        json_pack("{s:f, s:f}", "min", ms(latencies->min_ns), "mean", ms(latencies_mean(latencies)));
    for (size_t i = 0; i < COUNT_OF(percentiles); i++)
        json_object_set_new(json, percentiles[i].key,
                            json_real(ms(latencies_at(latencies, percentiles[i].part))));
    json_object_set_new(json, "max", json_real(ms(latencies->max_ns)));
    return json;
}

static json_t *statuses_json(const struct load_tally *tally)
{
    json_t *json = json_object();
    for (size_t i = 0; i < tally->outcome_count; i++) {
        char status[16];
        snprintf(status, sizeof(status), "%u", tally->outcomes[i].status);
        if (tally->outcomes[i].end == LOAD_ANSWERED)
            json_object_set_new(json, status, json_integer((json_int_t)tally->outcomes[i].count));
    }
    return json;
}

static json_t *text_or_null(const char *text)
{
    return *text ? json_string(text) : json_null();
}

static json_t *errors_json(const struct load_tally *tally)
{
    json_t *json = json_array();
    for (size_t i = 0; i < tally->outcome_count; i++) {
        const struct load_outcome *outcome = &tally->outcomes[i];
        if (load_outcome_failed(outcome))
            json_array_append_new(
                json, json_pack("{s:s, s:o, s:I, s:o, s:o}", "kind", load_end_name(outcome->end), "status",
                                outcome->status ? json_integer(outcome->status) : json_null(), "count",
                                (json_int_t)outcome->count, "request_id", text_or_null(outcome->request_id),
                                "message", text_or_null(outcome->problem)));
    }
    return json;
}

static json_t *counted_json(const struct load_counted *counted)
{
    if (!counted->is_known)
        return json_null();
    return json_pack("{s:I, s:I, s:I}", "invocations", (json_int_t)counted->invocations, "failed",
                     (json_int_t)counted->failed, "cold_starts", (json_int_t)counted->cold_starts);
}

void load_report_print_json(const struct load_plan *plan, const struct load_run_result *result,
                            const struct load_counted *counted)
{
    const struct load_tally *tally = &result->tally;
    json_t *json = json_pack("{s:s, s:s, s:s, s:I, s:o, s:I, s:f, s:b}", "function", plan->function, "method",
                             plan->method, "url", plan->url, "connections", (json_int_t)plan->connections,
                             "rps", plan->rate > 0 ? json_real(plan->rate) : json_null(), "duration_ms",
                             (json_int_t)plan->duration_ms, "elapsed_ms", ms(result->elapsed_ns),
                             "interrupted", result->was_interrupted);
    json_t *rest = json_pack("{s:I, s:I, s:I, s:I, s:f, s:I, s:o, s:o, s:o, s:I, s:o}", "requests",
                             (json_int_t)tally->ended, "failed", (json_int_t)tally->failed, "unstarted",
                             (json_int_t)result->unstarted, "abandoned", (json_int_t)result->abandoned,
                             "requests_per_s", requests_per_s(result), "bytes", (json_int_t)tally->bytes,
                             "latency_ms", latencies_json(&tally->latencies), "statuses",
                             statuses_json(tally), "errors", errors_json(tally), "instances_max",
                             (json_int_t)result->most_instances, "daemon", counted_json(counted));
    json_object_update_missing(json, rest);
    json_decref(rest);
    print_json(json);
    json_decref(json);
}
