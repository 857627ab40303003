#include "scenario.h"

#include "agenda.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "clients.h"
#include "containers.h"
#include "files.h"
#include "fleet/engine/budget.h"
#include "fleet/fleet.h"
#include "fleet/scale/warm_plan.h"
#include "played_engine.h"
#include "prepare/store/revision_index.h"
#include "sim.h"
#include "trace.h"
#include "virtual_time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FUNCTIONS_MAX   5
#define PREWARMED_MI    256 /* fleet/scale/prewarm.c */
#define LARGEST_MI      300 /* memory of a function */

#define IDLE_AT_LAST_MS 20000 /* when all is right: what is looked for then comes sooner */

struct play {
    char name[12];
    bool is_registered, is_server, is_bad, has_mistake;
    bool is_lonely; /* without a network */
    bool has_packages; /* of the distribution */
    unsigned version;
    unsigned concurrency, min_scale, max_scale, memory_mi;
    unsigned idle_ms, timeout_ms, queue_ms, queue_length;
};

static struct play plays[FUNCTIONS_MAX];
static unsigned play_count;
static unsigned prewarm, library_mi, max_instances, max_memory_mi, start_timeout_s;
static bool is_tight;
static uint64_t ends_ms;
static unsigned pause_ms; /* between two requests, on average */
static bool has_ended;
static enum errand errand;

static unsigned draw(unsigned least, unsigned most)
{
    return chance_between(&sim.chance, least, most);
}

static bool is_so(unsigned of_1000)
{
    return chance_in_1000(&sim.chance, of_1000);
}

/* --- functions and the registry --- */

static void write_code(struct play *play)
{
    cleanup_free char *path = xasprintf("functions/%s/" CODE_FILE, play->name);
    const char *word = play->has_mistake ? "mistake" : play->is_bad ? "bad" : "good";
    play->version++;
    cleanup_free char *text =
        xasprintf("%s %s %u%*s\n", word, play->name, play->version, (int)(play->version % 50), "");
    trace_note("%s is %s, version %u", play->name, word, play->version);
    files_write(path, text); /* of another length than before: not every change has another time */
}

static void choose_settings(struct play *play)
{
    static const unsigned memories[] = {32, 64, 200, LARGEST_MI};
    play->concurrency = draw(1, 4);
    play->min_scale = !is_tight && is_so(300) ? draw(1, 2) : 0;
    play->max_scale = draw(play->min_scale > 1 ? play->min_scale : 1, 4);
    play->memory_mi = memories[draw(0, 3)];
    play->idle_ms = draw(1, 5) * 1000;
    play->timeout_ms = draw(2, 8) * 1000;
    play->queue_ms = draw(1, 20) * 1000;
    play->queue_length = is_so(200) ? draw(1, 4) : 100;
    play->is_lonely = !play->is_server && is_so(200);
    play->has_packages = !play->is_server && is_so(200);
}

static void append_function(struct strbuf *text, const struct play *play)
{
    strbuf_append_format(text,
                         "  %s:\n    configuration: {language: %s, folder: %s, file: " CODE_FILE
                         ", concurrency: %u, min_scale: %u, max_scale: %u, memory: %uMi, idle_timeout: %ums, "
                         "timeout: %ums, queue_timeout: %ums, queue_length: %u%s%s}\n",
                         play->name, play->is_server ? SERVING : DIALLING, play->name, play->concurrency,
                         play->min_scale, play->max_scale, play->memory_mi, play->idle_ms, play->timeout_ms,
                         play->queue_ms, play->queue_length, play->is_lonely ? ", network: none" : "",
                         play->has_packages ? ", system_packages: [imagemagick]" : "");
}

static void write_registry(void)
{
    cleanup_strbuf struct strbuf text;
    strbuf_init(&text, 1 << 16);
    strbuf_append_format(
        &text,
        "host: {watch: false, drain_timeout: 5s, prewarm: %u, prewarm_memory: %uMi, max_instances: %u, "
        "max_memory: %uMi, start_timeout: %us, keep_revisions: 3}\nusable-functions:\n",
        prewarm, library_mi, max_instances, max_memory_mi, start_timeout_s);
    bool any = false;
    for (unsigned i = 0; i < play_count; i++) {
        if (plays[i].is_registered)
            append_function(&text, &plays[i]);
        any = any || plays[i].is_registered;
    }
    if (!any)
        strbuf_append_text(&text, "  {}\n");
    files_write("registry.yml", strbuf_text(&text));
}

