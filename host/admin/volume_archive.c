/* The content of volumes as tar archives: given out while functions may write, and taken in as a whole. */
#include "admin/admin_handlers.h"

#include "admin/admin_work.h"
#include "admin/deployment_parts.h"
#include "admin/volume_view.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/ident.h"
#include "base/log.h"
#include "docker/context_tar.h"
#include "fleet/engine/container_user.h"
#include "fleet/fleet.h"
#include "prepare/store/folder_archive.h"
#include "prepare/store/volume_give.h"
#include "prepare/store/volume_store.h"

#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- out --- */

#define PIECE_BYTES (256u << 10)

struct export
{
    char *volume;
    struct context_tar *tar;
    char *piece;
    size_t size; /* of the piece */
    bool failed;
    struct error error;
};

static void read_piece(void *context)
{
    struct export *export = context;
    size_t got = 1;
    for (export->size = 0; got > 0 && export->size < PIECE_BYTES && !export->failed; export->size += got) {
        got = 0;
        export->failed = context_tar_read(export->tar, export->piece + export->size,
                                          PIECE_BYTES - export->size, &got, &export->error) < 0;
    }
}

/* An archive that breaks off has not the end that one has, by which whoever reads it knows. */
static bool take_piece(void *context, struct evbuffer *ret_piece)
{
    struct export *export = context;
    if (export->failed)
        log_warning("volume.export-failed", LOG_STR("volume", export->volume), LOG_ERR(&export->error));
    else
        evbuffer_add(ret_piece, export->piece, export->size);
    return !export->failed && export->size > 0;
}

static void free_export(void *context)
{
    struct export *export = context;
    context_tar_destroy(export->tar);
    free(export->volume);
    free(export->piece);
    free(export);
}

static const struct admin_job export_job = {
    .work = read_piece, .next_piece = take_piece, .free = free_export};

static int report_unknown(const char *volume, struct error *err)
{
    error_set(err, ERROR_VOLUME_UNKNOWN, "there is no volume \"%.64s\"", volume);
    return error_hint(err, "berth volume ls shows those that there are");
}

void get_volume_export(struct admin_call *call)
{
    const struct volume_store *store = fleet_volumes(call->parts->fleet);
    struct error err;
    struct context_tar *tar = NULL;
    cleanup_free char *path = volume_store_path(store, call->name);
    int rc = volume_store_has(store, call->name) ? context_tar_create(path, UINT64_MAX, &tar, &err)
                                                 : report_unknown(call->name, &err);
    if (rc < 0) {
        admin_call_refuse(call, &err);
        return;
    }
    context_tar_set_living(tar);
    struct export *export = xcalloc(1, sizeof(*export));
    *export = (struct export){.volume = xstrdup(call->name), .tar = tar, .piece = xmalloc(PIECE_BYTES)};
    admin_call_stream(call, "application/x-tar", &export_job, export);
}

/* --- in --- */

struct import {
    struct fleet *fleet;
    char *volume, *archive;
    char *stage; /* where it is unpacked; NULL once it is in its place */
    uid_t uid;
    gid_t gid;
    bool replaces;
    bool failed;
    struct error error;
};

static int unpack(const struct import *import, struct error *err)
{
    static const struct folder_archive_limits limits = {
        .bytes = UINT64_MAX, .entries = SIZE_MAX, .keeps_modes = true, .takes_any_link = true};
    cleanup_close int fd = open(import->archive, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, COMPONENT_ADMIN, errno, "cannot open the archive");
    if (mkdir(import->stage, 0700) < 0)
        return error_errno(err, COMPONENT_ADMIN, errno, "cannot make %s", import->stage);
    if (folder_archive_unpack(fd, import->stage, &limits, err) < 0)
        return -1;
    return volume_give(import->stage, import->uid, import->gid, err);
}

static void import_work(void *context)
{
    struct import *import = context;
    import->failed = unpack(import, &import->error) < 0;
    unlink(import->archive);
}

static void import_answer(struct admin_call *call, void *context)
{
    struct import *import = context;
    struct volume_store *store = fleet_volumes(import->fleet);
    const struct volume_owner owner = {import->uid, import->gid};
    if (import->failed || volume_store_place(store, import->volume, import->stage, &owner, import->replaces,
                                             &import->error) < 0) {
        admin_call_refuse(call, &import->error);
        return;
    }
    free(steal(&import->stage));
    json_t *users = volume_users_json(import->fleet, import->volume);
    admin_call_json(call, HTTP_OK,
                    json_pack("{s:s, s:o}", "imported", import->volume, "restarting",
                              volume_restart_users(import->fleet, users)));
    json_decref(users);
}

static void free_import(void *context)
{
    struct import *import = context;
    if (import->stage)
        volume_store_discard(fleet_volumes(import->fleet), import->stage);
    free(import->volume);
    free(import->archive);
    free(import->stage);
    free(import);
}

/* Who is to have it: the user of a function that names it, else the one that functions usually are. */
static struct container_user user_of(const struct fleet *fleet, const char *volume)
{
    json_t *users = volume_users_json(fleet, volume);
    const char *name = json_string_value(json_object_get(json_array_get(users, 0), "name"));
    const struct function *function = name ? fleet_function_find(fleet, name) : NULL;
    struct container_user user =
        container_user_of(function ? function_latest_settings(function)->user : NULL);
    json_decref(users);
    return user.is_known ? user : container_user_of(NULL);
}

static bool is_true(const char *text)
{
    return text && (strcmp(text, "1") == 0 || strcmp(text, "true") == 0);
}

static int check_volume(const char *volume, struct error *err)
{
    if (ident_is_name(volume))
        return 0;
    error_set(err, ERROR_BAD_CALL, "\"%.64s\" cannot be the name of a volume", volume);
    return error_hint(err,
                      "letters, digits, \"-\" and \"_\", at most 63, with a letter or digit at both ends");
}

/* Whatever is wrong, an archive that was found is used up. */
static int take_archive(struct admin_call *call, bool replaces, char **ret_archive, struct error *err)
{
    cleanup_free char *archive = NULL;
    if (deployment_find_archive(call, &archive, err) < 0)
        return -1;
    if (check_volume(call->name, err) < 0 ||
        volume_store_check_free(fleet_volumes(call->parts->fleet), call->name, replaces, err) < 0) {
        unlink(archive);
        return -1;
    }
    *ret_archive = steal(&archive);
    return 0;
}

void post_volume_import(struct admin_call *call)
{
    static const struct admin_job job = {.work = import_work, .answer = import_answer, .free = free_import};
    struct fleet *fleet = call->parts->fleet;
    bool replaces = is_true(admin_call_query(call, "replace"));
    char *archive = NULL;
    struct error err;
    if (take_archive(call, replaces, &archive, &err) < 0) {
        admin_call_refuse(call, &err);
        return;
    }
    const struct container_user user = user_of(fleet, call->name);
    struct import *import = xcalloc(1, sizeof(*import));
    *import = (struct import){.fleet = fleet,
                              .volume = xstrdup(call->name),
                              .archive = archive,
                              .stage = volume_store_stage(fleet_volumes(fleet)),
                              .uid = user.uid,
                              .gid = user.gid,
                              .replaces = replaces};
    admin_call_work(call, 0, &job, import);
}
