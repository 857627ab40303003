/* What Docker's own command line knows of registries, read: its config.json, and what its credential helpers
 * answer. Any thread. */
#ifndef PREPARE_IMAGE_REGISTRY_CONFIG_H
#define PREPARE_IMAGE_REGISTRY_CONFIG_H

#include "base/error.h"
#include "base/locked.h"

/* Credentials, as the header X-Registry-Auth has them: text with its NUL. Of zeros: none. */

/* What a config.json has for the registry `registry`, as docker_image_registry() calls it: *ret_helper, the
 * name of the helper that knows it, which the caller frees, else NULL and the credentials themselves.
 * "image-login": it is no such file, and nothing of it is in the message. */
int registry_config_read(const char *text, size_t size, const char *registry, char **ret_helper,
                         struct locked *ret_login, struct error *err);

/* The credentials that a helper has answered. "image-login" likewise. */
int registry_config_read_answer(const char *text, size_t size, const char *registry, struct locked *ret_login,
                                struct error *err);

#endif
