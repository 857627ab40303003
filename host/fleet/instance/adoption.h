/*
 * Instances that an earlier daemon has left running, until a revision or the prewarmed instances claim them.
 * What nobody has claimed when everything has settled is removed, and only what is this host's own.
 *
 *     adoption_create ─► adoption_give_handles ─► adoption_note_found, for each container that there is
 *     ─► adoption_note_reviewed ─► adoption_claim ... ─► adoption_sweep
 *
 * Between them the engine may tell that a container has ended. All of it counts in the engine's budget from
 * the review on. Control thread.
 */
#ifndef FLEET_INSTANCE_ADOPTION_H
#define FLEET_INSTANCE_ADOPTION_H

#include "fleet/instance/instance.h"

struct adoption;

/* Reads the records in env->run_dir; what has no use there is removed with all that belongs to it. */
struct adoption *adoption_create(struct fleet_env *env);

/* Forgets what nobody has claimed: it stays for the next daemon, and counts no more. */
void adoption_leave(struct adoption *adoption);

/* NULL is fine. */
void adoption_destroy(struct adoption *adoption);

/* Whether an instance of this id may be claimed yet, so that what it has on this host is to stay. */
bool adoption_has(const struct adoption *adoption, const char *instance);

/* Descriptors that the daemon before hands over, of one of its instances; taken over. Before the review. */
void adoption_give_handles(struct adoption *adoption, const char *instance,
                           const struct instance_handles *handles);

/* The engine has this container, by this name, and it runs or does not. */
void adoption_note_found(struct adoption *adoption, const char *instance, const char *container,
                         const char *name, bool runs);

/* The engine has told of all. What it does not have, or what there is no room for, goes. Once or more. */
void adoption_note_reviewed(struct adoption *adoption);

/* A container has ended. */
void adoption_note_died(struct adoption *adoption, const char *instance);

/* Whether a container that runs is waited for by somebody. */
bool adoption_awaits(const struct adoption *adoption, const char *instance);

/* Takes the oldest that serves this function's revision with so many slots, or, without a function, the
 * oldest prewarmed one, whose spec has this digest; NULL: there is none. For instance_adopt(). */
struct instance_past *adoption_claim(struct adoption *adoption, const char *function, const char *digest,
                                     unsigned concurrency);

/* Removes those that nobody will claim any more: `is_awaited` is asked for each, with its function or NULL
 * for a prewarmed one. */
void adoption_sweep(struct adoption *adoption, bool (*is_awaited)(const void *context, const char *function),
                    const void *context, const char *why);

/* Whether there is something left to claim. */
bool adoption_is_open(const struct adoption *adoption);

/* Whether nothing is being removed. */
bool adoption_is_through(const struct adoption *adoption);

/* How many wait that the budget counts, and the sum of their memory limits. */
void adoption_counted(const struct adoption *adoption, unsigned *ret_instances, uint64_t *ret_memory_bytes);

/* Calls visit for each that is being removed. */
void adoption_each_instance(const struct adoption *adoption,
                            void (*visit)(struct instance *instance, void *context), void *context);

#endif
