/*
 * JSON below the state directory that tells whether it is whole: its first line is the digest of the rest. It
 * is written whole, in the background, to a temporary name that is synced and renamed.
 */
#ifndef PREPARE_STORE_SEALED_FILE_H
#define PREPARE_STORE_SEALED_FILE_H

#include "base/background.h"
#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define SEALED_FILE_MAX (16u << 20) /* bytes of one */

/* "changed": it is not what was written, for the reason `what`. Always -1. */
int sealed_damaged(struct error *err, const char *what);

/* Reads what such a file holds. -1: it is damaged. The caller owns *ret_json. Any thread. */
int sealed_parse(const char *text, size_t size, json_t **ret_json, struct error *err);

/* Reads one. -1: it cannot be read, or is damaged. The caller owns *ret_json. Any thread. */
int sealed_read(const char *path, json_t **ret_json, struct error *err);

/* What such a file holds for this JSON; NULL when a text in it is no UTF-8. The caller frees it. Any thread.
 */
char *sealed_text(const json_t *json);

/* Writes such a text, and makes the folder that the file is in. A failure is logged. It blocks until the disk
 * has it. Any thread. */
void sealed_write_now(const char *path, const char *text);

/* The same in the background, or at once when that ends. Takes the text. Control thread. */
void sealed_write(struct background *background, const char *path, char *text);

/* True when a text has a password in a URL, as the addresses of indexes and packages may. */
bool sealed_has_password(const json_t *json);

/* True for the temporary name of a file that was being written when the daemon ended: no other has a point in
 * its name. */
bool sealed_is_left_over(const char *name);

#endif
