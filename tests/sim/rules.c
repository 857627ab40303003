#include "rules.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "containers.h"
#include "fleet/engine/budget.h"
#include "fleet/fleet.h"
#include "fleet/instance/adoption.h"
#include "fleet/instance/instance_inside.h"
#include "played_engine.h"
#include "routing/slot_pool.h"
#include "sim.h"
#include "trace.h"
#include "virtual_time.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define TURNS_AT_ONCE_MAX 20000 /* without any time passing: something spins */
#define SLOTS_MAX         4096
#define SEEN_MAX          4096
#define SCALES_MAX        64

/* --- instances and their states --- */

struct seen_instance {
    char name[INSTANCE_ID_DIGITS + 1];
    enum instance_state state;
};

static struct seen_instance seen[SEEN_MAX];
static size_t seen_count;

static struct seen_instance *remember(const char *name)
{
    for (size_t i = 0; i < seen_count; i++) {
        if (strcmp(seen[i].name, name) == 0)
            return &seen[i];
    }
    if (seen_count == SEEN_MAX)
        seen_count = 0; /* what is forgotten is taken to be new: less is seen, nothing is wrong */
    struct seen_instance *found = &seen[seen_count++];
    *found = (struct seen_instance){.state = INSTANCE_STATES};
    snprintf(found->name, sizeof(found->name), "%s", name);
    return found;
}

static enum instance_state state_of(const char *name)
{
    for (int state = 0; state < INSTANCE_STATES; state++) {
        if (strcmp(instance_state_name((enum instance_state)state), name) == 0)
            return (enum instance_state)state;
    }
    trace_violation("there is no state \"%s\"", name);
}

/* Whose requests may be cut off, and when: what has failed is gone already. */
static bool may_cut_off(enum instance_state from, const char *why)
{
    static const char *const reasons[] = {"drain-timeout", "failed", "shutdown"};
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (strcmp(reasons[i], why) == 0)
            return true;
    }
    return from == INSTANCE_FAILED;
}

static void check_requests(const char *instance, enum instance_state from, const char *why)
{
    const struct played_container *container = containers_find_instance(strtoull(instance, NULL, 16));
    if (container && container->requests > 0 && container->stage == CONTAINER_RUNS && !may_cut_off(from, why))
        trace_violation("%s is removed (%s) with %u requests under way", instance, why, container->requests);
}

static void on_state(const char *instance, const char *from_name, const char *to_name, const char *why)
{
    enum instance_state from = state_of(from_name), to = state_of(to_name);
    struct seen_instance *known = remember(instance);
    sim.totals->transitions[from][to]++;
    if (!instance_state_leads_to(from, to))
        trace_violation("%s goes from %s to %s", instance, from_name, to_name);
    if (known->state != INSTANCE_STATES && known->state != from)
        trace_violation("%s goes from %s, and was %s", instance, from_name,
                        instance_state_name(known->state));
    known->state = to;
    if (to == INSTANCE_REMOVING)
        check_requests(instance, from, why);
}

void rules_on_event(const char *event, const struct log_field *fields)
{
    if (strcmp(event, "instance.state") == 0)
        on_state(trace_field(fields, "instance"), trace_field(fields, "from"), trace_field(fields, "to"),
                 trace_field(fields, "why"));
}

/* --- slots --- */

static const struct slot *slots[SLOTS_MAX];
static size_t slot_count;

static void check_instance(const struct slot *slot, const char *function)
{
    const struct played_container *container = containers_find_instance(slot_instance(slot));
    if (!container || !container->runner)
        return; /* it has just ended */
    const char *served = runner_function(container->runner);
    if (*served && strcmp(served, function) != 0)
        trace_violation("a request for %s has got a slot of %s", function, served);
    unsigned concurrency = runner_concurrency(container->runner);
    if (concurrency > 0 && container->requests > concurrency)
        trace_violation("%s has %u requests and %u connections", container->id, container->requests,
                        concurrency);
}

void rules_slot_given(struct slot *slot, const char *function)
{
    for (size_t i = 0; i < slot_count; i++) {
        if (slots[i] == slot)
            trace_violation("a slot of %s was given to two requests", function);
    }
    if (slot_count == SLOTS_MAX)
        trace_violation("more than %d slots are used", SLOTS_MAX);
    slots[slot_count++] = slot;
    check_instance(slot, function);
}

struct search {
    uint64_t id;
    const struct instance *found;
};

static void match(struct instance *instance, void *context)
{
    struct search *search = context;
    if (instance_id(instance) == search->id)
        search->found = instance;
}

void rules_slot_taken_at_once(const struct slot *slot)
{
    struct search search = {.id = slot_instance(slot)};
    fleet_each_instance(sim.fleet, match, &search);
    if (!search.found)
        trace_violation("a slot is idle whose instance is gone");
    if (instance_current_state(search.found) != INSTANCE_READY)
        trace_violation("a slot is idle whose instance is %s",
                        instance_state_name(instance_current_state(search.found)));
}

void rules_slot_released(const struct slot *slot)
{
    size_t at = 0;
    while (at < slot_count && slots[at] != slot)
        at++;
    if (at == slot_count)
        trace_violation("a slot was given back that nobody had");
    slots[at] = slots[--slot_count];
}

void rules_no_slots(void)
{
    slot_count = 0;
}

