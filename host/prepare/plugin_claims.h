/*
 * Which plugin serves which word: the names and aliases of languages, compared in any case. No input or
 * output, so that the rules can be tested by themselves:
 *
 * - a name wins over an alias, whoever came first;
 * - among names, and among aliases, the plugin that served the word before wins, and else the first in order;
 * - a plugin whose file is there but cannot be used for the moment keeps the words it served.
 *
 * Control thread only.
 */
#ifndef PREPARE_PLUGIN_CLAIMS_H
#define PREPARE_PLUGIN_CLAIMS_H

#include "config/registry.h"

#include <stddef.h>

struct plugin_claims;

/* A plugin's file, what it says of itself, and what became of it. */
struct plugin_claimant {
    const char *path;
    const struct language *language; /* NULL: it cannot be used */
    const char *name_taken_by; /* set: the path of who serves its name; NULL: it does itself */
    const char **alias_taken_by; /* room for as many as aliases; set likewise, for each. All NULL when the
                                    plugin does not serve its own name */
};

/* Nothing is served yet. */
struct plugin_claims *plugin_claims_create(void);

/* NULL is fine. */
void plugin_claims_destroy(struct plugin_claims *claims);

/* Gives every word to one of the claimants, and remembers it for the next time. The paths that are set belong
 * to `claims` and are valid until the next call. */
void plugin_claims_settle(struct plugin_claims *claims, struct plugin_claimant *claimants, size_t count);

#endif
