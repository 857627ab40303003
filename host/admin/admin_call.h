/*
 * One request of the management API under its handler, and the ways to answer it. Control thread.
 */
#ifndef ADMIN_ADMIN_CALL_H
#define ADMIN_ADMIN_CALL_H

#include "admin/admin.h"
#include "base/error.h"

#include <event2/http.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADMIN_ACCEPTED 202 /* libevent has no name for it */

struct admin_waiting;
struct background;
struct event_stream;

struct admin_call {
    const struct admin_options *parts; /* what there is to answer from */
    struct evhttp_request *request; /* libevent's; gone once it is answered */
    const char *name; /* what the path has in the place of "*"; else "" */
    struct evkeyvalq *query; /* decoded */
    struct admin_waiting *waiting; /* takes a call that is answered later */
    struct background *background; /* does slow work */
    struct event_stream *events; /* takes a call that follows them */
    const bool *is_over; /* nothing more will happen that is worth following; lives as long as the API */
    const bool *is_ending; /* the API is about to end, and its connections with it */
};

/* The value of a query parameter, the last one where it is repeated; NULL: there is none. Borrowed. */
const char *admin_call_query(const struct admin_call *call, const char *parameter);

/* Reads the text of such a parameter as a whole number from 0 to `max`; NULL and "" leave *ret_number as it
 * is. -1: it is something else. */
int admin_read_number(const char *parameter, const char *text, uint64_t max, uint64_t *ret_number,
                      struct error *err);

/* The body, which is to be a JSON object. -1: it is none. The caller lets go of *ret_json. */
int admin_call_body(const struct admin_call *call, json_t **ret_json, struct error *err);

/* Takes the bytes of the body. The caller frees them. */
char *admin_call_take_body(const struct admin_call *call, size_t *ret_size);

/* Each of these is the whole answer: once a call. */

void admin_call_send(struct admin_call *call, int status, const char *type, const void *bytes, size_t size);

/* Plain text and a newline: what clients of the /system contract print as it is. */
void admin_call_text(struct admin_call *call, int status, const char *text);

/* Takes `json`. */
void admin_call_json(struct admin_call *call, int status, json_t *json);

/* Begins an answer in pieces that may go on for long: a client that only waits is not hung up on, one that
 * takes nothing of a piece for a minute is. Pieces and end are libevent's evhttp_send_reply_chunk(). */
void admin_call_begin(struct admin_call *call, const char *type);

/* For the close callback of a connection under a call that is answered later: libevent leaves the request of
 * a client that has left to whoever was to answer it, but not those that go with their server. */
void admin_call_abandon(struct evhttp_request *request, const bool *is_ending);

/* Says what is wrong with the call: as JSON of the gateway's shape below /berth, as plain text elsewhere. The
 * status is that of the error's code. */
void admin_call_refuse(struct admin_call *call, const struct error *err);

#endif
