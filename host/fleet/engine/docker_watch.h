/*
 * The connection to the Docker engine as a whole: waits until it answers, makes the network, removes what a
 * killed predecessor left or had asked for, and then follows its events. When the engine goes away the watch
 * waits for it and looks at everything again. What it sees it tells the engine (engine.h). Control thread.
 */
#ifndef FLEET_ENGINE_DOCKER_WATCH_H
#define FLEET_ENGINE_DOCKER_WATCH_H

struct docker_engine;
struct docker_spares;
struct docker_watch;
struct reach;

struct docker_watch *docker_watch_start(struct docker_engine *engine);

/* NULL: no rules are made. */
struct reach *docker_watch_reach(const struct docker_watch *watch);

struct docker_spares *docker_watch_spares(const struct docker_watch *watch);

/* See engine_add_mirrors(). */
void docker_watch_add_mirrors(struct docker_watch *watch, const char *text);

/* Looks no more after spare networks and the rules that limit what functions can reach: they stay as they
 * are. */
void docker_watch_leave(struct docker_watch *watch);

/* NULL is fine. */
void docker_watch_end(struct docker_watch *watch);

#endif
