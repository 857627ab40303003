/*
 * One run of the simulation, in a process of its own: what all its parts share. The control plane is the
 * daemon's own code, from the registry's file to the connections of runners. Played are, by what stands in
 * the place of the daemon's modules of the same functions:
 *
 *     time, waiting, random numbers    virtual_time.c
 *     the engine, its containers       played_engine.c, containers.c
 *     runners                          runners.c, played_tcp.c
 *     build jobs, images               played_builds.c, played_images.c
 *     work in the background           played_background.c
 *     clients, as workers hold them    clients.c
 *
 * What goes on and what goes wrong follows from a seed: scenario.c. What must hold all the time: rules.c.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "chance.h"
#include "totals.h"

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct fleet;

/* How often, of a thousand times, something goes wrong at the moment. Zeros: nothing does. */
struct weather {
    unsigned refused; /* a call to the engine fails and does nothing */
    unsigned lied_about; /* a call does what it is to do, and is said to have failed */
    unsigned held; /* a call takes minutes */
    unsigned late; /* the end of a container is told seconds later */
    unsigned lost; /* it is not told at all */
    unsigned bad_start; /* a container ends at once, or its runner never comes */
    unsigned bad_load; /* a function does not load */
    unsigned half; /* a runner opens fewer connections than it is to */
    unsigned bad_build; /* a build job fails */
    unsigned slow; /* things take ten times as long */
};

struct sim {
    struct event_base *base;
    struct fleet *fleet; /* NULL: no daemon at the moment */
    bool is_ending; /* it has been told to end */
    unsigned daemon; /* which one it is, from 1 */
    char root[48]; /* of all files */
    unsigned kinds; /* of faults that there may be: FAULT_BIT() */
    struct chance chance;
    struct weather weather;
    bool trace; /* is printed */
    struct totals *totals; /* shared with the process that has begun the run */
};

extern struct sim sim;

#endif
