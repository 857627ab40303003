#include "store/call_body.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct body_change {
    int64_t number;
    enum body_kind kind;
    bool is_removal;
    char *from; /* where the file came from; NULL: it was written here */
};

static const char *const suffixes[] = {[BODY_REQUEST] = ".request", [BODY_RESULT] = ".result"};

int call_bodies_init(struct call_bodies *bodies, char *dir, struct error *err)
{
    *bodies = (struct call_bodies){.dir = dir};
    return fs_make_dirs(dir, 0700, err);
}

static void forget_changes(struct call_bodies *bodies)
{
    for (size_t i = 0; i < bodies->count; i++)
        free(bodies->changes[i].from);
    free(bodies->changes);
    bodies->changes = NULL;
    bodies->count = 0;
}

void call_bodies_clear(struct call_bodies *bodies)
{
    forget_changes(bodies);
    free(bodies->dir);
}

void call_bodies_path(const struct call_bodies *bodies, int64_t number, enum body_kind kind,
                      char ret_path[PATH_MAX])
{
    snprintf(ret_path, PATH_MAX, "%s/%" PRId64 "%s", bodies->dir, number, suffixes[kind]);
}

bool call_bodies_read_name(const char *name, int64_t *ret_number, enum body_kind *ret_kind)
{
    char *end;
    errno = 0;
    long long number = strtoll(name, &end, 10);
    if (errno != 0 || number <= 0 || name[0] < '1' || name[0] > '9')
        return false;
    for (int kind = BODY_REQUEST; kind <= BODY_RESULT; kind++)
        if (strcmp(end, suffixes[kind]) == 0) {
            *ret_number = number;
            *ret_kind = (enum body_kind)kind;
            return true;
        }
    return false;
}

int call_body_fail(struct error *err, int errnum, const char *path)
{
    if (errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG) {
        error_set(err, ERROR_CALLS_DISK_FULL, "the disk is full: %s cannot be written", path);
        return error_hint(err, "make room on the disk of the state folder");
    }
    return error_set(err, ERROR_CALLS_STORE, "%s cannot be written: %s", path, strerror(errnum));
}

static void note_change(struct call_bodies *bodies, struct body_change change)
{
    bodies->changes = xgrow(bodies->changes, bodies->count, sizeof(*bodies->changes));
    bodies->changes[bodies->count++] = change;
}

static int write_body(const char *path, const struct call_body *body, struct error *err)
{
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || fs_write_all(fd, body->bytes, body->size) < 0) {
        int errnum = errno;
        unlink(path);
        return call_body_fail(err, errnum, path);
    }
    return 0;
}

enum body_place call_body_place(const struct call_body *body)
{
    if (body->file || body->size > CALL_INLINE_BYTES)
        return BODY_FILE;
    return body->size > 0 ? BODY_INLINE : BODY_NONE;
}

/* In the place of whatever a removal that was not certain has left there. */
static int place_file(const struct call_body *body, const char *path)
{
    if (!body->stays)
        return rename(body->file, path);
    unlink(path);
    return link(body->file, path);
}

int call_bodies_put(struct call_bodies *bodies, int64_t number, enum body_kind kind,
                    const struct call_body *body, struct error *err)
{
    char path[PATH_MAX];
    call_bodies_path(bodies, number, kind, path);
    if (!body->file && write_body(path, body, err) < 0)
        return -1;
    if (body->file && place_file(body, path) < 0)
        return call_body_fail(err, errno, path);
    char *from = body->file && !body->stays ? xstrdup(body->file) : NULL;
    note_change(bodies, (struct body_change){.number = number, .kind = kind, .from = from});
    return 0;
}

void call_bodies_remove(struct call_bodies *bodies, int64_t number, enum body_kind kind)
{
    note_change(bodies, (struct body_change){.number = number, .kind = kind, .is_removal = true});
}

bool call_bodies_changed(const struct call_bodies *bodies)
{
    return bodies->count > 0;
}

int call_file_sync(const char *path, struct error *err)
{
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0 ? 0 : call_body_fail(err, errno, path);
}

int call_bodies_sync(const struct call_bodies *bodies, struct error *err)
{
    bool any_put = false;
    for (size_t i = 0; i < bodies->count; i++) {
        const struct body_change *change = &bodies->changes[i];
        char path[PATH_MAX];
        if (change->is_removal)
            continue;
        call_bodies_path(bodies, change->number, change->kind, path);
        if (call_file_sync(path, err) < 0)
            return -1;
        any_put = true;
    }
    return any_put ? call_file_sync(bodies->dir, err) : 0;
}

void call_bodies_commit(struct call_bodies *bodies, bool is_certain)
{
    for (size_t i = 0; i < bodies->count; i++) {
        const struct body_change *change = &bodies->changes[i];
        char path[PATH_MAX];
        call_bodies_path(bodies, change->number, change->kind, path);
        if (change->is_removal && is_certain)
            unlink(path);
    }
    forget_changes(bodies);
}

void call_bodies_roll_back(struct call_bodies *bodies)
{
    for (size_t i = bodies->count; i-- > 0;) {
        const struct body_change *change = &bodies->changes[i];
        char path[PATH_MAX];
        call_bodies_path(bodies, change->number, change->kind, path);
        if (change->from)
            rename(path, change->from);
        else if (!change->is_removal)
            unlink(path);
    }
    forget_changes(bodies);
}
