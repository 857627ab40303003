/* The name of an image taken apart: [REGISTRY/]PATH[:TAG][@DIGEST]. Any thread. */
#ifndef DOCKER_IMAGE_REFERENCE_H
#define DOCKER_IMAGE_REFERENCE_H

#include <stddef.h>

struct image_reference {
    size_t registry_length; /* of the registry that the name begins with; 0: it is of the engine's own */
    size_t name_length; /* of registry and path */
    const char *version; /* which one is meant, inside of the name: its digest, else its tag; or "latest" */
};

/* Of any text, which need not be the name of an image. */
struct image_reference image_reference_read(const char *name);

#endif
