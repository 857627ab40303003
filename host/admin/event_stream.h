/*
 * The events of the book as server-sent events (text/event-stream), to everybody who follows them. What waits
 * for a slow reader is the book's: one that falls behind what is kept there is told how many it has missed.
 * Control thread.
 */
#ifndef ADMIN_EVENT_STREAM_H
#define ADMIN_EVENT_STREAM_H

#include "admin/admin_call.h"

struct event_stream;

/* `parts` outlives it. */
struct event_stream *event_stream_create(const struct admin_options *parts);

/* Begins an answer that goes on with each event newer than `after`; `function`, copied: with those about it;
 * NULL: with all. -1: there are as many readers as may be; the call is not answered then. */
int event_stream_add(struct event_stream *stream, struct admin_call *call, const char *function,
                     uint64_t after, struct error *err);

/* Tells what there is still to tell, and ends all answers; `ended` is called once all readers have taken
 * that, which may be within this, or have had their time for it. */
void event_stream_end(struct event_stream *stream, void (*ended)(void *context), void *context);

/* After the end of the connections. NULL is fine. */
void event_stream_destroy(struct event_stream *stream);

#endif
