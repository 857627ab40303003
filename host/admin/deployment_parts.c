#include "admin/deployment_parts.h"

#include "admin/admin_waiting.h"
#include "admin/admin_work.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/ident.h"
#include "fleet/fleet.h"
#include "prepare/store/deployment_store.h"
#include "prepare/store/folder_archive.h"
#include "prepare/store/secret_store.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UPLOAD_ID_MAX 64
#define ID_DIGITS     32

struct work {
    struct deployment_order order;
    const char *state_dir;
    bool failed;
    struct error error;
};

int deployment_check_owner(const struct admin_call *call, const char *name, struct error *err)
{
    const struct function *function = fleet_function_find(call->parts->fleet, name);
    if (!function || function_latest_settings(function)->deployment)
        return 0;
    error_set(err, ERROR_OWNED_BY_REGISTRY,
              "the function \"%s\" is one of the registry's file, and cannot be changed over HTTP", name);
    return error_hint(err, "change the file, and reload");
}

int deployment_check_secrets(const struct admin_call *call, const json_t *given, struct error *err)
{
    const struct known_secrets *known = secret_store_known(fleet_secrets(call->parts->fleet));
    const json_t *name;
    size_t i;
    json_array_foreach(json_object_get(given, "secrets"), i, name)
    {
        if (!known_secrets_find(known, json_string_value(name)))
            return error_set(err, ERROR_BAD_CALL, "unable to find secret: %.200s", json_string_value(name));
    }
    return 0;
}

/* --- in the background --- */

static int unpack(const struct work *work, const char *folder, struct error *err)
{
    static const struct folder_archive_limits limits = {.bytes = DEPLOYMENT_UNPACKED_MAX,
                                                        .entries = DEPLOYMENT_ENTRIES_MAX};
    cleanup_close int fd = open(work->order.archive, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, COMPONENT_ADMIN, errno, "cannot open the archive");
    return folder_archive_unpack(fd, folder, &limits, err);
}

static int put(const struct work *work, struct error *err)
{
    const struct deployment_order *order = &work->order;
    cleanup_free char *folder = NULL;
    if (!order->archive)
        return deployment_store_put(work->state_dir, order->name, NULL, order->json, err);
    if (deployment_store_stage(work->state_dir, &folder, err) < 0)
        return -1;
    int rc = unpack(work, folder, err);
    if (rc == 0)
        rc = deployment_store_put(work->state_dir, order->name, folder, order->json, err);
    if (rc < 0)
        fs_remove_tree(folder, NULL);
    return rc;
}

/* What is in the store by now, which is more than was applied when this was asked for. One that has been
 * removed meanwhile is missed by whoever answers. */
static int change(const struct work *work, struct error *err)
{
    struct deployment stored = {0};
    const char *name = work->order.name;
    if (deployment_store_read(work->state_dir, name, &stored, err) < 0)
        return err->code == ERROR_NOT_FOUND ? 0 : -1;
    json_object_update(json_object_get(stored.json, "configuration"), work->order.changes);
    int rc = deployment_store_put(work->state_dir, name, NULL, stored.json, err);
    deployment_clear(&stored);
    return rc;
}

static void do_work(void *context)
{
    struct work *work = context;
    const struct deployment_order *order = &work->order;
    int rc;
    if (order->changes)
        rc = change(work, &work->error);
    else if (order->json)
        rc = put(work, &work->error);
    else
        rc = deployment_store_remove(work->state_dir, order->name, &work->error);
    work->failed = rc < 0;
}

/* --- on the control thread --- */

static void answer(struct admin_call *call, void *context)
{
    const struct work *work = context;
    if (work->failed) {
        admin_call_refuse(call, &work->error);
        return;
    }
    call->name = work->order.name;
    fleet_read_deployed(call->parts->fleet);
    admin_call_wait_for_sources(call, work->order.answer);
}

static void free_work(void *context)
{
    struct work *work = context;
    if (work->order.archive)
        unlink(work->order.archive);
    free(work->order.archive);
    free(work->order.name);
    json_decref(work->order.json);
    json_decref(work->order.changes);
    free(work);
}

void deployment_carry_out(struct admin_call *call, const struct deployment_order *order)
{
    static const struct admin_job job = {.work = do_work, .answer = answer, .free = free_work};
    struct work *work = xcalloc(1, sizeof(*work));
    *work = (struct work){.order = *order, .state_dir = call->parts->state_dir};
    admin_call_work(call, 0, &job, work);
}

void deployment_keep_scale(struct admin_call *call, struct function *function, unsigned instances,
                           void (*answer_it)(struct admin_call *call))
{
    const struct deployment_order order = {.name = xstrdup(function_name(function)),
                                           .changes = json_pack("{s:I}", "min_scale", (json_int_t)instances),
                                           .answer = answer_it};
    deployment_carry_out(call, &order);
}

char *deployment_upload_path(const struct admin_call *call, const char *id)
{
    size_t length = strlen(id);
    if (length == 0 || length > UPLOAD_ID_MAX)
        return NULL;
    for (size_t i = 0; i < length; i++) {
        if (!isascii(id[i]) || !isalnum((unsigned char)id[i]))
            return NULL;
    }
    return xasprintf("%s/staging/" UPLOAD_PREFIX "%s", call->parts->state_dir, id);
}

/* The file is nobody else's. */
static int keep_body(const struct admin_call *call, const char *path, struct error *err)
{
    size_t size;
    cleanup_free char *bytes = admin_call_take_body(call, &size);
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0 && fs_write_all(fd, bytes, size) == 0)
        return 0;
    error_errno(err, COMPONENT_ADMIN, errno, "cannot write %s", path);
    unlink(path); /* there may be no room for it */
    return -1;
}

int deployment_find_archive(const struct admin_call *call, char **ret_path, struct error *err)
{
    const char *upload = admin_call_query(call, "upload");
    char id[ID_DIGITS + 1];
    ident_random(id, ID_DIGITS);
    cleanup_free char *path = deployment_upload_path(call, upload && *upload ? upload : id);
    if (!path || (upload && *upload && !fs_exists(path))) {
        error_set(err, ERROR_BAD_CALL, "there is no upload \"%.64s\"", upload ? upload : id);
        return -1;
    }
    if ((!upload || !*upload) && keep_body(call, path, err) < 0)
        return -1;
    *ret_path = steal(&path);
    return 0;
}
