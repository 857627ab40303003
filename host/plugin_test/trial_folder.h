/* The folder that a daemon of this test's own works in: a registry with one function, and one plugin. */
#ifndef PLUGIN_TEST_TRIAL_FOLDER_H
#define PLUGIN_TEST_TRIAL_FOLDER_H

#include "plugin_test/bench.h"

/* Makes it: registry.yml, functions/<BENCH_FUNCTION>, plugins with the plugin, its image folders and the
 * libraries that stand beside it. */
int trial_folder_make(struct bench *bench, const char *folder, struct error *err);

#endif
