/* Inside of an instance: what its files share. For instance.c and instance_*.c only. */
#ifndef FLEET_INSTANCE_INSTANCE_INSIDE_H
#define FLEET_INSTANCE_INSTANCE_INSIDE_H

#include "fleet/instance/instance.h"

#include "fleet/engine/engine_queue.h"
#include "fleet/instance/autopsy.h"
#include "fleet/instance/container_spec.h"
#include "fleet/instance/instance_output.h"

struct instance {
    struct fleet_env *env;
    struct instance_hooks hooks;
    void *owner;
    uint64_t id;
    char name[INSTANCE_ID_DIGITS + 1];
    enum instance_state state;
    struct container_spec spec;
    char *function; /* NULL while prewarmed */
    struct function_output *output;
    const char *why_removed;
    bool failure_reported;

    char *container_id;
    bool container_started;
    bool container_dead;
    struct docker_call *call;                     /* create, start, stop or remove: one at a time */
    struct docker_call *update, *rename, *verify; /* run beside the above */
    struct engine_ticket ticket;
    struct event
        *timer; /* start limit, then how long it may lack slots, drain limit, the next try to remove */
    unsigned remove_tries;
    struct autopsy
        *autopsy;      /* of what is lost, or of one that drains because its runner closed a connection */
    uint64_t asked_ms; /* when it began */
    bool ask_again;    /* ... and has closed another since */
    bool drained;      /* or has had its time to */
    bool signalled;    /* somebody has had the engine send it a signal */
    struct instance_output *pipes; /* where what it writes comes from */
    char *traceback;               /* what the runner gave when the function could not be loaded, or NULL */

    char *code_dir; /* of one that was started without a load */
    struct dial *dial;
    struct handshake *handshake;
    int first_fd;   /* the connection that init goes over; -1: none, or given to the pool */
    int *early_fds; /* connections that came before init was answered */
    unsigned early_count;

    uint64_t load_given_ms; /* when it got its function; 0: it has none */
    bool loaded, updated;
    bool specialised;   /* was started without a load: its container has not the name of its function yet */
    bool limits_differ; /* ... nor its limits */
    struct slot_pool *pool;
    struct slot_group *group;
    json_t *settings;
    unsigned concurrency, timeout_ms, start_timeout_ms;

    struct instance_times times;
    uint64_t phase_began_ms, ready_ms, lost_ms, drained_by_ms; /* 0: not yet */
    struct handshake *question; /* whether the runner still works, over the slot on loan */
    struct slot_loan loan;
    uint64_t told_ms;       /* when it has answered last; 0: never */
    bool works;             /* what it answered */
    uint64_t away_until_ms; /* the runner may be at work on what a client has given up; 0: it is not */
};

/* --- instance.c: its state, and its start --- */

/* The one place where the state changes. */
void instance_change_state(struct instance *instance, enum instance_state state);

/* --- instance_loading.c: connections, and the function that is loaded over the first --- */

/* Keeps a copy of what is to be loaded. */
void instance_take_load(struct instance *instance, const struct instance_load *load);

/* How many connections the instance holds or has given to its pool. */
unsigned instance_connection_count(const struct instance *instance);

/* Somebody has dialled; `fd` is the instance's. It is kept when a slot has no connection yet, and closed
 * otherwise: while a connection lives, no other takes its place. */
void instance_on_dialled(void *owner, int fd);

/* --- instance_loss.c: connections or the container have gone, and why --- */

/* The instance is lost; finds out why before it is removed. Not while it is created: Docker has not said yet
 * which container could be asked about. */
void instance_give_up(struct instance *instance, enum autopsy_case what);

/* The runner of a ready instance has had its time to open connections. */
void instance_settle(struct instance *instance);

/* --- instance_work.c: whether the runner still works when all is answered --- */

/* Gives the question up, and the slot that it was put over. Nothing when there is none. */
void instance_end_question(struct instance *instance);

/* --- instance_end.c: failing, retiring, and the removal of the container --- */

/* Closes the connections that are not its pool's. */
void instance_close_connections(struct instance *instance);

/* Neither failed nor being removed. */
bool instance_is_alive(const struct instance *instance);

/* Without a container there is nothing to ask Docker for, but the end comes from the event loop all the same.
 */
void instance_queue_removal(struct instance *instance);

/* Begins the removal; when Docker is just creating or starting the container, that call's callback goes on.
 */
void instance_remove_container(struct instance *instance, const char *why);

/* Takes no new request; removed when those under way are finished or `drain_ms` have passed. */
void instance_drain(struct instance *instance, const char *why, uint64_t drain_ms);

/* Reports a failure, once; and removes the container. */
void instance_report(struct instance *instance, const struct error *cause);
void instance_fail(struct instance *instance, const struct error *cause);

/* Handler of `timer`, whatever it stands for at the moment. */
void instance_on_timer(evutil_socket_t fd, short what, void *context);

#endif