static void reload(void)
{
    if (sim.fleet)
        fleet_reload(sim.fleet);
}

/* Enough for the minimum of all and a trial, and for the largest; or so little that functions, trials and
 * prewarmed instances are in each other's way, and then none has a minimum. */
static void choose_room(void)
{
    is_tight = is_so(400);
    max_instances = is_tight ? draw(1, play_count + 1) : 1 + 2 * play_count + draw(0, 6);
    max_memory_mi = is_tight && is_so(500) ? draw(LARGEST_MI, 3 * LARGEST_MI)
                                           : LARGEST_MI * (1 + 2 * play_count) + draw(0, 3000);
    prewarm = is_so(600) ? draw(1, 3) : 0;
    library_mi = is_so(600) ? WARM_GUESS_MIB * draw(1, 4) : 0;
    start_timeout_s = draw(5, 20);
}

void scenario_begin(void)
{
    play_count = draw(1, FUNCTIONS_MAX);
    choose_room();
    for (unsigned i = 0; i < play_count; i++) {
        struct play *play = &plays[i];
        snprintf(play->name, sizeof(play->name), "f%u", i);
        play->is_server = is_so(300);
        play->is_registered = i == 0 || is_so(850);
        choose_settings(play);
        write_code(play);
    }
    write_registry();
    ends_ms = draw(3, 60) * 1000;
    pause_ms = draw(20, 1500);
}

/* --- what goes wrong --- */

static void come_back(void *context)
{
    (void)context;
    played_engine_come_back();
}

static void let_go_away(void)
{
    played_engine_go_away(is_so(400));
    agenda_add(chance_skewed(&sim.chance, 1, 20000), come_back, NULL);
}

static void go_on(void *context)
{
    (void)context;
    played_engine_go_on();
}

static void let_hang(void)
{
    played_engine_hang();
    agenda_add(chance_skewed(&sim.chance, 1, 90000), go_on, NULL);
}

static void calm_down(void *context)
{
    (void)context;
    trace_note("the weather is good");
    sim.weather = (struct weather){0};
}

/* Storms are for a while; a later one adds to an earlier one, and both end with the first. */
static void brew(unsigned *of_1000, unsigned most)
{
    *of_1000 = draw(20, most);
    trace_note("the weather is bad");
    agenda_add(chance_skewed(&sim.chance, 500, 15000), calm_down, NULL);
}

static void let_calls_fail(void)
{
    static const unsigned most[] = {600, 400, 100, 1000};
    unsigned *what[] = {&sim.weather.refused, &sim.weather.lied_about, &sim.weather.held, &sim.weather.slow};
    unsigned which = draw(0, 3);
    brew(what[which], most[which]);
}

static void let_events_fail(void)
{
    brew(is_so(700) ? &sim.weather.late : &sim.weather.lost, 500);
}

static void let_starts_fail(void)
{
    brew(&sim.weather.bad_start, 700);
}

static void let_loads_fail(void)
{
    brew(is_so(700) ? &sim.weather.bad_load : &sim.weather.half, 700);
}

static void let_builds_fail(void)
{
    brew(&sim.weather.bad_build, 800);
}

static struct played_container *pick_container(void)
{
    struct played_container *container = containers_first();
    for (unsigned skip = containers_count() ? draw(0, containers_count() - 1) : 0; skip > 0 && container;
         skip--)
        container = containers_next(container);
    return container && container->stage == CONTAINER_RUNS ? container : NULL;
}

static void let_die(void)
{
    static const int codes[] = {0, 1, 137, 139, 143};
    struct played_container *container = pick_container();
    if (!container)
        return;
    bool oom = is_so(200), signalled = !oom && is_so(400);
    if (is_so(150)) {
        trace_fault(FAULT_DEATHS, "somebody removes %s", container->id);
        containers_drop(container);
        return;
    }
    trace_fault(FAULT_DEATHS, "%s dies%s%s", container->id, oom ? " of its memory" : "",
                signalled ? ", killed" : "");
    containers_end(container, oom ? 137 : codes[draw(0, 4)], oom, signalled);
}

