/* Inside of a revision: what its files share. For revision*.c only. */
#ifndef FLEET_REVISION_REVISION_INSIDE_H
#define FLEET_REVISION_REVISION_INSIDE_H

#include "fleet/revision/revision.h"

#include "fleet/scale/autoscaler.h"
#include "fleet/scale/prewarm.h"
#include "fleet/scale/warm_keeper.h"
#include "routing/slot_wait.h"

/* When a schedule of the function calls it. */
struct next_due {
    uint64_t found_ms; /* 0: it has not been looked for */
    uint64_t due_ms; /* 0: none does */
};

struct revision {
    struct fleet_env *env;
    struct generation *generation;
    const struct function_settings *settings; /* what it was made from */
    struct generation *applied_generation;
    const struct function_settings *applied; /* those that apply at once: the function's newest */
    struct scale_state *shared;
    struct revision_hooks hooks;
    void *owner;
    enum revision_state state;
    char inputs[HASH_HEX_SIZE];
    char *restored_from; /* the digest of what was kept that it was made of, or NULL */
    bool is_proven; /* an instance has loaded */
    bool proves; /* it wants an instance at least, until one has loaded or failed to */
    bool learns; /* the same, so that it becomes known what it imports, while there is room */
    struct slot_pool *pool;
    struct pool_watch *watch;
    struct preparation *preparation;
    uint64_t build_began_ms;
    struct prepared prepared;
    struct prewarm_pool *prewarm; /* NULL: the package is too big for prewarmed instances, or has mounts */
    struct module_profile *modules; /* NULL: none, or not known */
    bool modules_known;
    struct prewarm_pool *libraries; /* of instances that have loaded its libraries; NULL: it has none, or does
                                     * not scale */
    struct prewarm_listener library_listener;
    struct warm_member warm; /* while there is such a pool */
    uint64_t loaded_bytes; /* what the instance used that has told of the libraries; 0: not known */
    struct next_due next_due;
    char *libraries_failed; /* why they are not loaded ahead any more; NULL: they are, or there are none */
    bool libraries_doubted; /* one with them has not loaded it, and none without was tried since */
    char *egress; /* egress_text() of what the engine keeps for its containers; NULL: nothing */
    struct container_mount *mounts; /* of the last revision_fill_spec() */
    struct scale_settings scale;
    struct kept_error *problem; /* the last of a start or build */

    const struct instance_hooks *instance_hooks, *library_hooks; /* the latter of those with libraries */
    struct instance **instances;
    size_t count;
    unsigned failures; /* starts in a row */
    unsigned deaths; /* in a row, of instances that had just become ready */
    bool package_changed; /* nothing is started until it has been made anew */
    unsigned denied; /* instances that the last decision wanted beyond the host's room */
    bool trial_waits; /* in standby: for room on the host */
    bool trial_is_due; /* in standby: when the back-off has ended */
    uint64_t trial_since_ms; /* in standby, or active while it proves */
    uint64_t retry_at_ms;
    struct event *news; /* what those wait for who wait is to be told anew */
    struct event *retry; /* back-off has ended */
    struct event *expiry; /* the next instance may have been idle for long enough */
    struct event *ending; /* retired without instances: reports from the event loop */
    enum scale_reason last_reason;
};

/* --- revision_start.c: its instances, and starting them --- */

/* How many of its instances are in this state, and how many on their way to being ready. */
unsigned revision_count_in(const struct revision *revision, enum instance_state state);
unsigned revision_starting_count(const struct revision *revision);

/* Tells the pool how many slots are on their way in instances that start. */
void revision_tell_starting(struct revision *revision);

/* What containers it starts from; borrows from the revision, until the next one. */
void revision_fill_spec(struct revision *revision, struct container_spec *spec);

/* The same of a container that is started for it. *ret_environment, which the spec borrows, is the caller's
 * (texts_free()); NULL: none. */
void revision_fill_own_spec(struct revision *revision, struct container_spec *spec, char ***ret_environment);

