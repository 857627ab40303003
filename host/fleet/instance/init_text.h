/* The settings of an instance as they go to its runner: with the values of those secrets that are variables,
 * which exist here, and in what is being sent, and nowhere else. Control thread. */
#ifndef FLEET_INSTANCE_INIT_TEXT_H
#define FLEET_INSTANCE_INIT_TEXT_H

#include "base/error.h"
#include "base/locked.h"
#include "config/registry.h"

#include <jansson.h>

struct secret_store;

/* The member of the settings that asks for a report of the modules that the load imports. */
#define INIT_REPORT_MODULES "report_modules"

/* `settings` as JSON that a NUL ends, which *ret_text does not count; the caller clears it. "secret-missing":
 * a value cannot be had. */
int init_text_make(const json_t *settings, const struct secret_use *secrets, size_t count,
                   const struct secret_store *store, struct locked *ret_text, struct error *err);

/* Those of the secrets that are variables as entries of NAME=value and a NUL, for a runner that is a program
 * like any other. The same otherwise; no bytes when there are none. */
int init_text_environment(const struct secret_use *secrets, size_t count, const struct secret_store *store,
                          struct locked *ret_entries, struct error *err);

#endif