static void let_hang_up(void)
{
    struct played_container *container = pick_container();
    bool all = is_so(400);
    if (!container || container->place.is_server)
        return;
    trace_fault(FAULT_HANG_UPS, "%s closes %s", container->id, all ? "all connections" : "a connection");
    runner_hang_up(container->runner, all);
}

static void change_function(struct function *function)
{
    const struct revision_index *kept = function_kept(function);
    const char *digest;
    struct error err;
    switch (draw(0, 2)) {
    case 0:
        trace_fault(FAULT_EDITS, "%s is restarted", function_name(function));
        function_restart(function);
        break;
    case 1:
        if (kept && kept->count > 0 && function_rollback(function, NULL, &digest, &err) == 0)
            trace_fault(FAULT_EDITS, "%s is rolled back to %.12s", function_name(function), digest);
        break;
    default:
        trace_fault(FAULT_EDITS, "%s has another minimum", function_name(function));
        function_set_minimum(function,
                             is_tight ? 0 : draw(0, function_applied_settings(function)->max_scale));
        break;
    }
}

static void change_by_command(const struct play *play)
{
    struct function *function = sim.fleet ? fleet_function_find(sim.fleet, play->name) : NULL;
    if (function && !sim.is_ending && !function_is_removed(function) && !fleet_is_reading(sim.fleet))
        change_function(function);
}

static void edit(void)
{
    struct play *play = &plays[draw(0, play_count - 1)];
    unsigned what = draw(0, 9);
    if (what < 2) {
        change_by_command(play);
        return;
    }
    trace_fault(FAULT_EDITS, "%s is edited (%u)", play->name, what);
    if (what < 6) {
        play->is_bad = is_so(200);
        play->has_mistake = is_so(150);
        write_code(play);
    } else if (what < 9) {
        choose_settings(play);
    } else {
        play->is_registered = !play->is_registered;
    }
    write_registry();
    reload();
}

static void mend_registry(void *context)
{
    (void)context;
    trace_note("the registry is mended");
    write_registry();
    reload();
}

static void spoil_registry(void)
{
    static const char *const texts[] = {"", "}{ no YAML", "usable-functions: [1, 2", "host: {prewarm: x}\n",
                                        "usable-functions:\n  f0: {configuration: {language: nothing}}\n"};
    cleanup_free char *path = xasprintf("%s/registry.yml", sim.root);
    unsigned which = draw(0, 5);
    trace_fault(FAULT_REGISTRY, "the registry is spoilt (%u)", which);
    if (which == 5)
        unlink(path);
    else
        files_write("registry.yml", texts[which]);
    reload();
    agenda_add(chance_skewed(&sim.chance, 1, 5000), mend_registry, NULL);
}

static void want_restart(void)
{
    trace_fault(FAULT_RESTARTS, "the daemon is restarted");
    errand = ERRAND_RESTART;
}

static void want_release(void)
{
    trace_fault(FAULT_RELEASES, "the daemon is restarted, and its instances stay");
    errand = ERRAND_RELEASE;
}

static void want_upgrade(void)
{
    trace_fault(FAULT_UPGRADES, "another daemon takes over");
    errand = ERRAND_UPGRADE;
}

static void want_crash(void)
{
    trace_fault(FAULT_CRASHES, "the daemon is killed");
    errand = ERRAND_CRASH;
}

/* What happens by itself at the moment, and how often of all; none for clients, who fail by themselves. */
static const struct {
    void (*happen)(void);
    unsigned weight;
} troubles[FAULT_KINDS] = {
    [FAULT_AWAY] = {let_go_away, 3},        [FAULT_HUNG] = {let_hang, 1},
    [FAULT_CALLS] = {let_calls_fail, 5},    [FAULT_EVENTS] = {let_events_fail, 3},
    [FAULT_DEATHS] = {let_die, 12},         [FAULT_HANG_UPS] = {let_hang_up, 6},
    [FAULT_STARTS] = {let_starts_fail, 4},  [FAULT_LOADS] = {let_loads_fail, 5},
    [FAULT_BUILDS] = {let_builds_fail, 3},  [FAULT_EDITS] = {edit, 12},
    [FAULT_REGISTRY] = {spoil_registry, 2}, [FAULT_RESTARTS] = {want_restart, 1},
    [FAULT_CRASHES] = {want_crash, 2},      [FAULT_RELEASES] = {want_release, 2},
    [FAULT_UPGRADES] = {want_upgrade, 2},
};

