/*
 * A call of the management API that is answered later: what whoever is to answer it keeps of it meanwhile.
 * Control thread.
 */
#ifndef ADMIN_ADMIN_LATER_H
#define ADMIN_ADMIN_LATER_H

#include "admin/admin_call.h"

#include <event2/keyvalq_struct.h>

/* Embedded in what whoever answers it knows of it. */
struct admin_later {
    const struct admin_options *parts;
    struct admin_waiting *waiting;
    struct background *background;
    struct evhttp_request *request; /* NULL: its client has left */
    const bool *is_ending;
    struct evkeyvalq query; /* empty */
    void (*gone)(struct admin_later *later);
};

/* Keeps the call. `gone` is called when its client leaves before the answer; it may free the whole. */
void admin_later_begin(struct admin_later *later, const struct admin_call *call,
                       void (*gone)(struct admin_later *later));

/* The call again, for the answer, with another name in the place of "*"; both are borrowed. Once, and not
 * after `gone`. */
struct admin_call admin_later_resume(struct admin_later *later, const char *name);

/* It is answered, or ends with its server, without that. */
void admin_later_forget(struct admin_later *later);

#endif
