/* Functions that were deployed over the management API, read as if the registry had an entry for each. */
#ifndef CONFIG_DEPLOYED_ENTRY_H
#define CONFIG_DEPLOYED_ENTRY_H

#include "config/registry.h"

/* One of them, on its way into a registry. Borrows everything. */
struct deployed_entry {
    const char *name;
    const char *base; /* the folder that has its own in it, as `functions/<name>`, if it has one */
    json_t *deployment; /* as it is kept; `configuration` goes before that of DEPLOYED_FILE. Or NULL */
    const char *problem; /* why there is no `deployment` */
};

/* Adds it, behind the others and with its findings. They name DEPLOYED_FILE where it has a place there, else
 * "deployment of NAME". An entry that the file has for the same name is left out, which is a finding too.
 * Pointers to functions of the registry do not stay valid. Any thread. */
void registry_add_deployed(struct registry *registry, const struct deployed_entry *deployed,
                           const struct language *languages, size_t language_count);

#endif