static void cause_trouble(void)
{
    unsigned sum = 0;
    for (int i = 0; i < FAULT_KINDS; i++)
        sum += sim.kinds & FAULT_BIT(i) ? troubles[i].weight : 0;
    unsigned lot = sum ? draw(0, sum - 1) : 0;
    for (int i = 0; i < FAULT_KINDS && sum; i++) {
        unsigned weight = sim.kinds & FAULT_BIT(i) ? troubles[i].weight : 0;
        if (lot < weight) {
            troubles[i].happen();
            return;
        }
        lot -= weight;
    }
}

static void trouble(void *context)
{
    (void)context;
    if (has_ended)
        return;
    cause_trouble();
    agenda_add(chance_skewed(&sim.chance, 10, 6000), trouble, NULL);
}

/* --- what goes on --- */

static void ask(void *context)
{
    (void)context;
    if (has_ended)
        return;
    unsigned burst = is_so(100) ? draw(2, 20) : 1;
    const struct play *play = &plays[draw(0, play_count - 1)];
    while (burst-- > 0 && sim.fleet)
        clients_ask(play->name, is_so(300) ? WAITS_FOR_EVER : WAITS_AS_SET);
    agenda_add(draw(1, 2 * pause_ms), ask, NULL);
}

static void end(void *context)
{
    (void)context;
    trace_note("that was all");
    has_ended = true;
}

void scenario_start(void)
{
    agenda_add(draw(1, 2000), ask, NULL);
    agenda_add(draw(1, 3000), trouble, NULL);
    agenda_add((unsigned)ends_ms, end, NULL);
}

bool scenario_has_ended(void)
{
    return has_ended;
}

enum errand scenario_errand(void)
{
    enum errand wanted = errand;
    errand = ERRAND_NONE;
    return wanted;
}

/* --- afterwards --- */

/* The engine's events begin anew, so that it tells of what it has not told. */
void scenario_renew(void)
{
    played_engine_go_away(false);
    played_engine_come_back();
    plays[0].is_registered = true; /* a registry that has become empty is taken for a mistake */
    for (unsigned i = 0; i < play_count; i++) {
        plays[i].is_bad = plays[i].has_mistake = false;
        plays[i].queue_length = 100;
        plays[i].idle_ms = IDLE_AT_LAST_MS;
        write_code(&plays[i]);
    }
    write_registry();
    reload();
}

void scenario_heal(void)
{
    trace_note("everything is right again");
    sim.kinds = 0;
    sim.weather = (struct weather){0};
    played_engine_go_on();
    played_engine_come_back();
}

unsigned scenario_ask_all(void)
{
    unsigned asked = 0;
    for (unsigned i = 0; i < play_count; i++) {
        if (!plays[i].is_registered)
            continue;
        clients_ask(plays[i].name, WAITS_FOR_EVER);
        asked++;
    }
    return asked;
}

static void count_ready(struct instance *instance, void *context)
{
    unsigned *counts = context; /* ready, and all */
    counts[0] += instance_current_state(instance) == INSTANCE_READY;
    counts[1]++;
}

static void count_passing(struct instance *instance, void *context)
{
    enum instance_state state = instance_current_state(instance);
    *(unsigned *)context += state != INSTANCE_READY && state != INSTANCE_PREWARMED;
}

/* There is one for each kind of container. */
static unsigned prewarm_pools(void)
{
    bool kinds[4] = {false};
    unsigned pools = 0;
    for (unsigned i = 0; i < play_count; i++) {
        const struct play *play = &plays[i];
        if (play->is_registered && !play->is_server)
            kinds[play->is_lonely + 2 * play->has_packages] = true;
    }
    for (unsigned i = 0; i < 4; i++)
        pools += kinds[i];
    return pools;
}

