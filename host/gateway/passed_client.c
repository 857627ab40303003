#include "gateway/passed_client.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct passed_client *passed_client_create(int fd, const char *bytes, size_t size)
{
    struct passed_client *passed = xcalloc(1, sizeof(*passed));
    passed->fd = fd;
    if (size == 0)
        return passed;
    passed->bytes = xcalloc(1, size);
    memcpy(passed->bytes, bytes, size);
    passed->size = size;
    return passed;
}

void passed_client_free(struct passed_client *passed)
{
    if (!passed)
        return;
    if (passed->fd >= 0)
        close(passed->fd);
    free(passed->bytes);
    free(passed);
}
