/* What is answered at the desk: in JSON, errors as the gateway tells them. Each ends the request. */
#ifndef CALLS_DESK_REPLY_H
#define CALLS_DESK_REPLY_H

#include "base/error.h"
#include "calls/desk_server.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* With the status of the error's code. Folders of this host that it names are not told. */
void desk_reply_error(struct desk_request *request, const struct error *err);

/* 200. `retry_after_s`: when it pays to ask again; 0: the answer stays what it is. Takes the reference to
 * `body` over. */
void desk_reply_json(struct desk_request *request, uint64_t retry_after_s, json_t *body);

/* 202: the call is on the disk. `replayed`: it has been since an earlier request with the same key. */
void desk_reply_accepted(struct desk_request *request, const char *id, bool replayed);

#endif
