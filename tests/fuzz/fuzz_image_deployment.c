/* Deployments of arbitrary JSON: what is read has an image and can be told again. */
#include "admin/image_deployment.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *request = json_loadb((const char *)data, size, 0, NULL), *deployment;
    struct error err;
    if (!request)
        return 0;
    if (image_deployment_read(request, &deployment, &err) == 0) {
        json_t *status = json_pack("{s:{}, s:{}}", "labels", "annotations");
        image_deployment_tell(image_deployment_given(deployment), "fn", status);
        if (!json_is_string(json_object_get(status, "image")) ||
            !json_is_object(json_object_get(status, "labels")))
            abort();
        json_decref(status);
        json_decref(deployment);
    }
    json_decref(request);
    return 0;
}
