/* One thread for slow file work, so that the control thread never waits for a disk: removing trees, hashing,
 * syncing. Control thread only, but for the work itself. */
#ifndef BASE_BACKGROUND_H
#define BASE_BACKGROUND_H

#include "base/error.h"

#include <stdbool.h>

struct event_base;
struct background;

int background_create(struct event_base *base, struct background **ret_background, struct error *err);

/* Finishes the piece of work under way, drops the others, then calls every `done` that is still owed, with
 * `ran` telling which happened. NULL is fine. */
void background_destroy(struct background *background);

/* Runs work(context) on the thread, in the order asked for, then done(context, true) on the control thread's
 * event loop. `done` is always called, and frees the context. */
void background_run(struct background *background, void (*work)(void *context),
                    void (*done)(void *context, bool ran), void *context);

/* Removes a tree in the background; a failure is logged. */
void background_remove_tree(struct background *background, const char *path);

#endif
