/*
 * What has been deployed over the management API: `<state>/deployed/<name>/deployment` is the deployment, a
 * sealed file, and `<state>/deployed/<name>/<id>/functions/<name>/` the folder that belongs to it, if one
 * does. A deployment is there whole or not at all: a folder is in its place before the file names it.
 *
 * The file's JSON: "configuration", settings as the registry would have them under that key; "folder", the
 * <id>, where it has files; "created_ms", since 1970, of the first one with this name; "given", of one that
 * has no files, what was given; and what else whoever deploys has put there.
 *
 * Any thread, but two at a time only read.
 */
#ifndef PREPARE_STORE_DEPLOYMENT_STORE_H
#define PREPARE_STORE_DEPLOYMENT_STORE_H

#include "base/error.h"

#include <jansson.h>

struct deployment {
    char
        *base; /* the folder that has `functions/<name>` in it, where there is one; or NULL, when `json` is */
    json_t *json; /* NULL: it is damaged */
};

/* The names that there are, ended by NULL and sorted. The caller frees it with texts_free(). */
char **deployment_store_names(const char *state);

/* Reads one. -1: there is none, or it is damaged. The caller clears *ret_deployment. */
int deployment_store_read(const char *state, const char *name, struct deployment *ret_deployment,
                          struct error *err);
void deployment_clear(struct deployment *deployment);

/* A new folder below `<state>/staging` for a function's files, to be filled and given to
 * deployment_store_put(). The caller frees *ret_folder. */
int deployment_store_stage(const char *state, char **ret_folder, struct error *err);

/* Puts a deployment in the place of the one that has the name, if there is one. `folder` has been staged, and
 * is moved, and `json` gets its "folder"; NULL: the one that is there stays where `json` names it, else there
 * is none. `json` gets its "created_ms". It blocks until the disk has all of it. */
int deployment_store_put(const char *state, const char *name, const char *folder, json_t *json,
                         struct error *err);

/* Removes one, at once; there may be none. */
int deployment_store_remove(const char *state, const char *name, struct error *err);

#endif
