/*
 * A deployment of an image as clients of the /system contract send it, and what it means here: settings of a
 * function of the language `container`. No more of it is kept than the members that the contract has; those
 * without a meaning here are told again as they came.
 */
#ifndef ADMIN_IMAGE_DEPLOYMENT_H
#define ADMIN_IMAGE_DEPLOYMENT_H

#include "base/error.h"

#include <jansson.h>

#define IMAGE_LANGUAGE "container"

/* Reads one, as deployment_store.h keeps it: `given` and `configuration`. "bad-call": something in it is not
 * what it has to be. The caller owns *ret_deployment. Any thread. */
int image_deployment_read(const json_t *request, json_t **ret_deployment, struct error *err);

/* The member `given` of a deployment with its fields as the contract has them in answers; NULL: it is none of
 * an image. Borrowed. */
const json_t *image_deployment_given(const json_t *deployment);

/* Adds the fields to a function's status that are those of its deployment. */
void image_deployment_tell(const json_t *given, const char *name, json_t *status);

#endif
