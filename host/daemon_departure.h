/*
 * The rest of a daemon whose successor serves: it passes its clients on as their answers are through, tells
 * of the requests that end with it, and ends when nothing is left or its time is over. Control thread, where
 * nothing else is said.
 */
#ifndef DAEMON_DEPARTURE_H
#define DAEMON_DEPARTURE_H

#include "daemon_state.h"
#include "gateway/passed_client.h"

struct handover;

/* Begins it: nothing is this daemon's any more but what is under way. */
void departure_begin(struct handover *handover);

/* Something of what is waited for may be over: the gateway has no client left, the fleet no instance, the
 * daemon before has ended. */
void departure_look(struct daemon *daemon);

/* What is left is broken off and told of. */
void departure_hurry(struct handover *handover);

/* The time for it is over, which `daemon->host->drain_timeout_ms` says and this tells of. */
void departure_on_limit(struct handover *handover);

/* Goes on ending, once that has begun. */
void departure_finish(struct handover *handover);

/* Tells of a request; for request_book_hand_on(), with the handover as the context. */
void departure_tell_request(const void *form, size_t size, void *context);

/* Hook of the gateway, with the daemon as the context: on a worker thread. */
void departure_on_passed(void *context, struct passed_client *passed);

/* What the daemon before this one sends: on to the next. */
void departure_forward_client(struct daemon *daemon, struct passed_client *passed);
void departure_forward_request(struct daemon *daemon, const void *note, size_t size);

#endif
