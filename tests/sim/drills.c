#include "drills.h"

#include "agenda.h"
#include "clients.h"
#include "containers.h"
#include "fleet/fleet.h"
#include "fleet/instance/instance.h"
#include "played_engine.h"
#include "scenario.h"
#include "sim.h"
#include "trace.h"

#define SOON_MS   10000 /* sooner than instances idle for too long */
#define REFUSE_MS 1500

bool drills_have_answers(char *text, unsigned size)
{
    clients_describe_waiting(text, size);
    return clients_count() == 0;
}

static void await_served(unsigned asked)
{
    turns_until(drills_have_answers, PATIENCE_MS, "answered");
    if (clients_outcomes(OUTCOME_SERVED) != asked)
        trace_violation("when all is right, %u of %u requests are not served; the last error was %s",
                        asked - clients_outcomes(OUTCOME_SERVED), asked, clients_last_error());
}

void drills_probe(void)
{
    clients_count_anew();
    unsigned asked = scenario_ask_all() + scenario_ask_all();
    await_served(asked);
}

/* Who was given a prewarmed instance leaves its place empty. */
static void have_places_refilled(void)
{
    drills_probe();
    turns_until(scenario_is_prewarmed, SOON_MS, "prewarmed anew");
}

static void note_gone(struct instance *instance, void *context)
{
    const char **name = context;
    const struct played_container *container = containers_find_instance(instance_id(instance));
    if (instance_current_state(instance) <= INSTANCE_READY && !container)
        *name = instance_name(instance);
}

static bool knows_what_is_gone(char *text, unsigned size)
{
    const char *name = NULL;
    fleet_each_instance(sim.fleet, note_gone, &name);
    snprintf(text, size, "%s has no container", name);
    return !name;
}

/* An engine that was away does not tell of what has gone meanwhile. */
static void have_lost_ones_found(void)
{
    drills_probe();
    played_engine_go_away(false);
    turns_let_pass(1000);
    while (containers_first())
        containers_drop(containers_first());
    turns_let_pass(1000); /* nobody is told */
    played_engine_come_back();
    turns_until(knows_what_is_gone, SOON_MS, "known to be gone");
}

/* Nobody asks again, so the start that has failed is the only one that anybody has asked for. */
static void have_starts_tried_again(void)
{
    clients_count_anew();
    sim.weather.refused = 1000;
    unsigned asked = scenario_ask_all();
    turns_let_pass(REFUSE_MS);
    sim.weather.refused = 0;
    await_served(asked);
}

static bool has_refused_removal(char *text, unsigned size)
{
    return played_engine_refused_removals() > 0 || scenario_is_idle(text, size);
}

static bool has_none_left(char *text, unsigned size)
{
    return scenario_is_idle(text, size) && !scenario_has_stray(text, size);
}

static void have_removals_tried_again(void)
{
    drills_probe();
    played_engine_forget_refusals();
    sim.weather.refused = 1000;
    turns_until(has_refused_removal, PATIENCE_MS, "idle");
    sim.weather.refused = 0;
    turns_until(has_none_left, PATIENCE_MS, "tidy");
}

void drills_run(void)
{
    static void (*const drills[])(void) = {have_places_refilled, have_lost_ones_found,
                                           have_starts_tried_again, have_removals_tried_again};
    for (size_t i = 0; i < sizeof(drills) / sizeof(*drills); i++) {
        trace_note("drill %zu", i);
        drills[i]();
        turns_until(scenario_is_idle, PATIENCE_MS, "idle");
    }
}
