/* Containers whose `egress` is limited: made once their network is there and its rules hold, never before. */
#include "fleet/engine/docker_inside.h"

#include "base/alloc.h"
#include "fleet/engine/docker_watch.h"
#include "fleet/engine/limits.h"
#include "fleet/engine/reach.h"

#include <event2/event.h>
#include <stdlib.h>

struct docker_limited {
    struct docker_engine *engine;
    struct container_spec spec;
    struct container_place place; /* with texts of its own */
    struct limit_wait *wait; /* for the network; NULL: not any more */
    struct docker_call *call; /* that makes the container; NULL: not yet */
    struct event *refused; /* there is nobody who makes rules */
    docker_id_fn *done;
    void *owner;
};

static const char *copy(const char *text)
{
    return text ? xstrdup(text) : NULL;
}

static void place_copy(const struct container_place *from, struct container_place *ret_place)
{
    *ret_place = (struct container_place){.name = copy(from->name),
                                          .instance = copy(from->instance),
                                          .link_variable = copy(from->link_variable),
                                          .run_dir = copy(from->run_dir),
                                          .code_dir = copy(from->code_dir),
                                          .secrets_dir = copy(from->secrets_dir),
                                          .environment_file = copy(from->environment_file)};
}

static void place_free(const struct container_place *place)
{
    free((char *)place->name);
    free((char *)place->instance);
    free((char *)place->link_variable);
    free((char *)place->run_dir);
    free((char *)place->code_dir);
    free((char *)place->secrets_dir);
    free((char *)place->environment_file);
}

static void limited_free(struct docker_limited *limited)
{
    container_spec_clear(&limited->spec);
    place_free(&limited->place);
    event_free(limited->refused);
    free(limited);
}

static void finish(struct docker_limited *limited, const struct error *err, const char *id)
{
    docker_id_fn *done = limited->done;
    void *owner = limited->owner;
    limited_free(limited);
    done(owner, err, id);
}

static void on_created(void *owner, const struct error *err, const char *id)
{
    finish(owner, err, id);
}

static void create(struct docker_limited *limited, const struct limit_network *network)
{
    const struct container_network its_own = {.name = network->name, .name_server = network->gateway};
    limited->call =
        docker_container_of(limited->engine, &limited->spec, &limited->place, &its_own, on_created, limited);
}

static void on_network(void *owner, const struct error *err, const struct limit_network *network)
{
    struct docker_limited *limited = owner;
    limited->wait = NULL;
    if (err)
        finish(limited, err, NULL);
    else
        create(limited, network);
}

static void on_refused(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct error err;
    error_set(&err, ERROR_EGRESS_UNAVAILABLE,
              "what its \"egress\" says cannot be kept: the daemon makes no rules of what functions reach");
    error_hint(&err, "it needs its program berth-firewall; berth doctor says what is missing");
    finish(context, &err, NULL);
}

struct docker_limited *docker_limited_create(struct docker_engine *engine, const struct container_spec *spec,
                                             const struct container_place *place, docker_id_fn *done,
                                             void *owner)
{
    struct docker_limited *limited = xcalloc(1, sizeof(*limited));
    const struct reach *reach = engine->watch ? docker_watch_reach(engine->watch) : NULL;
    limited->engine = engine;
    limited->done = done;
    limited->owner = owner;
    limited->refused = evtimer_new(engine->engine.base, on_refused, limited);
    container_spec_copy(spec, &limited->spec);
    place_copy(place, &limited->place);
    if (reach)
        limited->wait = limits_await(reach_limits(reach), spec->egress, on_network, limited);
    else
        event_active(limited->refused, EV_TIMEOUT, 0);
    return limited;
}

void docker_limited_cancel(struct docker_limited *limited)
{
    if (limited->wait)
        limits_cancel(limited->wait);
    docker_cancel(limited->call);
    limited_free(limited);
}