/* --- what there may be --- */

struct sum {
    unsigned instances;
    uint64_t memory_bytes;
};

static void add_instance(struct instance *instance, void *context)
{
    struct sum *sum = context;
    if (instance->is_uncounted)
        return;
    sum->instances++;
    sum->memory_bytes += instance->spec.memory_bytes;
}

static void check_budget(void)
{
    const struct budget *budget = fleet_current_budget(sim.fleet);
    struct sum sum;
    adoption_counted(fleet_adoption(sim.fleet), &sum.instances, &sum.memory_bytes);
    fleet_each_instance(sim.fleet, add_instance, &sum);
    bool is_open =
        adoption_is_open(fleet_adoption(sim.fleet)); /* then what nobody has claimed yet counts, too */
    if (is_open ? sum.instances > budget->instances || sum.memory_bytes > budget->memory_bytes
                : sum.instances != budget->instances || sum.memory_bytes != budget->memory_bytes)
        trace_violation("%u instances of %llu bytes are there, and %u of %llu are counted", sum.instances,
                        (unsigned long long)sum.memory_bytes, budget->instances,
                        (unsigned long long)budget->memory_bytes);
    if (budget->instances > budget->max_instances)
        trace_violation("%u instances are there, and %u are allowed", budget->instances,
                        budget->max_instances);
    if (budget->memory_bytes > budget->max_memory_bytes)
        trace_violation("%llu bytes are given away, and %llu are allowed",
                        (unsigned long long)budget->memory_bytes,
                        (unsigned long long)budget->max_memory_bytes);
}

static void check_libraries(void)
{
    struct fleet_warmth warmth;
    fleet_warmth(sim.fleet, &warmth);
    if (warmth.memory_bytes > warmth.max_memory_bytes)
        trace_violation("instances with libraries of %llu bytes are to be kept, and %llu are allowed",
                        (unsigned long long)warmth.memory_bytes, (unsigned long long)warmth.max_memory_bytes);
}

/* How many instances each revision had when it was looked at last: a maximum that is lowered ends none. */
static struct {
    const struct revision *revision;
    unsigned live;
} scales[SCALES_MAX];

static void add_live(struct instance *instance, void *context)
{
    *(unsigned *)context += instance_current_state(instance) <= INSTANCE_READY;
}

static unsigned *live_before(const struct revision *revision)
{
    size_t at = 0;
    while (at < SCALES_MAX && scales[at].revision && scales[at].revision != revision)
        at++;
    if (at == SCALES_MAX) {
        memset(scales, 0, sizeof(scales));
        at = 0;
    }
    scales[at].revision = revision;
    return &scales[at].live;
}

static void check_scale(struct function *function, struct revision *revision)
{
    unsigned live = 0, *before = live_before(revision);
    bool is_active = revision_current_state(revision) == REVISION_ACTIVE;
    unsigned limit = is_active ? function_applied_settings(function)->max_scale : 1;
    revision_each_instance(revision, add_live, &live);
    if (live > limit && live > *before)
        trace_violation("%s has %u instances, and may have %u", function_name(function), live, limit);
    *before = live;
}

static void check_scales(void)
{
    for (size_t i = 0; i < fleet_function_count(sim.fleet); i++) {
        struct function *function = fleet_function_at(sim.fleet, i);
        if (function_current(function))
            check_scale(function, function_current(function));
        if (function_next(function))
            check_scale(function, function_next(function));
    }
}

void rules_on_turn(void)
{
    sim.totals->turns++;
    if (virtual_time_turns_at_once() > TURNS_AT_ONCE_MAX)
        trace_violation("the event loop spins");
    if (!sim.fleet)
        return;
    check_budget();
    check_libraries();
    check_scales();
}

void rules_forget(void)
{
    memset(scales, 0, sizeof(scales));
    seen_count = 0;
}

/* --- at rest --- */

static void check_container(struct instance *instance, void *context)
{
    (void)context;
    if (!containers_find_instance(instance_id(instance)))
        trace_violation("at rest the instance %s is %s and has no container", instance_name(instance),
                        instance_state_name(instance_current_state(instance)));
}

void rules_at_rest(void)
{
    for (const struct played_container *container = containers_first(); container;
         container = containers_next(container)) {
        struct search search = {.id = strtoull(container->instance, NULL, 16)};
        fleet_each_instance(sim.fleet, match, &search);
        if (!search.found)
            trace_violation("at rest %s is there, which no instance stands for", container->name);
    }
    fleet_each_instance(sim.fleet, check_container, NULL);
}

static void check_empty(const char *path)
{
    cleanup_free char *whole = xasprintf("%s/%s", sim.root, path);
    cleanup_dir DIR *dir = opendir(whole);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        if (entry->d_name[0] != '.')
            trace_violation("at the end %s/%s is left", path, entry->d_name);
    }
}

void rules_at_end(void)
{
    const struct budget *budget = fleet_current_budget(sim.fleet);
    if (budget->instances != 0 || budget->memory_bytes != 0)
        trace_violation("at the end %u instances are counted", budget->instances);
    if (containers_count() != 0)
        trace_violation("at the end %s is left", containers_first()->name);
    if (!played_engine_is_quiet())
        trace_violation("at the end a call to the engine is under way");
    check_empty("run/i");
}
