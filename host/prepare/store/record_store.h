/*
 * What is known of prepared functions, below the daemon's state directory:
 *
 *     prepared/<function>    a digest of what follows, then JSON: what the function was prepared from, and
 * what its build job has said
 *
 * so that a function that is as it was needs no build job, after a restart neither. A record is written
 * whole, in the background, to a temporary name that is synced and renamed. One that is damaged is none.
 * Control thread only.
 */
#ifndef PREPARE_STORE_RECORD_STORE_H
#define PREPARE_STORE_RECORD_STORE_H

#include "base/background.h"
#include "base/error.h"
#include "base/hash.h"
#include "prepare/process/build_result.h"

#include <stddef.h>

struct record_store;

struct record {
    char inputs[HASH_HEX_SIZE]; /* of everything that preparing depended on */
    char *dependency_key; /* of the dependencies that the last look at it was with, or NULL */
    struct build_result *result; /* ok; its package is in the package store, or was */
};

/* Opens or makes the store in `state_dir`, which package_store_open has opened before. `background` outlives
 * it. */
int record_store_open(const char *state_dir, struct background *background, struct record_store **ret_store,
                      struct error *err);
void record_store_close(struct record_store *store);

/* The record of a function when it was prepared from just these inputs; else false. A damaged one is logged.
 * The caller clears *ret_record. */
bool record_store_find(const struct record_store *store, const char *function, const char *inputs,
                       struct record *ret_record);
void record_clear(struct record *record);

/* Writes a record in the place of the one before, in the background or, when that ends, at once. A failure is
 * logged. Everything is copied. None is kept, and the one before goes, when a text has a password in a URL,
 * as requirements may. */
void record_store_put(struct record_store *store, const char *function, const struct record *record);

/* Removes the records of functions for which `is_wanted` says no. */
void record_store_collect(const struct record_store *store,
                          bool (*is_wanted)(const void *context, const char *function), const void *context);

/* Reads a record's file. -1, `err` filled: it is damaged. Any thread. */
int record_parse(const char *text, size_t size, struct record *ret_record, struct error *err);

#endif
