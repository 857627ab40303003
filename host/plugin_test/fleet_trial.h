/*
 * The good function in containers of a daemon of this test's own, with no plugin but the one that is tested;
 * the function has at most one instance, and one container is prewarmed. It is there a second time, with a
 * volume. What a client sees of them, and what the daemon says of them.
 */
#ifndef PLUGIN_TEST_FLEET_TRIAL_H
#define PLUGIN_TEST_FLEET_TRIAL_H

#include "plugin_test/bench.h"
#include "plugin_test/outcome.h"
#include "plugin_test/talk.h"
#include "plugin_test/trial_daemon.h"

#define TRIAL_ANSWER_MS 30000 /* within which a request has its answer */

struct fleet_trial {
    struct trial_daemon daemon;
    char *missing; /* why there are no containers; NULL: there are */
    struct outcome first; /* what came of the first request */
    int status; /* of its answer */
    bool echoes; /* the function answers with the body that it gets */
};

/* Starts it, once, and makes the first request. Never NULL. The bench's own. */
struct fleet_trial *fleet_trial_get(struct bench *bench);

/* Ends the daemon and its containers. NULL is fine. */
void fleet_trial_destroy(struct fleet_trial *trial);

/* Connects to where functions answer. */
int fleet_trial_open(struct fleet_trial *trial, struct talk *talk, struct error *err);

/* One request over a connection of its own: `head` are further header lines, each with its end. False,
 * `outcome` filled, unless an answer came that is the function's own word. */
bool fleet_trial_ask(struct fleet_trial *trial, const char *method, const char *target, const char *head,
                     struct talk_answer *answer, struct outcome *outcome);

/* A GET of a function that nothing may run of yet; else as fleet_trial_ask(). */
bool fleet_trial_start(struct fleet_trial *trial, const char *function, struct talk_answer *answer,
                       struct outcome *outcome);

/* Whether an answer is the function's own; else `outcome` says what the daemon has to say in its place. */
bool fleet_trial_is_answer(const struct talk_answer *answer, struct outcome *outcome);

/* The instance of a function that serves. */
struct trial_instance {
    char id[64];
    unsigned slots, busy;
};

/* False: there is none right now. */
bool fleet_trial_instance(struct fleet_trial *trial, const char *function,
                          struct trial_instance *ret_instance);

/* Waits until an instance is as `is_so` says; the last one looked at is in *ret_instance. */
typedef bool trial_condition_fn(const struct trial_instance *instance, const void *context);
bool fleet_trial_await(struct fleet_trial *trial, const char *function, trial_condition_fn *is_so,
                       const void *context, unsigned ms, struct trial_instance *ret_instance);

#endif
