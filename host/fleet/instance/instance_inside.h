/* Inside of an instance: what its files share. For instance.c and instance_*.c only. They use each other in
 * one direction: instance_adoption.c uses all others, and instance.c, which hears from container and link,
 * all but that one; instance_work.c, instance_loading.c and instance_loss.c use instance_end.c, and loading
 * uses loss; all use instance_resources.c, instance_door.c and instance_keep.c.
 */
#ifndef FLEET_INSTANCE_INSTANCE_INSIDE_H
#define FLEET_INSTANCE_INSTANCE_INSIDE_H

#include "fleet/instance/instance.h"

#include "fleet/container/container.h"
#include "fleet/link/doorway.h"
#include "fleet/link/link.h"
#include "routing/door.h"
#include "routing/slot_group.h"

struct instance {
    struct fleet_env *env;
    struct instance_hooks hooks;
    void *owner;
    uint64_t id;
    char name[INSTANCE_ID_DIGITS + 1];
    enum instance_state state;
    bool loads_libraries; /* while it is starting: its runner is there, and loads them ahead */

    struct container_spec spec;
    struct container *container;
    struct link *link; /* NULL until its turn to start has come */
    struct doorway *doorway; /* the same */
    struct call_book *calls; /* the requests of functions that it has under way */
    int door_fd; /* that nobody serves yet; -1: none */
    struct door *door; /* that is served; NULL: none */
    char *dir; /* of one that was adopted; its link's, if it has one */
    bool is_adopted; /* an earlier daemon has started it */
    bool is_uncounted; /* there is no room for it in the budget */
    bool is_recorded; /* its record is there */
    bool leaves; /* all that it has is for the next daemon */
    char *code_dir; /* of one that was started without a load */
    char *secrets_dir; /* in memory; NULL: not made yet, or there is no such place */
    struct event *timer; /* start limit, then how long it may lack slots, drain limit */

    /* The function; NULL and zeros while it has none. */
    char *function;
    struct function_output *output;
    char *revision;
    char digest[HASH_HEX_SIZE]; /* of the revision; "": not known */
    json_t *settings;
    json_t *report; /* what its runner has told of modules; NULL: nothing */
    struct secret_use *secrets;
    size_t secret_count;
    struct slot_pool *pool;
    struct slot_group *group; /* NULL: it takes no requests */
    unsigned concurrency, timeout_ms, start_timeout_ms;
    uint64_t load_given_ms;
    bool loaded, limited; /* it is, and the container has its limits: both make it ready */
    bool specialised; /* was started without a load: its container has not the name of its function yet */
    bool limits_differ; /* ... nor its limits */

    struct instance_resources used;

    struct instance_times times;
    uint64_t phase_began_ms, ready_ms; /* 0: not yet */

    /* Its end. */
    const char *why_removed;
    bool failure_reported;
    char *traceback; /* what the runner gave when the function could not be loaded, or NULL */
    uint64_t lost_ms; /* 0: it is not */
    uint64_t asked_ms; /* when it was begun to find out why its runner closed a connection */
    bool ask_again; /* ... which has closed another since */
    bool drained; /* nothing is under way any more */
    bool
        overdue; /* ... though it has had its time to end; what its container is examined for is waited for */
    uint64_t drained_by_ms; /* 0: it does not drain */

    struct handshake *question; /* whether the runner still works, over the slot on loan */
    struct slot_loan loan;
    uint64_t told_ms; /* when it has answered last; 0: never */
    bool works; /* what it answered */
    uint64_t away_until_ms; /* the runner may be at work on what a client has given up; 0: it is not */
};

/* --- instance.c: what makes one --- */

extern const struct link_hooks instance_link_hooks;
extern const struct container_hooks instance_container_hooks;

/* One without a container. NULL: `name` is made. */
struct instance *instance_make(struct fleet_env *env, const char *name, const struct container_spec *spec,
                               const struct instance_hooks *hooks, void *owner);

/* --- instance_keep.c: what the next daemon has to know of it --- */

/* It is prewarmed or ready. */
void instance_keep(struct instance *instance);

/* It is neither any more. Once or more. */
void instance_forget(struct instance *instance);

/* --- instance_resources.c: what its container uses --- */

/* Looks for the last time: its container is about to end. */
void instance_note_resources(struct instance *instance);

/* --- instance_door.c: how its function calls others --- */

/* Makes what its first process hands the door over by, in `dir`. */
int instance_door_prepare(struct instance *instance, const char *dir, struct error *err);

/* The same of one that an earlier daemon has started; the rest is for doorway_reopen(). */
void instance_door_reopen(struct instance *instance, const char *dir, pid_t process, int fd);

/* The function is known: from now on its door, if there is one already, is served. */
void instance_door_open(struct instance *instance);

/* The end: whoever has come in by it is hung up on. Once or more. */
void instance_door_close(struct instance *instance);

/* --- instance_end.c: its state, and the ways to its end --- */

/* The one place where the state changes. */
void instance_change_state(struct instance *instance, enum instance_state state);

/* Tells those who read what its function writes of it; before it has one, nobody. */
void instance_tell(struct instance *instance, const char *what, const char *more);

/* Neither failed nor being removed. */
bool instance_is_alive(const struct instance *instance);

/* Gives the slot on loan back. Nothing when there is none. */
void instance_return_slot(struct instance *instance, enum slot_fate fate);

/* Gives the question whether the runner still works up, with the slot that it was put over. Nothing when
 * there is none. */
void instance_end_question(struct instance *instance);

/* Closes the connections that are not its pool's. */
void instance_close_connections(struct instance *instance);

/* Removes the container; hooks.gone follows. */
void instance_remove_container(struct instance *instance, const char *why);

/* Takes no new request; removed when those under way are finished or `drain_ms` have passed. */
void instance_drain(struct instance *instance, const char *why, uint64_t drain_ms);

/* It drains, and has had its time to. */
void instance_cut_off(struct instance *instance);

/* Reports a failure, once; and removes the container. */
void instance_report(struct instance *instance, const struct error *cause);
void instance_fail(struct instance *instance, const struct error *cause);

/* --- instance_loss.c: connections or the container have gone, and why --- */

/* How many connections the instance holds or has given to its pool. */
unsigned instance_connection_count(const struct instance *instance);

/* The instance is lost; finds out why before it is removed. Not while it is created: the engine has not said
 * yet which container could be asked about. */
void instance_give_up(struct instance *instance, enum autopsy_case what);

/* Hook of the container: the cause of what was given up, or of its runner's closing a connection. */
void instance_on_explained(void *owner, const struct error *cause);

/* The runner of a ready instance has had its time to open connections. */
void instance_settle(struct instance *instance);

/* --- instance_loading.c: the function, and the slots that come of it --- */

/* Keeps a copy of what is to be loaded. */
void instance_take_load(struct instance *instance, const struct instance_load *load);

/* Hands what the container writes to its function, once there are both. */
void instance_follow_output(struct instance *instance);

/* Hooks of the link, and of the container. */
void instance_on_reached(void *owner);
void instance_on_prewarmed(void *owner, const struct error *err, const char *text);
void instance_on_loaded(void *owner, const struct error *err, const char *text);
void instance_on_connection(void *owner, int fd);
void instance_on_limited(void *owner, const struct error *err);

#endif