/* Prewarmed instances but for those with libraries, of which there are as many as a plan says. */
static unsigned prewarmed(void)
{
    unsigned instances;
    uint64_t memory_bytes;
    struct fleet_warmth warmth;
    fleet_prewarmed(sim.fleet, &instances, &memory_bytes);
    fleet_warmth(sim.fleet, &warmth);
    return instances - warmth.instances;
}

static bool has_room_for_prewarmed(void)
{
    return budget_room(fleet_current_budget(sim.fleet), (uint64_t)PREWARMED_MI << 20) > 0;
}

/* As many prewarmed instances as there is room for beside the others. */
static unsigned prewarmed_at_rest(void)
{
    unsigned minimum = 0, memory_mi = 0, wanted = prewarm * prewarm_pools();
    for (unsigned i = 0; i < play_count; i++) {
        const struct play *play = &plays[i];
        if (!play->is_registered)
            continue;
        minimum += play->min_scale;
        memory_mi += play->min_scale * play->memory_mi;
    }
    unsigned by_count = max_instances - minimum, by_memory = (max_memory_mi - memory_mi) / PREWARMED_MI;
    unsigned room = by_count < by_memory ? by_count : by_memory;
    return wanted < room ? wanted : room;
}

bool scenario_is_prewarmed(char *text, unsigned size)
{
    unsigned warm = prewarmed(), wanted = prewarm * prewarm_pools();
    snprintf(text, size, "%u instances are prewarmed, %u are to be, and there is room", warm, wanted);
    return warm >= wanted || !has_room_for_prewarmed();
}

/* An instance that a container is of. */
struct search {
    uint64_t id;
    bool is_found;
};

static void match_instance(struct instance *instance, void *context)
{
    struct search *search = context;
    search->is_found = search->is_found || instance_id(instance) == search->id;
}

bool scenario_has_stray(char *text, unsigned size)
{
    for (const struct played_container *container = containers_first(); container;
         container = containers_next(container)) {
        struct search search = {.id = strtoull(container->instance, NULL, 16)};
        fleet_each_instance(sim.fleet, match_instance, &search);
        snprintf(text, size, "%s is left", container->name);
        if (!search.is_found)
            return true;
    }
    return false;
}

bool scenario_is_idle(char *text, unsigned size)
{
    for (unsigned i = 0; i < play_count; i++) {
        struct function *function = fleet_function_find(sim.fleet, plays[i].name);
        unsigned counts[2] = {0};
        if (!plays[i].is_registered)
            continue;
        snprintf(text, size, "%s is not there", plays[i].name);
        if (!function)
            return false;
        function_each_instance(function, count_ready, counts);
        snprintf(text, size, "%s has %u instances, %u of them ready, and is to have %u", plays[i].name,
                 counts[1], counts[0], plays[i].min_scale);
        if (counts[0] != plays[i].min_scale || counts[1] != counts[0])
            return false;
    }
    unsigned warm = prewarmed(), wanted = prewarmed_at_rest(), passing = 0;
    fleet_each_instance(sim.fleet, count_passing, &passing);
    snprintf(text, size, "%u instances come or go", passing);
    if (passing > 0)
        return false;
    snprintf(text, size, "%u instances are prewarmed, and %u are to be", warm, wanted);
    return warm == wanted || (library_mi > 0 && warm < wanted && !has_room_for_prewarmed());
}

static const struct play *find_play(const char *name)
{
    for (unsigned i = 0; i < play_count; i++) {
        if (strcmp(plays[i].name, name) == 0)
            return &plays[i];
    }
    return NULL;
}

void scenario_check_served(void)
{
    for (const struct played_container *container = containers_first(); container;
         container = containers_next(container)) {
        const char *function = container->runner ? runner_function(container->runner) : "";
        const struct play *play = find_play(function);
        if (!play)
            continue;
        if (!play->is_registered)
            trace_violation("%s serves, which is not registered", function);
        if (runner_version(container->runner) != play->version)
            trace_violation("version %u of %s serves, and the files have version %u",
                            runner_version(container->runner), function, play->version);
    }
}
