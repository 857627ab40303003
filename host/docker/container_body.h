/* Inside of the client: a container's description as the JSON the engine wants. For this folder only. */
#ifndef DOCKER_CONTAINER_BODY_H
#define DOCKER_CONTAINER_BODY_H

#include "docker/container.h"

#include <jansson.h>

/* The body of POST /containers/create, or NULL when a text is not valid UTF-8. */
json_t *container_body(const struct docker_container *container);

/* The body of POST /containers/<id>/update. */
json_t *container_body_limits(const struct docker_limits *limits);

#endif
