/*
 * Has a program take the daemon's place: starts it with the daemon's own arguments and `--takeover`, and
 * waits for what comes of it. Control thread.
 */
#ifndef DAEMON_UPGRADE_H
#define DAEMON_UPGRADE_H

#include "admin/admin.h"
#include "daemon_state.h"

#include <sys/types.h>

#define UPGRADE_LIMIT_MS 60000 /* that a program has until it serves, unless told otherwise */

/* Where the daemon's own program is, looked up while it has not been replaced. */
void upgrade_init(struct daemon *daemon);

/* For the management API. */
int upgrade_begin(void *context, const struct upgrade_wish *wish, struct error *err);

/* Starts the program that this process runs, even when its file has been replaced: after another one has
 * failed. -1: not even that can be started. */
int upgrade_run_own(struct daemon *daemon, struct error *err);

/* A program serves in the daemon's place; `outcome` is taken over. Does nothing when nobody waits. */
void upgrade_succeed(struct daemon *daemon, json_t *outcome);

/* Whether this process is the program, and so is ended when its time is over. */
bool upgrade_runs(const struct daemon *daemon, pid_t pid);

/* How long a program has that has asked. */
unsigned upgrade_limit_ms(const struct daemon *daemon);

void upgrade_clear(struct daemon *daemon);

#endif
