/* berthd --new: the folder and the files of a new function, as its language's plugin makes them. */
#ifndef NEW_FUNCTION_H
#define NEW_FUNCTION_H

#include "config/registry.h"
#include "locations.h"

/* Makes `functions/<name>` beside the registry and prints the entry that registers it; the registry is left
 * as it is. With `json` both are printed as {"files": [..], "entry": "  <name>:\n ..."}. Refused: a name that
 * is no route, or that a function or folder has already; a language that there is no plugin for, or whose
 * plugin makes no new functions. */
int new_function_make(const char *config_path, const struct host_settings *host,
                      const struct locations *locations, const char *language, const char *name, bool json,
                      struct error *err);

#endif
