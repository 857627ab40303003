/*
 * The program berth-firewall in a container of the engine: for a daemon that may use the engine and change no
 * rules, or that is in another network namespace than the engine. Its image is empty; what a program of this
 * host needs (its libraries) is mounted read-only. Control thread.
 */
#ifndef FIREWALL_FIREWALL_CONTAINER_H
#define FIREWALL_FIREWALL_CONTAINER_H

#include "docker/docker.h"

struct firewall_container;

/* Borrowed until it is ended. */
struct firewall_container_options {
    struct docker *docker;
    const char *owner;
    const char *program, *table;
    const char *socket_dir; /* has a socket `host.sock` that the program connects to */
};

/* Reports from the event loop, once: it runs, or why not. In the place of one that is left from before. */
struct firewall_container *firewall_container_start(const struct firewall_container_options *options,
                                                    docker_done_fn *done, void *context);

/* Frees it. The container ends when its socket is closed, and is removed by the engine then. NULL is fine. */
void firewall_container_end(struct firewall_container *container);

#endif
