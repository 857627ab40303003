#include "run.h"

#include "agenda.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "clients.h"
#include "config/registry.h"
#include "containers.h"
#include "files.h"
#include "fleet/fleet.h"
#include "played_engine.h"
#include "rules.h"
#include "runners.h"
#include "scenario.h"
#include "sim.h"
#include "trace.h"
#include "virtual_time.h"

#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_MS     600000 /* for what must come in the end */
#define BACK_OFF_MS     35000 /* after which nobody waits any more because something had failed */
#define QUIET_MS        70000 /* in which nothing is to happen */
#define FIRST_OF_DAEMON 3 /* descriptors */
#define LAST_OF_DAEMON  499

struct sim sim;

static struct registry *registry; /* for its host settings */
static struct route_table *routes;
static bool has_stopped;

/* --- the daemon --- */

static void on_nothing(void *context)
{
    (void)context;
}

static void on_stopped(void *context)
{
    (void)context;
    has_stopped = true;
}

static void begin_fleet(void)
{
    struct error err;
    cleanup_free char *config = xasprintf("%s/registry.yml", sim.root);
    cleanup_free char *state = xasprintf("%s/state", sim.root);
    cleanup_free char *run = xasprintf("%s/run", sim.root);
    cleanup_free char *plugins = xasprintf("%s/plugins", sim.root);
    cleanup_free char *key = xasprintf("%s/secret.key", sim.root);
    if (!registry && registry_load(config, NULL, 0, NULL, &registry, &err) < 0)
        trace_violation("%s", err.message);
    free(registry->host.docker_socket);
    registry->host.docker_socket = xasprintf("%s/no-docker.sock", sim.root); /* nobody listens there */
    const struct fleet_options options = {.base = sim.base,
                                          .host = &registry->host,
                                          .config_path = config,
                                          .state_dir = state,
                                          .run_dir = run,
                                          .plugin_dir = plugins,
                                          .build_job_program = "/nowhere",
                                          .secret_key_file = key,
                                          .routes = routes};
    const struct fleet_hooks hooks = {.routed = on_nothing, .settled = on_nothing, .stopped = on_stopped};
    if (fleet_create(&options, &hooks, &sim.fleet, &err) < 0)
        trace_violation("the daemon does not start: %s", err.message);
    fleet_start(sim.fleet);
}

static void begin_daemon(void)
{
    trace_note("daemon %u", ++sim.daemon);
    sim.totals->daemons++;
    has_stopped = sim.is_ending = false;
    sim.base = event_base_new();
    agenda_attach(sim.base);
    runners_attach(sim.base);
    routes = route_table_create();
    clients_begin(sim.base, routes);
    begin_fleet();
}

/* Its memory stays, as nothing ends it properly; its connections break, its locks open. */
static void kill_daemon(void)
{
    clients_end(true);
    agenda_kill_daemon();
    played_engine_forget_daemon();
    agenda_attach(NULL);
    runners_attach(NULL);
    rules_forget();
    sim.fleet = NULL;
    event_base_free(sim.base);
    close_range(FIRST_OF_DAEMON, LAST_OF_DAEMON, 0);
}

/* --- time passes --- */

typedef bool until_fn(char *text, unsigned size);

static void turn(void)
{
    event_base_loop(sim.base, EVLOOP_ONCE);
}

/* Until it holds. `text` of the condition says why it does not. */
static void turn_until(until_fn *holds, unsigned limit_ms, const char *what)
{
    char text[256] = "";
    uint64_t end_ms = virtual_time_ms() + limit_ms;
    while (!holds(text, sizeof(text))) {
        turn();
        if (virtual_time_ms() > end_ms)
            trace_violation("after %u ms still not %s: %s", limit_ms, what, text);
    }
}

static uint64_t wait_until_ms;

static bool is_over(char *text, unsigned size)
{
    (void)text, (void)size;
    return virtual_time_ms() >= wait_until_ms;
}

static void nothing(void *context)
{
    (void)context;
}

static void let_pass(unsigned ms)
{
    wait_until_ms = virtual_time_ms() + ms;
    agenda_add(ms, nothing, NULL);
    turn_until(is_over, 2 * ms + 1, "later");
}

