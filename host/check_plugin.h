/* berthd --check-plugin: what a plugin offers, and what is wrong with it, for its author. */
#ifndef CHECK_PLUGIN_H
#define CHECK_PLUGIN_H

#include "base/error.h"

/* Loads the plugin as the daemon would, in confined processes, and prints what it says of itself. Then a
 * trial: a new function of its own making, or an empty folder where it makes none, is validated and packaged,
 * and its launch looked at. `program`: path of berth-build-job. -1: it cannot be used, or the trial found a
 * mistake of the plugin's. */
int check_plugin_run(const char *path, const char *program, struct error *err);

#endif
