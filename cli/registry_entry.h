/* Adds a function to the registry's file, as a person would: the rest of the file stays as it is. */
#ifndef CLI_REGISTRY_ENTRY_H
#define CLI_REGISTRY_ENTRY_H

#include "base/error.h"

#include <stdbool.h>

/* Makes an empty registry unless there is a file: then *ret_made says so. */
int registry_file_ensure(const char *path, bool *ret_made, struct error *err);

/* The text of a registry with `entry`, which is indented by two spaces, behind its last function; NULL when
 * its functions are not written as a block of `usable-functions:`, or when what came of it would not be read
 * as one function more. The caller frees it. */
char *registry_entry_insert(const char *text, const char *entry);

/* Does that to the file at `path`, which keeps its mode. *ret_added is false, and the file is as it was, when
 * there is no such place in it. */
int registry_entry_add(const char *path, const char *entry, bool *ret_added, struct error *err);

#endif
