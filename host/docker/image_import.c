#include "base/alloc.h"
#include "base/fs.h"
#include "docker/image.h"
#include "docker/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct import {
    struct progress progress;
    int file; /* the tar; -1: it could not be opened */
};

static int send_file(struct docker_call *call, char *buffer, size_t size, size_t *ret_length,
                     struct error *err)
{
    struct import *import = call->state;
    ssize_t got;
    do {
        got = read(import->file, buffer, size);
    } while (got < 0 && errno == EINTR);
    if (got >= 0) {
        *ret_length = (size_t)got;
        return 0;
    }
    error_errno(err, COMPONENT_DOCKER, errno, "cannot read the tar for image %s", call->subject);
    err->code = ERROR_BUILD_CONTEXT;
    return -1;
}

static void clear_import(struct docker_call *call)
{
    struct import *import = call->state;
    progress_clear(&import->progress);
    if (import->file >= 0)
        close(import->file);
    free(import);
}

struct docker_call *docker_image_import(struct docker *docker, const char *tar_path, const char *tag,
                                        const char *const *changes, docker_built_fn *done, void *owner)
{
    static const struct docker_kind kind = {.verb = "import image",
                                            .unlimited = true,
                                            .finish = progress_finish,
                                            .receive = progress_receive,
                                            .send = send_file,
                                            .clear = clear_import};
    struct docker_call *call = docker_call_create(docker, &kind, tag, owner);
    struct import *import = xcalloc(1, sizeof(*import));
    progress_init(&import->progress, call, NULL, ERROR_DOCKER_ERROR);
    import->file = -1;
    call->state = import;
    call->callback.built = done;
    docker_call_request(call, "POST", "/images/create", NULL, NULL, NULL);
    docker_call_query(call, "fromSrc", "-");
    docker_call_query(call, "repo", tag);
    for (; changes && *changes; changes++)
        docker_call_query(call, "changes", *changes);
    struct error err;
    if (fs_open_plain(AT_FDCWD, tar_path, 0, &import->file, NULL, &err) < 0) {
        err.component = COMPONENT_DOCKER;
        err.code = ERROR_BUILD_CONTEXT;
        docker_call_refuse(call, &err);
    }
    return docker_call_submit(call);
}