/* Nothing is started from a package that was changed on the disk. It is made anew from the function's files,
 * once for all the starts that are wanted meanwhile; whoever waits goes on waiting. */
bool revision_package_is_intact(struct revision *revision);

/* Gives the function to a prewarmed instance, ready or nearly so; false when there is none. */
bool revision_start_prewarmed(struct revision *revision);

/* Goes on with the instances that an earlier daemon has left of it; then it is known to load. */
void revision_adopt(struct revision *revision);

/* Starts an instance: a prewarmed one when there is one. The budget has been looked at. False when the
 * package was changed on the disk: its owner has been told. */
bool revision_start_one(struct revision *revision);

/* --- revision_modules.c: its libraries --- */

void revision_open_modules(struct revision *revision);
void revision_close_modules(struct revision *revision);

/* An instance that is ready may have reported which modules its load has imported. */
void revision_learn_modules(struct revision *revision, struct instance *instance);

/* An instance with its libraries has not loaded it: from now on they are loaded with it. One without them has
 * not either: it was not the libraries, which are loaded ahead again once it loads. */
void revision_doubt_libraries(struct revision *revision, const struct error *cause);
void revision_clear_libraries(struct revision *revision);

/* It scales from now on; it does no longer. */
void revision_join_libraries(struct revision *revision);
void revision_leave_libraries(struct revision *revision);

/* --- revision_prewarmed.c: the prewarmed instances that it may be given --- */

/* How many are ready for it; whether there is one to be had, ready or nearly so. */
unsigned revision_prewarmed_ready(const struct revision *revision);
bool revision_has_prewarmed(const struct revision *revision);

/* The best one, for prewarm_take() from the pool that is returned; *ret_instance is NULL when there is none.
 */
struct prewarm_pool *revision_pool_to_take(const struct revision *revision, struct instance **ret_instance);

/* --- revision_warm.c: how many of these are kept for it --- */

/* It has joined a pool of instances with libraries; it is about to leave it. */
void revision_keep_warm(struct revision *revision);
void revision_keep_no_longer_warm(struct revision *revision);

/* --- revision_scaling.c: how many instances there should be, and room on the host --- */

/* What a decision about its instances is made from. */
void revision_gather_inputs(const struct revision *revision, struct scale_inputs *ret_inputs);

/* Takes what it is to have at least from its settings, or from who has set that by hand. */
void revision_set_minimum(struct revision *revision);

/* Whether it loads is known, and what it imports: it wants no more than that. */
void revision_end_proof(struct revision *revision);

/* Removes instances that have been idle for long enough and sets the timer for the next. None while Docker is
 * away: nothing could take its place. */
void revision_expire(struct revision *revision);

/* Handlers of the timers `expiry` and `retry`. */
void revision_on_expiry(evutil_socket_t fd, short what, void *context);
void revision_on_retry(evutil_socket_t fd, short what, void *context);

/* Counts its trial among those that wait for room, or no longer. */
void revision_set_trial_waits(struct revision *revision, bool waits);

/* In standby, when the instance on trial has failed: has another one tried after a pause. False: that would
 * fail as well, or enough have. */
bool revision_try_again(struct revision *revision, const struct error *cause);

/* --- revision_instances.c: what becomes of an instance --- */

/* Of every instance of a revision, which owns it. */
extern const struct instance_hooks revision_instance_hooks;

/* The same of one that had loaded libraries before it was given the function. */
extern const struct instance_hooks revision_library_hooks;

/* Gives the waiting requests the cause when no instance will serve them soon. */
void revision_fail_hopeless_waiters(struct revision *revision);

/* A retired one without instances comes to its end, from the event loop. */
void revision_end_if_empty(struct revision *revision);

/* --- revision_news.c: what those wait for who wait --- */

/* Tells the pool what a request waits for that waits in vain, and goes on telling it while there is no
 * instance to serve one. */
void revision_tell_news(struct revision *revision);

/* Handler of the timer `news`. */
void revision_on_news(evutil_socket_t fd, short what, void *context);

#endif
