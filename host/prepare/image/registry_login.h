/* Credentials for registries, where Docker's own command line has them. */
#ifndef PREPARE_IMAGE_REGISTRY_LOGIN_H
#define PREPARE_IMAGE_REGISTRY_LOGIN_H

#include "base/error.h"
#include "base/locked.h"

/* Looks for those of `registry`, as docker_image_registry() calls it, in the config.json of $DOCKER_CONFIG,
 * else of ~/.docker, or asks the helper that it names. *ret_login is a header X-Registry-Auth, as text, which
 * locked_clear() gives back; of zeros: there are none. Reads files and waits for the helper; any thread.
 * "image-login", and what is wrong with the file or the helper. */
int registry_login_find(const char *registry, struct locked *ret_login, struct error *err);

#endif
