/*
 * Secrets: values with names, kept in <state dir>/secrets, each in a file of its own that is sealed with the
 * key of a file elsewhere (secret_key.h). In memory they are sealed, too, but for the moment in which one is
 * used. Control thread.
 */
#ifndef PREPARE_STORE_SECRET_STORE_H
#define PREPARE_STORE_SECRET_STORE_H

#include "base/error.h"
#include "base/locked.h"
#include "config/known_secrets.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECRET_VALUE_MAX    (1u << 20) /* bytes of a value */
#define SECRET_VARIABLE_MAX 65536 /* of one that is to be a variable */

struct secret_store;

/* Reads what is kept. The key file is needed, and made, with the first secret: that it is missing or another
 * one is the problem of each secret that there is (known_secret.problem), and never a reason to make a new
 * one. Fails when the folder cannot be read. */
int secret_store_open(const char *state_dir, const char *key_path, struct secret_store **ret_store,
                      struct error *err);

/* NULL is fine. */
void secret_store_close(struct secret_store *store);

/* Reads all of it again, the key file too. */
int secret_store_reload(struct secret_store *store, struct error *err);

/* Which there are, sorted by name. Valid until something changes. */
const struct known_secrets *secret_store_known(const struct secret_store *store);

/* When this one was set, in milliseconds since 1970; 0: there is none. */
uint64_t secret_store_set_ms(const struct secret_store *store, const char *name);

/* Sets one, or gives it another value: it is on the disk afterwards. "secret-invalid": a name or a value that
 * none can have; "secret-key". */
int secret_store_put(struct secret_store *store, const char *name, const void *value, size_t size,
                     struct error *err);

/* "secret-unknown": there is none of this name. */
int secret_store_remove(struct secret_store *store, const char *name, struct error *err);

/* Its value, for a moment: the caller clears it. Of the last few that it had since the daemon was started,
 * the one with this digest, where that is known; else that of now. "secret-unknown", "secret-key",
 * "secret-damaged". */
int secret_store_reveal(const struct secret_store *store, const char *name, const char *digest,
                        struct locked *ret_value, struct error *err);

/* Whether a secret can have this name; says why not. */
int secret_store_check_name(const char *name, struct error *err);

/* "secret-unknown", in words for who asks for it. Always -1. */
int secret_store_unknown(const char *name, struct error *err);

#endif
