#include "base/clock.h"
#include "cli/load/load_report.h"
#include "cli/run_commands.h"
#include "cli/say.h"

#include <stdlib.h>
#include <time.h>

#define COUNTED_WITHIN_MS 10000
#define STANDS_STILL_MS   1000
#define LOOK_AGAIN_NS     50000000

static struct load_counted counted_between(const struct function_state *before,
                                           const struct function_state *after)
{
    return (struct load_counted){.is_known = before->is_known && after->is_known &&
                                             after->invocations >= before->invocations,
                                 .instances = after->instances,
                                 .invocations = after->invocations - before->invocations,
                                 .failed = after->failed - before->failed,
                                 .cold_starts = after->cold_starts - before->cold_starts};
}

/* What the daemon counted since `before`. It counts a moment after it has answered, so that it is asked until
 * it has as many as were answered here, or goes on no more: others may call the function, too, and a daemon
 * under more load than it can take account of leaves some out. */
static struct load_counted count(const struct arguments *arguments, const struct load_plan *plan,
                                 const struct function_state *before, uint64_t answered)
{
    const struct timespec pause = {.tv_nsec = LOOK_AGAIN_NS};
    const uint64_t until_ms = clock_ms() + COUNTED_WITHIN_MS;
    uint64_t seen = 0, still_until_ms = clock_ms() + STANDS_STILL_MS;
    for (;;) {
        const struct function_state after = function_state_ask(arguments, plan->function);
        const struct load_counted counted = counted_between(before, &after);
        const uint64_t now_ms = clock_ms();
        if (counted.invocations > seen)
            still_until_ms = now_ms + STANDS_STILL_MS;
        seen = counted.invocations;
        if (!counted.is_known || seen >= answered || now_ms >= still_until_ms || now_ms >= until_ms)
            return counted;
        nanosleep(&pause, NULL);
    }
}

static int put_load(const struct arguments *arguments, const struct load_plan *plan)
{
    struct load_run_result *result = NULL;
    struct error err;
    const struct function_state before = function_state_ask(arguments, plan->function);
    if (load_run(plan, arguments, arguments_has(arguments, "quiet"), &result, &err) < 0) {
        say_wrong("%s", err.message);
        return STATUS_FAILED;
    }
    const struct load_counted counted = count(arguments, plan, &before, result->tally.answered);
    if (counted.instances > result->most_instances)
        result->most_instances = counted.instances;
    if (arguments_has(arguments, "json"))
        load_report_print_json(plan, result, &counted);
    else
        load_report_print(plan, result, &counted);
    const int status = result->tally.failed > 0 ? STATUS_FAILED : STATUS_OK;
    free(result);
    return status;
}

int run_load(const struct arguments *arguments)
{
    struct load_plan plan;
    int status = load_plan_read(arguments, &plan);
    if (status == STATUS_OK)
        status = put_load(arguments, &plan);
    load_plan_clear(&plan);
    return status;
}
