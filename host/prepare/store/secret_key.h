/*
 * The key file: 32 random bytes as hexadecimal digits, which only its owner can read. Secrets are sealed with
 * keys that come from it, each bound to its name; what lies below the state directory is of no use without
 * it. The cryptography is libsodium's. Any thread.
 */
#ifndef PREPARE_STORE_SECRET_KEY_H
#define PREPARE_STORE_SECRET_KEY_H

#include "base/error.h"
#include "base/hash.h"
#include "base/locked.h"

#include <stddef.h>

struct secret_key;

/* What is sealed is so much larger than its value. */
#define SECRET_SEAL_SIZE (8 + 8 + 24 + 16)

/* Reads the file. "secret-key": it is not there, is none, or others can read or change it. */
int secret_key_open(const char *path, struct secret_key **ret_key, struct error *err);

/* Makes one, and the folders that it is in; an existing file is "exists". */
int secret_key_make(const char *path, struct error *err);

/* NULL is fine. */
void secret_key_close(struct secret_key *key);

/* Writes size + SECRET_SEAL_SIZE bytes to `ret_sealed`. */
void secret_key_seal(const struct secret_key *key, const char *name, const void *value, size_t size,
                     unsigned char *ret_sealed);

/* The value again, which the caller clears. "secret-key": it was sealed with another key; "secret-damaged":
 * it is not what was sealed under this name. */
int secret_key_unseal(const struct secret_key *key, const char *name, const unsigned char *sealed,
                      size_t size, struct locked *ret_value, struct error *err);

/* A digest of name and value that says nothing of them to whoever has not the key. */
void secret_key_digest(const struct secret_key *key, const char *name, const void *value, size_t size,
                       char ret_hex[HASH_HEX_SIZE]);

#endif
