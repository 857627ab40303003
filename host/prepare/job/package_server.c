#include "prepare/job/package_server.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "prepare/job/package_pipe.h"
#include "prepare/job/package_writer.h"
#include "prepare/store/tree.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct package_server {
    int socket;
    char *output;
    struct package_writer *writer; /* NULL before PACKAGE_BEGIN */
    package_server_wait_fn *wait;
    void *context;
};

struct package_server *package_server_create(int socket, const char *output)
{
    struct package_server *server = xcalloc(1, sizeof(*server));
    server->socket = socket;
    server->output = output ? xstrdup(output) : NULL;
    return server;
}

void package_server_destroy(struct package_server *server)
{
    if (!server)
        return;
    package_writer_destroy(server->writer);
    close(server->socket);
    free(server->output);
    free(server);
}

/* What has come, at least a byte; 0 when nothing more will. */
static size_t receive_some(struct package_server *server, char *bytes, size_t size)
{
    while (server->wait(server->context)) {
        ssize_t got = recv(server->socket, bytes, size, MSG_DONTWAIT);
        if (got > 0)
            return (size_t)got;
        if (got == 0 || (errno != EINTR && errno != EAGAIN))
            return 0;
    }
    return 0;
}

static bool receive(struct package_server *server, void *bytes, size_t size)
{
    for (char *at = bytes; size > 0;) {
        size_t got = receive_some(server, at, size);
        if (got == 0)
            return false;
        at += got;
        size -= got;
    }
    return true;
}

/* An answer is sent when the one before has been read, so there is room for it; who does not read is left. */
static bool send_answer(const struct package_server *server, enum error_code code, const char *message,
                        const char *hint)
{
    struct package_answer answer;
    memset(&answer, 0, sizeof(answer));
    answer.code = code;
    snprintf(answer.message, sizeof(answer.message), "%s", message);
    snprintf(answer.hint, sizeof(answer.hint), "%s", hint);
    ssize_t sent;
    do {
        sent = send(server->socket, &answer, sizeof(answer), MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)sizeof(answer);
}

static bool answer(const struct package_server *server, const struct error *err)
{
    return err ? send_answer(server, err->code, err->message, err->hint)
               : send_answer(server, ERROR_NONE, "", "");
}

static int begin(struct package_server *server, struct error *err)
{
    if (!server->output)
        return error_set(err, ERROR_BAD_REQUEST, "this job has no output");
    if (server->writer && fs_remove_tree(server->output, err) < 0)
        return -1;
    package_writer_destroy(steal(&server->writer));
    return package_writer_create(server->output, &server->writer, err);
}

/* Takes the bytes of a file off the socket and, while all is well, into `fd`. False: they did not all come.
 */
static bool take_file(struct package_server *server, int fd, const char *path, uint64_t size, int *rc,
                      struct error *err)
{
    char block[65536];
    while (size > 0) {
        size_t got = receive_some(server, block, size < sizeof(block) ? (size_t)size : sizeof(block));
        if (got == 0)
            return false;
        if (*rc == 0)
            *rc = package_writer_write(fd, path, block, got, err);
        size -= got;
    }
    return true;
}

static bool serve_file(struct package_server *server, const struct package_request *request, const char *path)
{
    struct error err;
    cleanup_close int fd = -1;
    int rc = server->writer ? package_writer_open_file(server->writer, path, request->size,
                                                       request->executable != 0, &fd, &err)
                            : error_set(&err, ERROR_BAD_REQUEST, "the output was not begun");
    if (!take_file(server, fd, path, request->size, &rc, &err))
        return false;
    if (rc == 0)
        rc = package_writer_close_file(steal_fd(&fd), path, &err);
    return answer(server, rc < 0 ? &err : NULL);
}

static bool serve_folder(struct package_server *server, const char *path)
{
    struct error err;
    int rc = server->writer ? package_writer_add_folder(server->writer, path, &err)
                            : error_set(&err, ERROR_BAD_REQUEST, "the output was not begun");
    return answer(server, rc < 0 ? &err : NULL);
}

/* `path` is one of a package, or "". What is written has no links, so none is followed. */
static int digest(const struct package_server *server, const char *path, char ret_digest[HASH_HEX_SIZE],
                  struct error *err)
{
    struct stat status;
    if (!server->writer)
        return error_set(err, ERROR_BAD_REQUEST, "the output was not begun");
    if (*path && package_path_check(path, err) < 0)
        return -1;
    cleanup_free char *whole = xasprintf("%s/%s", server->output, path);
    ret_digest[0] = '\0';
    if (lstat(whole, &status) < 0)
        return 0;
    return S_ISDIR(status.st_mode) ? tree_digest(whole, ret_digest, NULL, err)
                                   : tree_file_digest(whole, ret_digest, err);
}

static bool serve_digest(const struct package_server *server, const char *path)
{
    struct error err;
    char hex[HASH_HEX_SIZE];
    if (digest(server, path, hex, &err) < 0)
        return answer(server, &err);
    return send_answer(server, ERROR_NONE, hex, "");
}

/* One request. False when it is the last that can be answered. */
static bool serve(struct package_server *server)
{
    struct package_request request;
    char path[PACKAGE_PATH_MAX + 1];
    struct error err;
    if (!receive(server, &request, sizeof(request)) || request.path_size > PACKAGE_PATH_MAX ||
        !receive(server, path, request.path_size))
        return false;
    path[request.path_size] = '\0';
    if (strlen(path) != request.path_size)
        return false;
    switch (request.kind) {
    case PACKAGE_BEGIN:
        return answer(server, begin(server, &err) < 0 ? &err : NULL);
    case PACKAGE_FOLDER:
        return serve_folder(server, path);
    case PACKAGE_FILE:
        return serve_file(server, &request, path);
    case PACKAGE_DIGEST:
        return serve_digest(server, path);
    default:
        return false;
    }
}

void package_server_run(struct package_server *server, package_server_wait_fn *wait, void *context)
{
    server->wait = wait;
    server->context = context;
    while (serve(server))
        continue;
    shutdown(server->socket, SHUT_RDWR);
}

int package_server_finish(struct package_server *server, json_t **ret_package, struct error *err)
{
    char digest[HASH_HEX_SIZE];
    struct tree_size size;
    *ret_package = NULL;
    if (!server->writer)
        return 0;
    if (package_writer_finish(server->writer, err) < 0 || tree_digest(server->output, digest, &size, err) < 0)
        return -1;
    json_t *package = json_object();
    json_object_set_new(package, "digest", json_string(digest));
    json_object_set_new(package, "bytes", json_integer((json_int_t)size.bytes));
    json_object_set_new(package, "files", json_integer((json_int_t)size.files));
    *ret_package = package;
    return 0;
}
