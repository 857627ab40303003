#include "plugin_test/plugin_test.h"

#include "base/clock.h"
#include "plugin_test/fleet_trial.h"
#include "plugin_test/plugin_check.h"
#include "plugin_test/report.h"

#include <signal.h>
#include <stdbool.h>

void plugin_test_list(bool json)
{
    report_list(json);
}

static volatile sig_atomic_t is_stopped;

static void on_stop(int number)
{
    (void)number;
    is_stopped = 1;
}

/* The check that is under way is finished and everything cleaned up; the next signal ends the process at
 * once. */
static void stop_in_order(void)
{
    const struct sigaction action = {.sa_handler = on_stop, .sa_flags = (int)(SA_RESTART | SA_RESETHAND)};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static void run_checks(struct bench *bench, struct report *report)
{
    for (size_t i = 0; i < plugin_check_count && !is_stopped; i++) {
        struct outcome outcome;
        if (!plugin_check_is_chosen(&plugin_checks[i], bench->options->only))
            continue;
        uint64_t began_ms = clock_ms();
        plugin_check_run(&plugin_checks[i], bench, &outcome);
        report_add(report, &plugin_checks[i], &outcome, clock_ms() - began_ms);
    }
}

enum plugin_test_status plugin_test_run(const struct plugin_test_options *options, struct error *err)
{
    struct bench bench;
    *err = (struct error){0};
    if (plugin_check_choice(options->only, err) < 0 || bench_open(&bench, options, err) < 0)
        return PLUGIN_TEST_UNUSABLE;
    stop_in_order();
    struct report report;
    report_begin(&report, &bench);
    run_checks(&bench, &report);
    bool usable = bench_probe(&bench)->ok;
    unsigned failed = report_end(&report);
    fleet_trial_destroy(bench.trial);
    bench_close(&bench);
    if (!usable)
        return PLUGIN_TEST_UNUSABLE;
    return failed > 0 || is_stopped ? PLUGIN_TEST_FAILED : PLUGIN_TEST_PASSED;
}
