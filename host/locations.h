/* Where things are when nobody says: directories of the daemon and what stands beside its binary. */
#ifndef LOCATIONS_H
#define LOCATIONS_H

#include "base/error.h"
#include "config/registry.h"

/* Absolute paths, owned. */
struct locations {
    char *state_dir;
    char *run_dir;
    char *plugin_dir;
    char *own_plugin_dir; /* `plugins` beside the registry: a user's own */
    uid_t owner; /* of the binary */
    char *build_job_program;
    char *firewall_program;
    char *secret_key_file;
};

/* Takes what `host` sets; for the rest the defaults of root or of an ordinary user, and the build tree's or
 * the installation's layout. */
int locations_find(const char *config_path, const struct host_settings *host, struct locations *ret_locations,
                   struct error *err);
void locations_clear(struct locations *locations);

#endif