static bool is_stopped(char *text, unsigned size)
{
    const struct budget *budget = fleet_current_budget(sim.fleet);
    snprintf(text, size, "%zu functions, %u instances", fleet_function_count(sim.fleet), budget->instances);
    return has_stopped;
}

static void end_daemon(void)
{
    trace_note("the daemon ends");
    sim.is_ending = true;
    clients_end(false);
    fleet_stop(sim.fleet);
    turn_until(is_stopped, PATIENCE_MS, "ended");
}

static void clear_daemon(void)
{
    fleet_destroy(sim.fleet);
    sim.fleet = NULL;
    route_table_destroy(routes);
    agenda_attach(NULL);
    runners_attach(NULL);
    rules_forget();
    event_base_free(sim.base);
}

static void run_errand(void)
{
    switch (scenario_errand()) {
    case ERRAND_RESTART:
        end_daemon();
        clear_daemon();
        begin_daemon();
        break;
    case ERRAND_CRASH:
        kill_daemon();
        begin_daemon();
        break;
    case ERRAND_NONE:
        break;
    }
}

/* --- the run --- */

static bool is_at_rest(char *text, unsigned size)
{
    const char *waits = fleet_waiting_for(sim.fleet);
    for (size_t i = 0; i < fleet_function_count(sim.fleet); i++) {
        const struct function *function = fleet_function_at(sim.fleet, i);
        if (!function_is_settled(function) && !function_is_removed(function)) {
            snprintf(text, size, "%s is not settled", function_name(function));
            return false;
        }
    }
    snprintf(text, size, "it waits for %s", waits ? waits : "a reload");
    return fleet_is_at_rest(sim.fleet);
}

static bool has_answered_all(char *text, unsigned size)
{
    clients_describe_waiting(text, size);
    return clients_count() == 0;
}

static void probe(void)
{
    clients_count_anew();
    unsigned asked = scenario_ask_all() + scenario_ask_all();
    turn_until(has_answered_all, PATIENCE_MS, "answered");
    if (clients_outcomes(OUTCOME_SERVED) != asked)
        trace_violation("when all is right, %u of %u requests are not served; the last error was %s",
                        asked - clients_outcomes(OUTCOME_SERVED), asked, clients_last_error());
}

static void check_quiet(void)
{
    char text[256];
    turn_until(scenario_is_idle, PATIENCE_MS, "idle");
    uint64_t calls = sim.totals->engine_calls;
    let_pass(QUIET_MS);
    if (!scenario_is_idle(text, sizeof(text)))
        trace_violation("it was idle, and is not any more: %s", text);
    if (sim.totals->engine_calls != calls)
        trace_violation("it is idle, and has asked the engine for %llu things within %u ms",
                        (unsigned long long)(sim.totals->engine_calls - calls), QUIET_MS);
    rules_at_rest();
    scenario_check_served();
}

static void play(void)
{
    scenario_begin();
    begin_daemon();
    scenario_start();
    while (!scenario_has_ended()) {
        turn();
        run_errand();
    }
    scenario_heal();
    turn_until(is_at_rest, PATIENCE_MS, "at rest");
    turn_until(has_answered_all, PATIENCE_MS, "answered");
    let_pass(BACK_OFF_MS);
    scenario_renew();
    turn_until(is_at_rest, PATIENCE_MS, "at rest");
    probe();
    turn_until(scenario_is_idle, PATIENCE_MS, "idle");
    probe();
    check_quiet();
    end_daemon();
    rules_at_end();
    clear_daemon();
}

void run_play(uint64_t seed, const struct run_options *options, struct totals *totals)
{
    sim = (struct sim){.kinds = options->kinds, .trace = options->trace, .totals = totals};
    snprintf(sim.root, sizeof(sim.root), "%s", options->root);
    umask(022);
    signal(SIGPIPE, SIG_IGN);
    chance_seed(&sim.chance, seed);
    agenda_init(seed);
    files_begin();
    virtual_time_begin(seed, rules_on_turn);
    trace_begin(rules_on_event);
    played_engine_begin();
    play();
    totals->virtual_ms += virtual_time_ms();
    totals->hash = trace_hash();
    fflush(stdout);
    _exit(EXIT_SUCCESS);
}
