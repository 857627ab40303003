#include "containers.h"

#include "base/alloc.h"
#include "sim.h"
#include "trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static TAILQ_HEAD(, played_container) list = TAILQ_HEAD_INITIALIZER(list);
static unsigned numbers, count;
static containers_ended_fn *tell_end;

void containers_begin(containers_ended_fn *ended)
{
    tell_end = ended;
}

struct played_container *containers_find(const char *id)
{
    struct played_container *container;
    TAILQ_FOREACH(container, &list, link)
    {
        if (strcmp(container->id, id) == 0 || strcmp(container->name, id) == 0)
            return container;
    }
    return NULL;
}

struct played_container *containers_find_instance(uint64_t instance)
{
    char name[INSTANCE_ID_DIGITS + 1];
    struct played_container *container;
    snprintf(name, sizeof(name), "%0*llx", INSTANCE_ID_DIGITS, (unsigned long long)instance);
    TAILQ_FOREACH(container, &list, link)
    {
        if (strcmp(container->instance, name) == 0)
            return container;
    }
    return NULL;
}

struct played_container *containers_first(void)
{
    return TAILQ_FIRST(&list);
}

struct played_container *containers_next(const struct played_container *container)
{
    return TAILQ_NEXT(container, link);
}

unsigned containers_count(void)
{
    return count;
}

struct played_container *containers_make(const struct container_spec *spec,
                                         const struct container_place *place)
{
    if (containers_find(place->name))
        return NULL;
    struct played_container *container = xcalloc(1, sizeof(*container));
    container->number = ++numbers;
    snprintf(container->id, sizeof(container->id), "c%u", container->number);
    snprintf(container->instance, sizeof(container->instance), "%s", place->instance);
    container->name = xstrdup(place->name);
    container->place = (struct runner_place){.id = container->id,
                                             .run_dir = xstrdup(place->run_dir),
                                             .code_dir = xstrdup(place->code_dir),
                                             .is_server = spec->port > 0};
    TAILQ_INSERT_HEAD(&list, container, link);
    count++;
    sim.totals->containers++;
    trace_note("%s is made for %s", container->id, container->name);
    return container;
}

static void on_exit_of_runner(void *owner, int exit_code)
{
    containers_end(owner, exit_code, false, false);
}

void containers_start(struct played_container *container)
{
    trace_note("%s is started", container->id);
    container->stage = CONTAINER_RUNS;
    container->exit_code = 0;
    container->runner = runner_start(&container->place, on_exit_of_runner, container);
}

void containers_end(struct played_container *container, int exit_code, bool oom_killed, bool signalled)
{
    if (container->stage != CONTAINER_RUNS)
        return;
    trace_note("%s ends with %d", container->id, exit_code);
    container->stage = CONTAINER_ENDED;
    container->exit_code = exit_code;
    container->oom_killed = oom_killed;
    runner_end(container->runner);
    container->runner = NULL;
    tell_end(container, signalled);
}

void containers_drop(struct played_container *container)
{
    containers_end(container, 137, false, true);
    trace_note("%s is removed", container->id);
    TAILQ_REMOVE(&list, container, link);
    count--;
    free(container->name);
    free(container->place.run_dir);
    free(container->place.code_dir);
    free(container);
}
