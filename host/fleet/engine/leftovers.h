/*
 * Containers of this host that no instance stands for: what a daemon that was killed left behind, and what
 * the engine made although it had reported a failure. Each is removed, and tried again at growing intervals
 * until it is gone: an engine that has just come back may not be able to remove at once. Control thread.
 */
#ifndef FLEET_ENGINE_LEFTOVERS_H
#define FLEET_ENGINE_LEFTOVERS_H

struct docker;
struct event_base;
struct leftovers;

struct leftovers *leftovers_create(struct event_base *base, struct docker *docker);

/* Gives up what is not removed yet. NULL is fine. */
void leftovers_destroy(struct leftovers *leftovers);

/* Removes the container `id`; `name` and `state` are for the log. One that is being removed already is left
 * to that. */
void leftovers_remove(struct leftovers *leftovers, const char *id, const char *name, const char *state);

#endif
