/*
 * Calls that are done later, in SQLite: the queue itself, the results, the dead letters. One thread uses a
 * store, the calls thread. There is no clock in here: every time is passed in, in milliseconds since 1970.
 *
 * Everything happens within a transaction (call_store_begin()), which ends with call_store_commit() or
 * call_store_roll_back(). Functions return -1 with `err` set when the database refuses; the transaction is to
 * be rolled back then. Texts and bytes that are passed in are borrowed for the call.
 */
#ifndef STORE_CALL_STORE_H
#define STORE_CALL_STORE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALL_ID_DIGITS    32
#define CALL_KEY_MS       (24 * 60 * 60 * 1000) /* how long an Idempotency-Key is remembered */
#define CALL_INLINE_BYTES (32u << 10) /* larger bodies are files beside the database */

struct call_store;

enum call_state { CALL_WAITING, CALL_RUNNING, CALL_DONE, CALL_DEAD, CALL_CANCELLED };

#define CALL_STATE_COUNT 5

/* A body: bytes in memory, or a file of its own below call_store_body_dir(), or nothing (size 0). */
struct call_body {
    const void *bytes; /* NULL: it is in the file, or empty */
    const char *file; /* its path; NULL: it is in memory */
    uint64_t size;
    bool stays; /* its file is there under its own name as well, once it has been handed over */
};

/* What is accepted. */
struct call_new {
    const char *id; /* CALL_ID_DIGITS hexadecimal digits */
    const char *function;
    const char *method;
    const char *target; /* what the function sees: "/path?query", may be "" */
    const char *head; /* "Name: value\r\n" for each header that goes on to the function */
    struct call_body body; /* a file is taken over, by renaming it unless it stays */
    const char *callback_url; /* or NULL */
    const char *key; /* Idempotency-Key, or NULL */
    const char *fingerprint; /* of what was asked with that key; NULL without one */
    const char *client; /* its address, or NULL */
    const char *request_id; /* of the request that was accepted, or NULL */
    const char *schedule; /* the schedule that it is a run of, or NULL */
    uint64_t scheduled_ms; /* the time that it is the run of; 0 without a schedule */
    const char *origin; /* the id of the call whose end called it, or NULL */
    uint64_t accepted_ms, due_ms;
};

/* One call as it is kept. Owned by whoever read it: call_record_clear(). NULL where there is nothing. */
struct call_record {
    int64_t number; /* counts up in the order of acceptance */
    char id[CALL_ID_DIGITS + 1];
    char *function, *method, *target, *head;
    char *body; /* CALL_INLINE_BYTES at most, body_size bytes; NULL: in body_file, or not read */
    char *body_file; /* path */
    uint64_t body_size;
    char *callback_url, *client, *request_id, *schedule, *origin;
    uint64_t scheduled_ms, accepted_ms, due_ms;
    uint64_t since_ms; /* its age counts from here: accepted, or driven once more */
    uint64_t ended_ms; /* 0: not ended */
    uint64_t expires_ms; /* when an ended one is forgotten; 0: not ended, or never */
    enum call_state state;
    unsigned attempts; /* that have begun and count */
    int status; /* of the function's last answer; 0: none */
    char *reason; /* slug of why the last attempt failed or the call is dead, or NULL */
    char *message; /* the same in a sentence, or NULL */
    uint64_t attempt_ms; /* when the last attempt began; 0: none has */
    uint64_t run_ms; /* how long the last attempt took */
    char *result_head; /* header lines of the result, or NULL */
    char *result, *result_file; /* as the body; NULL both: none, or not read */
    uint64_t result_size;
    bool result_cut; /* more came than is kept */
};

void call_record_clear(struct call_record *record);

/* How an attempt ended. */
struct call_outcome {
    int status; /* 0: no answer */
    const char *reason, *message; /* of a failure, or NULL */
    uint64_t ended_ms, run_ms;
    const char *result_head; /* NULL: no result is kept */
    struct call_body result;
    bool result_cut;
};

/* Opens DIR/calls.db, making the directory and the schema, or bringing it up to date. One that is damaged is
 * set aside and what can be read of it is saved into a new one, which is logged. Calls that were running wait
 * again, due at `now_ms`: *ret_repeated says how many. */
int call_store_open(const char *dir, uint64_t now_ms, struct call_store **ret_store, unsigned *ret_repeated,
                    struct error *err);
/* NULL is fine. Rolls an open transaction back. */
void call_store_close(struct call_store *store);

/* Where files of bodies are written before they are handed over; on the same file system as where they stay.
 */
const char *call_store_body_dir(const struct call_store *store);

