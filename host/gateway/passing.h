/*
 * How a worker gives its clients to the daemon that takes the place of this one, and takes those of the one
 * before. First it holds: nobody is let in, no request begins, and one that has no slot yet stays as it came;
 * those on a slot go on. Then it passes on whoever has nothing under way, and the others as their answers are
 * through. Streams and tunnels stay until they end.
 */
#ifndef GATEWAY_PASSING_H
#define GATEWAY_PASSING_H

#include "gateway/passed_client.h"

struct worker;

/* Control thread; the worker does so in a later turn. Each once, in this order. */
void passing_hold(struct worker *worker);
void passing_begin(struct worker *worker);

/* Has the worker take the client over, by the door if it came in by one that it serves. Whatever the limits
 * say: it has been let in before. Control thread. */
struct door;
void passing_take(struct worker *worker, struct door *door, struct passed_client *passed);

#endif
