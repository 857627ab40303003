/* Takes values of secrets out of what a function's own failure says: its callers are told of it. */
#ifndef FLEET_INSTANCE_SECRET_HIDE_H
#define FLEET_INSTANCE_SECRET_HIDE_H

#include "base/error.h"
#include "config/registry.h"

struct secret_store;

/* Puts "***" in the place of each of the values in `text`, which gets no longer: of one with characters that
 * languages write in other words, in the place of what is between these; at the end of the text also of a
 * value that is cut there. Values of less than 4 bytes stay. Control thread. */
void secret_hide(const struct secret_use *secrets, size_t count, const struct secret_store *store,
                 char *text);

/* The same with what an error says. */
void secret_hide_error(const struct secret_use *secrets, size_t count, const struct secret_store *store,
                       struct error *err);

#endif
