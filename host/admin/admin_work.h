/*
 * Slow work for calls, done by a background thread, and what is made of it on the control thread: one answer,
 * or one in pieces. Work whose client has left is finished and forgotten.
 */
#ifndef ADMIN_ADMIN_WORK_H
#define ADMIN_ADMIN_WORK_H

#include "admin/admin_call.h"

/* What a call's work is; `context` is handed to each. */
struct admin_job {
    void (*work)(void *context); /* on the background thread */
    /* On the control thread, after the work: NULL for a call that is answered in pieces. */
    void (*answer)(struct admin_call *call, void *context);
    /* The same for one in pieces: the next piece, which may be empty; false: it was the last one. */
    bool (*next_piece)(void *context, struct evbuffer *ret_piece);
    void (*free)(void *context);
};

/* Does the work once, after so many milliseconds, then answers. `job` outlives it; the context is freed by
 * it.
 */
void admin_call_work(struct admin_call *call, unsigned delay_ms, const struct admin_job *job, void *context);

/* Begins an answer in pieces: does the work again and again, each time when the client has taken the piece
 * before, or after a while when that was empty. */
void admin_call_stream(struct admin_call *call, const char *type, const struct admin_job *job, void *context);

#endif
