/*
 * Watches what functions are made of: the registry, wherever symbolic links to it lead, the folders that its
 * functions are in and may come to be in, and the plugins. What was deployed over the API changes with the
 * next deployment only, and is not watched. It knows which folders there are from the registry that was read
 * last, and says what has to be looked at anew. Control thread.
 */
#ifndef FLEET_SOURCE_WATCH_H
#define FLEET_SOURCE_WATCH_H

#include "base/background.h"
#include "base/folder_list.h"
#include "config/registry.h"

#include <event2/event.h>

struct plugins;
struct source_watch;

/* How much there is to look at, each with all that stands before it. */
enum source_extent { SOURCE_NOTHING, SOURCE_FOLDERS, SOURCE_REGISTRY, SOURCE_PLUGINS };

/* `folders`: those of functions in which something has changed. `first`: one of the paths that have.
 * Borrowed. */
typedef void source_watch_changed_fn(void *owner, enum source_extent extent,
                                     const struct folder_list *folders, const char *first);

struct source_watch_options {
    struct event_base *base;
    struct background *background; /* outlives it */
    const char *config_path;
    const char *plugin_dir;
    const char *own_plugin_dir; /* or NULL */
    source_watch_changed_fn *changed;
    void *owner;
};

/* Watches the registry and the plugins' folders; of functions none are known yet. Never NULL. */
struct source_watch *source_watch_create(const struct source_watch_options *options);

/* Ends it silently. NULL is fine. */
void source_watch_destroy(struct source_watch *watch);

/* These are the functions, and the plugins, from now on. Folders that are new are watched before whatever is
 * given to the background to do after this call. */
void source_watch_set(struct source_watch *watch, const struct registry *registry,
                      const struct plugins *plugins);

#endif
