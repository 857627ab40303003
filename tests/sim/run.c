#include "run.h"

#include "agenda.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "clients.h"
#include "config/registry.h"
#include "containers.h"
#include "drills.h"
#include "files.h"
#include "fleet/fleet.h"
#include "fleet/instance/adoption.h"
#include "fleet/instance/instance.h"
#include "played_engine.h"
#include "rules.h"
#include "runners.h"
#include "scenario.h"
#include "sim.h"
#include "trace.h"
#include "turns.h"
#include "virtual_time.h"

#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACK_OFF_MS     35000 /* after which nobody waits any more because something had failed */
#define QUIET_MS        70000 /* in which nothing is to happen */
#define PLAN_MS         1000 /* after which what is kept warm is as the last ends of instances have it */
#define FIRST_OF_DAEMON 3 /* descriptors */
#define LAST_OF_DAEMON  499

struct sim sim;

static struct registry *registry; /* for its host settings */
static struct route_table *routes;
static bool has_stopped;

/* --- what is handed over --- */

/* One instance's, which the next daemon is given. */
struct kept_handles {
    char instance[INSTANCE_ID_DIGITS + 1];
    struct instance_handles handles;
};

static struct kept_handles *kept;
static size_t kept_count;

static int duplicate(int fd)
{
    return fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
}

static void keep_handles(struct instance *instance, void *context)
{
    (void)context;
    enum instance_state state = instance_current_state(instance);
    struct instance_handles own;
    if (state != INSTANCE_READY && state != INSTANCE_PREWARMED)
        return;
    instance_handles_of(instance, &own);
    kept = xgrow(kept, kept_count, sizeof(*kept));
    struct kept_handles *entry = &kept[kept_count++];
    entry->handles = (struct instance_handles){.dial = duplicate(own.dial),
                                               .door = duplicate(own.door),
                                               .line = duplicate(own.line),
                                               .doorway = duplicate(own.doorway)};
    snprintf(entry->instance, sizeof(entry->instance), "%s", instance_name(instance));
}

static void give_handles(void)
{
    for (size_t i = 0; i < kept_count; i++)
        adoption_give_handles(fleet_adoption(sim.fleet), kept[i].instance, &kept[i].handles);
    free(kept);
    kept = NULL;
    kept_count = 0;
}

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
    give_handles();
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

/* --- its end --- */

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
    turns_until(is_stopped, PATIENCE_MS, "ended");
}

/* It leaves its instances to the next one. */
static void release_daemon(bool hands_over)
{
    trace_note("the daemon leaves its instances%s", hands_over ? ", with what is open of them" : "");
    sim.is_ending = true;
    clients_end(false);
    if (hands_over)
        fleet_each_instance(sim.fleet, keep_handles, NULL);
    fleet_release(sim.fleet, 0);
    turns_until(is_stopped, PATIENCE_MS, "released");
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
    case ERRAND_RELEASE:
        release_daemon(false);
        clear_daemon();
        begin_daemon();
        break;
    case ERRAND_UPGRADE:
        release_daemon(true);
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

static void check_quiet(void)
{
    char text[256];
    turns_until(scenario_is_idle, PATIENCE_MS, "idle");
    turns_let_pass(PLAN_MS);
    turns_until(scenario_is_idle, PATIENCE_MS, "idle once more");
    uint64_t calls = sim.totals->engine_calls;
    turns_let_pass(QUIET_MS);
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
        turns_one();
        run_errand();
    }
    scenario_heal();
    turns_until(is_at_rest, PATIENCE_MS, "at rest");
    turns_until(drills_have_answers, PATIENCE_MS, "answered");
    turns_let_pass(BACK_OFF_MS);
    scenario_renew();
    turns_until(is_at_rest, PATIENCE_MS, "at rest");
    drills_probe();
    turns_until(scenario_is_idle, PATIENCE_MS, "idle");
    drills_run();
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
