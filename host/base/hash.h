/* SHA-256, incrementally, as lower-case hexadecimal: what revisions, packages and dependency directories are
 * named by. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>

#define HASH_HEX_SIZE 65 /* 64 digits and the NUL */

struct hash; /* owned by the caller of hash_create */

struct hash *hash_create(void);
void hash_update(struct hash *hash, const void *bytes, size_t size);

/* Adds a length-prefixed string, so that ("ab","c") and ("a","bc") differ. NULL counts as a value of its own.
 */
void hash_update_text(struct hash *hash, const char *text);

/* Writes the digest and destroys the hash. */
void hash_finish(struct hash *hash, char ret_hex[HASH_HEX_SIZE]);

/* True for 64 lower-case hexadecimal digits. */
bool hash_is_digest(const char *text);

#endif
