#include "prepare/job/package_sink.h"

#include "prepare/job/package_pipe.h"
#include "prepare/job/package_writer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int lost(struct error *err)
{
    return error_set_in(err, COMPONENT_BUILD, ERROR_IO,
                        "the process that writes the package does not answer");
}

static int send_all(const struct package_sink *sink, const void *bytes, size_t size, struct error *err)
{
    for (const char *at = bytes; size > 0;) {
        ssize_t sent = send(sink->socket, at, size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return lost(err);
        at += sent;
        size -= (size_t)sent;
    }
    return 0;
}

static int send_request(const struct package_sink *sink, enum package_request_kind kind, const char *path,
                        uint64_t size, bool executable, struct error *err)
{
    struct package_request request;
    memset(&request, 0, sizeof(request));
    request.kind = kind;
    request.path_size = (uint32_t)strlen(path);
    request.executable = executable;
    request.size = size;
    if (send_all(sink, &request, sizeof(request), err) < 0)
        return -1;
    return send_all(sink, path, request.path_size, err);
}

static int receive_answer(const struct package_sink *sink, struct package_answer *ret_answer,
                          struct error *err)
{
    ssize_t got;
    do {
        got = recv(sink->socket, ret_answer, sizeof(*ret_answer), MSG_WAITALL);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof(*ret_answer))
        return lost(err);
    if (ret_answer->code == ERROR_NONE)
        return 0;
    error_set_in(err, COMPONENT_BUILD, ret_answer->code, "%s", ret_answer->message);
    return error_hint(err, "%s", ret_answer->hint);
}

static int take_answer(const struct package_sink *sink, struct error *err)
{
    struct package_answer answer;
    return receive_answer(sink, &answer, err);
}

int package_sink_begin(struct package_sink *sink, struct error *err)
{
    if (send_request(sink, PACKAGE_BEGIN, "", 0, false, err) < 0)
        return -1;
    sink->files = 0;
    return take_answer(sink, err);
}

int package_sink_add_folder(struct package_sink *sink, const char *path, struct error *err)
{
    if (package_path_check(path, err) < 0 || send_request(sink, PACKAGE_FOLDER, path, 0, false, err) < 0)
        return -1;
    return take_answer(sink, err);
}

int package_sink_add_file(struct package_sink *sink, const char *path, const void *bytes, size_t size,
                          bool executable, struct error *err)
{
    if (package_path_check(path, err) < 0 ||
        send_request(sink, PACKAGE_FILE, path, size, executable, err) < 0 ||
        send_all(sink, bytes, size, err) < 0 || take_answer(sink, err) < 0)
        return -1;
    sink->files++;
    return 0;
}

static int send_file(const struct package_sink *sink, const char *path, int from, uint64_t size,
                     struct error *err)
{
    char block[65536];
    while (size > 0) {
        ssize_t got = read(from, block, size < sizeof(block) ? (size_t)size : sizeof(block));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_errno(err, COMPONENT_BUILD, errno, "cannot read %s", path);
        if (got == 0)
            return error_set(err, ERROR_CHANGED, "%s changed while it was read", path);
        if (send_all(sink, block, (size_t)got, err) < 0)
            return -1;
        size -= (uint64_t)got;
    }
    return 0;
}

int package_sink_copy_file(struct package_sink *sink, const char *path, int from, uint64_t size,
                           bool executable, struct error *err)
{
    if (package_path_check(path, err) < 0 ||
        send_request(sink, PACKAGE_FILE, path, size, executable, err) < 0)
        return -1;
    if (send_file(sink, path, from, size, err) < 0) {
        shutdown(sink->socket, SHUT_RDWR); /* the rest of the file cannot come: nothing more is understood */
        return -1;
    }
    if (take_answer(sink, err) < 0)
        return -1;
    sink->files++;
    return 0;
}

int package_sink_digest(struct package_sink *sink, const char *path, char ret_digest[HASH_HEX_SIZE],
                        struct error *err)
{
    struct package_answer answer;
    bool all = strcmp(path, ".") == 0;
    if ((!all && package_path_check(path, err) < 0) ||
        send_request(sink, PACKAGE_DIGEST, all ? "" : path, 0, false, err) < 0 ||
        receive_answer(sink, &answer, err) < 0)
        return -1;
    snprintf(ret_digest, HASH_HEX_SIZE, "%.64s", answer.message);
    return 0;
}
