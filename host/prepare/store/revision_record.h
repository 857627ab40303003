/*
 * What is kept of a revision that has served: all that instances of it can be started from again, whatever
 * has become of the function's files, its entry in the registry and its plugin. Any thread.
 */
#ifndef PREPARE_STORE_REVISION_RECORD_H
#define PREPARE_STORE_REVISION_RECORD_H

#include "base/error.h"
#include "base/hash.h"
#include "prepare/process/build_result.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct revision_record {
    char digest[HASH_HEX_SIZE]; /* the revision's own */
    char package_digest[HASH_HEX_SIZE]; /* in the package store */
    uint64_t package_bytes;
    size_t package_files;
    char *dependency_key; /* in the dependency store, or NULL */
    char *image; /* by name */
    struct build_launch *launch; /* with what it runs */
    char *plugin_version; /* or NULL */
    uint64_t made_ms; /* since 1970 */
    json_t *settings; /* function_settings_keep() */
    bool secrets_differ; /* from those that it was made with, so it is another revision by now; not kept */
    json_t *files; /* {path: digest of the content} of the function's own in the package; NULL: not known */
};

/* The caller owns it. */
json_t *revision_record_to_json(const struct revision_record *record);

/* -1, "changed": it is none. The caller clears *ret_record. */
int revision_record_read(const json_t *json, struct revision_record *ret_record, struct error *err);

void revision_record_clear(struct revision_record *record);

/* The names of the files of the package at `package` and the digests of what is in them, less those that the
 * function's own `folder` does not have: its plugin has made these. NULL: they cannot be read, or are too
 * many to be listed. It blocks for as long as reading takes. The caller owns it. */
json_t *revision_record_list_files(const char *package, const char *folder);

/* What differs between two revisions: {"files": {"added": [...], "changed": [...], "removed": [...]},
 * "settings": [...], "dependencies": true, "image": true}. `before` NULL: everything is null. `files` is null
 * when that is not known. The caller owns it. */
json_t *revision_record_changes(const struct revision_record *before, const struct revision_record *after);

#endif
