/*
 * What the engine does with the container of an instance, and says of it. `instance` is an instance's id,
 * with which the name of its container ends. Every call waits.
 */
#ifndef PLUGIN_TEST_TRIAL_ENGINE_H
#define PLUGIN_TEST_TRIAL_ENGINE_H

#include "base/error.h"
#include "plugin_test/talk.h"

#include <jansson.h>

/* -1: no engine answers. */
int trial_engine_look(struct error *err);

/* Asks about the container: `what` is what follows /containers/<id>. NULL as of talk_ask_json(). */
json_t *trial_engine_ask(const char *instance, const char *what);

/* Sends a signal to the first process of the container: whether the engine has done so. */
bool trial_engine_signal(const char *instance, const char *signal);

/* Begins to wait for the end of the container, over `talk`; trial_engine_exit_code() says how it ended, -1
 * when it has not within `timeout_ms`. */
int trial_engine_watch(const char *instance, struct talk *talk, struct error *err);
int trial_engine_exit_code(struct talk *talk, unsigned timeout_ms);

/* Runs a script in the container, with the image's shell and as the container's own user: its exit status,
 * what it has written in `output`. -1: it cannot be run. */
int trial_engine_run(const char *instance, const char *script, struct talk_answer *output, struct error *err);

#endif
