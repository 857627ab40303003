/* A store of calls for the unit tests of it: in a folder of its own, with short ways to say what happens. */
#ifndef CALL_STORE_PLAY_H
#define CALL_STORE_PLAY_H

#include "store/call_store_inside.h"

#define NOW       1000000u
#define A_WAIT_MS (1000u * 1000) /* for longer no call waits */

/* The folder and the store in it. */
extern char play_dir[];
extern struct call_store *play_store;

/* For cmocka: a new folder with an open store, and the end of both. */
int play_begin(void **state);
int play_end(void **state);

/* Closes the store and opens it again; how many calls were running. */
unsigned play_open_again(void);

/* Fails the test unless `rc` is `expected`; says what `err` has. */
void play_expect(int rc, int expected, const struct error *err);

/* Each within a transaction of its own, which is durable. */

/* Accepts one with this body; its number. */
int64_t play_put(const char *function, uint64_t accepted_ms, uint64_t due_ms, const char *body);
/* Accepts so many at once, each with a body of some length. */
void play_put_many(const char *function, unsigned count);
/* Begins an attempt of the next one; its number, 0: none is due. */
int64_t play_take(const char *function, uint64_t now_ms);
void play_end_call(int64_t number, enum call_state state, const char *result, uint64_t expires_ms);
void play_retry(int64_t number, uint64_t now_ms, uint64_t due_ms, bool counted);

/* The call as it is. The caller clears it. */
struct call_record play_find(int64_t number);
void play_expect_state(int64_t number, enum call_state state);

/* Makes the file of a body of this size below the store's folder of bodies; its path, which the caller frees.
 */
char *play_body_file(size_t size);

/* How many files there are of bodies. */
unsigned play_count_files(void);

#endif