/* Where it is. */
const char *call_store_dir(const struct call_store *store);

/* --- transactions --- */

int call_store_begin(struct call_store *store, struct error *err);
/* `durable`: it is on disk when this returns 0, with what was committed before and the files of bodies that
 * were put meanwhile; what is there already is not waited for. After -1 it has been rolled back; only when
 * the disk does not confirm it, it may have happened all the same. */
int call_store_commit(struct call_store *store, bool durable, struct error *err);
void call_store_roll_back(struct call_store *store);

/* --- the life of a call --- */

int call_store_put(struct call_store *store, const struct call_new *call, int64_t *ret_number,
                   struct error *err);

/* The call that was accepted with `key` for the function since `since_ms`: 1 and its id and fingerprint (both
 * CALL_ID_DIGITS/64 hexadecimal digits at most, with room for 0); 0: none. */
int call_store_find_key(struct call_store *store, const char *function, const char *key, uint64_t since_ms,
                        char ret_id[CALL_ID_DIGITS + 1], char ret_fingerprint[65], struct error *err);

/* The next waiting one of the function that is due, in the order of acceptance, without those running: 1,
 * with all that a delivery needs, 0: none. Of more than a thousand that have become due since somebody asked
 * last, those that were due first come first. Where none is due, one that would wait for longer than
 * `longest_ms`: the clock has been set back since. */
int call_store_next(struct call_store *store, const char *function, uint64_t now_ms, uint64_t longest_ms,
                    struct call_record *ret_record, struct error *err);

/* When the earliest waiting one of the function is due; UINT64_MAX: none waits. */
int call_store_next_due(struct call_store *store, const char *function, uint64_t *ret_due_ms,
                        struct error *err);

/* The three that follow leave a call as it is that is not in the state that they name, and its files where
 * they are. */

/* An attempt begins: waiting -> running, attempts + 1, a row of attempts. */
int call_store_begin_attempt(struct call_store *store, int64_t number, const char *request_id,
                             uint64_t now_ms, struct error *err);
/* It has ended, and the call with it: running -> `state` (done or dead), kept until `expires_ms` (0: until it
 * is dropped). 1; 0: it was not running. */
int call_store_end(struct call_store *store, int64_t number, enum call_state state,
                   const struct call_outcome *outcome, uint64_t expires_ms, struct error *err);
/* It has ended and there is to be another: running -> waiting. `counted` false: it was no attempt at all (the
 * host had no room): attempts - 1. */
int call_store_retry(struct call_store *store, int64_t number, const struct call_outcome *outcome,
                     uint64_t due_ms, bool counted, struct error *err);
/* Waiting or running -> cancelled. 1; 0: it has ended. */
int call_store_cancel(struct call_store *store, int64_t number, uint64_t now_ms, uint64_t expires_ms,
                      struct error *err);
/* Waiting (too old) -> dead, for a reason. 1; 0: it did not wait. */
int call_store_give_up(struct call_store *store, int64_t number, const struct call_outcome *outcome,
                       struct error *err);
/* Dead -> waiting, due now, with no attempts; *ret_count: how many. `number` 0: all of `function`, which may
 * be NULL for all. Those that have lost their request (reason "damaged") stay dead. call_store_drop() forgets
 * them. */
int call_store_redrive(struct call_store *store, int64_t number, const char *function, uint64_t now_ms,
                       int64_t *ret_count, struct error *err);
int call_store_drop(struct call_store *store, int64_t number, const char *function, int64_t *ret_count,
                    struct error *err);

/* By id (CALL_ID_DIGITS) or by number (`id` NULL). Without bodies. 1, 0: there is none. */
int call_store_find(struct call_store *store, const char *id, int64_t number, struct call_record *ret_record,
                    struct error *err);
/* As that, with the result. */
int call_store_find_result(struct call_store *store, const char *id, struct call_record *ret_record,
                           struct error *err);

/* --- upkeep --- */

/* Forgets up to `max` ended calls that have expired, with their attempts, keys and files. *ret_count: how
 * many. */
int call_store_expire(struct call_store *store, uint64_t now_ms, unsigned max, unsigned *ret_count,
                      struct error *err);

struct call_sums {
    int64_t by_state[CALL_STATE_COUNT];
    uint64_t bytes; /* of the database and of all bodies */
    uint64_t oldest_waiting_ms; /* accepted_ms; 0: none waits */
};

/* Kept up to date in memory, so it costs next to nothing. */
void call_store_sums(struct call_store *store, struct call_sums *ret_sums);

/* The functions of which calls wait, in no order, ended by NULL: texts_free(). */
char **call_store_waiting_functions(const struct call_store *store);

#endif
