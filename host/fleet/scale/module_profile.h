/*
 * What a revision imports of libraries while it loads, as its runner has told (docs/runner-protocol.md), and
 * what of that may be loaded before its function is known. Control thread.
 */
#ifndef FLEET_SCALE_MODULE_PROFILE_H
#define FLEET_SCALE_MODULE_PROFILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct module_profile {
    json_t *modules; /* [{"name": text, "ms": number}, ...] in the order of their import; its time is in
                        milliseconds */
    json_t *left; /* [{"module": text, "effect": text}, ...]: for the load, since they do more than load */
    uint64_t memory_bytes; /* of a prewarmed instance that has loaded the rest; 0: not known */
};

/* The most modules that a profile has, and the most bytes that a name of one has. What is more is no profile.
 */
#define MODULES_MAX     512
#define MODULE_NAME_MAX 256

/* From a runner's answer to init. NULL: it tells of none. The caller frees it. */
struct module_profile *module_profile_of_report(const json_t *report);

/* As it is kept; NULL: it is none. The caller frees it, or gives the JSON back. */
struct module_profile *module_profile_from_json(const json_t *json);
json_t *module_profile_to_json(const struct module_profile *profile);

/* Takes what a runner has found out when it loaded them ahead. False: it says of a module that is not of
 * those, or of nothing in particular, that it does more than load, so nothing can be learnt of it. */
bool module_profile_leave(struct module_profile *profile, const json_t *report);

/* Takes how long loading them has taken this time: what counts is the least, since a busy machine takes
 * longer. True: that is less than before by more than a little. */
bool module_profile_note_times(struct module_profile *profile, const json_t *report);

/* Takes what an instance has been seen to use that has loaded them ahead; 0: that could not be seen, which
 * says nothing. What differs by little is taken for the same, or plans would change with every instance.
 * True: it was another. */
bool module_profile_note_memory(struct module_profile *profile, uint64_t bytes);

/* Whether such a report tells of effects. */
bool module_report_has_effects(const json_t *report);

/* The names of those that may be loaded ahead, in order; the caller gives it back. How much sooner a function
 * is loaded then, in milliseconds. */
json_t *module_profile_names(const struct module_profile *profile);
double module_profile_saved_ms(const struct module_profile *profile);

/* NULL is fine. */
void module_profile_free(struct module_profile *profile);

#endif
