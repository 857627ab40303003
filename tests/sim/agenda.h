/*
 * What is going to happen in a simulation, and when: everything but what the control plane itself does.
 * Things of the same moment happen in an order that chance decides. They happen from an event loop, which may
 * be replaced by another one, as when a daemon ends and the next one begins.
 */
#ifndef SIM_AGENDA_H
#define SIM_AGENDA_H

#include <stdint.h>

struct event_base;
struct agenda_item;

typedef void agenda_fn(void *context);

void agenda_init(uint64_t seed);

/* Has things happen from this loop; NULL: from none, for a while. */
void agenda_attach(struct event_base *base);

/* Calls happen(context) in so many milliseconds, once. The item is gone when it is called. Never NULL. */
struct agenda_item *agenda_add(unsigned delay_ms, agenda_fn *happen, void *context);

/* The same, for what is a daemon's own: when it is killed, it does not happen. */
struct agenda_item *agenda_add_daemons(unsigned delay_ms, agenda_fn *happen, void *context);

/* The daemon is killed: what was its own is struck out. */
void agenda_kill_daemon(void);

/* Gives an item that has not happened another time, from now on. */
void agenda_move(struct agenda_item *item, unsigned delay_ms);

/* Strikes it out. NULL is fine. */
void agenda_strike(struct agenda_item *item);

#endif
