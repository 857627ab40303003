/* Functions whose folder comes over the API. */
#include "admin/admin_handlers.h"

#include "admin/admin_waiting.h"
#include "admin/admin_work.h"
#include "admin/deployment_parts.h"
#include "admin/function_find.h"
#include "admin/function_parts.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "config/function_settings.h"
#include "fleet/fleet.h"

#include <errno.h>
#include <event2/buffer.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEXT_MAX    (1u << 20)
#define ABANDONED_S 3600

/* --- pieces of an archive --- */

/* One on its way to the disk. */
struct piece {
    char *path;
    uint64_t offset, total; /* bytes before it, and with it */
    char *bytes;
    size_t size;
    bool failed;
    struct error error;
};

/* -1 with what is there so far said, for whoever wants to go on. */
static int check_offset(const struct piece *piece, uint64_t there, struct error *err)
{
    if (piece->offset == there)
        return 0;
    return error_set(err, ERROR_BAD_CALL,
                     "this piece begins at byte %" PRIu64 ", and there are %" PRIu64 " so far", piece->offset,
                     there);
}

static int write_piece(const struct piece *piece, struct error *err)
{
    struct stat status;
    int flags = piece->offset == 0 ? O_CREAT | O_TRUNC : 0;
    cleanup_close int fd = open(piece->path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC | flags, 0600);
    if (fd < 0 && errno == ENOENT)
        return check_offset(piece, 0, err);
    if (fd < 0 || fstat(fd, &status) < 0)
        return error_errno(err, COMPONENT_ADMIN, errno, "cannot open %s", piece->path);
    if (check_offset(piece, (uint64_t)status.st_size, err) < 0)
        return -1;
    if (fs_write_all(fd, piece->bytes, piece->size) < 0)
        return error_errno(err, COMPONENT_ADMIN, errno, "cannot write %s", piece->path);
    return 0;
}

/* Uploads of which nothing more has come for long. */
static void remove_abandoned(const char *path)
{
    cleanup_free char *staging = xstrndup(path, (size_t)(strrchr(path, '/') - path));
    cleanup_dir DIR *dir = opendir(staging);
    const time_t oldest = time(NULL) - ABANDONED_S;
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        struct stat status;
        if (strncmp(entry->d_name, UPLOAD_PREFIX, strlen(UPLOAD_PREFIX)) == 0 &&
            fstatat(dirfd(dir), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_mtime < oldest)
            unlinkat(dirfd(dir), entry->d_name, 0);
    }
}

static void piece_work(void *context)
{
    struct piece *piece = context;
    if (piece->offset == 0)
        remove_abandoned(piece->path);
    piece->failed = write_piece(piece, &piece->error) < 0;
}

static void piece_answer(struct admin_call *call, void *context)
{
    const struct piece *piece = context;
    if (piece->failed)
        admin_call_refuse(call, &piece->error);
    else
        admin_call_json(call, HTTP_OK, json_pack("{s:I}", "bytes", (json_int_t)piece->total));
}

static void piece_free(void *context)
{
    struct piece *piece = context;
    free(piece->path);
    free(piece->bytes);
    free(piece);
}

static int check_upload(const struct admin_call *call, const char *path, size_t size, uint64_t *ret_offset,
                        struct error *err)
{
    *ret_offset = 0;
    if (!path)
        return error_set(err, ERROR_BAD_CALL, "the id of an upload is letters and digits, at most 64");
    const char *purpose = admin_call_query(call, "for");
    bool is_volume = purpose && strcmp(purpose, "volume") == 0;
    const uint64_t max = is_volume ? VOLUME_UPLOAD_MAX : DEPLOYMENT_UPLOAD_MAX;
    if (admin_read_number("offset", admin_call_query(call, "offset"), max, ret_offset, err) < 0)
        return -1;
    if (*ret_offset + size > max)
        return error_set_in(err, COMPONENT_ADMIN, ERROR_BODY_TOO_LARGE,
                            "an archive has %" PRIu64 " MiB at most", max >> 20);
    return 0;
}

void put_upload(struct admin_call *call)
{
    static const struct admin_job job = {.work = piece_work, .answer = piece_answer, .free = piece_free};
    cleanup_free char *path = deployment_upload_path(call, call->name);
    struct error err;
    size_t size;
    uint64_t offset;
    cleanup_free char *bytes = admin_call_take_body(call, &size);
    if (check_upload(call, path, size, &offset, &err) < 0) {
        admin_call_refuse(call, &err);
        return;
    }
    struct piece *piece = xcalloc(1, sizeof(*piece));
    *piece = (struct piece){
        .path = steal(&path), .offset = offset, .total = offset + size, .bytes = steal(&bytes), .size = size};
    admin_call_work(call, 0, &job, piece);
}

/* --- the answer --- */

/* Without the folder that the files were unpacked to: whoever has sent them knows them by what follows. */
static json_t *own_text(const json_t *text, const char *folder)
{
    cleanup_strbuf struct strbuf out;
    size_t length = strlen(folder);
    strbuf_init(&out, TEXT_MAX);
    for (const char *rest = json_string_value(text); *rest;) {
        const char *found = strstr(rest, folder);
        size_t before = found ? (size_t)(found - rest) : strlen(rest);
        strbuf_append(&out, rest, before);
        rest += before;
        if (found)
            rest += length + (rest[length] == '/');
    }
    return json_string(strbuf_text(&out));
}

static json_t *own_findings(const struct function *function)
{
    const char *folder = function_latest_settings(function)->folder;
    json_t *findings = function_diagnostics_json(function), *finding;
    size_t i;
    json_array_foreach(findings, i, finding)
    {
        static const char *const members[] = {"file", "message", "hint"};
        for (size_t j = 0; folder && j < sizeof(members) / sizeof(*members); j++) {
            const json_t *text = json_object_get(finding, members[j]);
            if (text)
                json_object_set_new(finding, members[j], own_text(text, folder));
        }
    }
    return findings;
}

/* The instance that was lost, with its traceback and what it wrote, where that is what is wrong. */
static json_t *own_failure(const struct function *function)
{
    const struct kept_error *problem = function_problem(function);
    const struct kept_error *cause = function_last_failure(function)->cause;
    if (!problem || !cause || problem->code != cause->code || strcmp(problem->message, cause->message) != 0)
        return json_null();
    return function_failure_json(function, clock_ms());
}

/* One of which no revision has loaded yet cannot, if the newest does not. */
static bool is_callable(const struct function *function)
{
    return function_current(function) && (!function_problem(function) || function_kept(function));
}

/* What has become of it: whether it can be called, whether what was deployed is what serves, and why not. */
static void answer_settled(struct admin_call *call)
{
    struct function *function = admin_named_function(call);
    if (!function)
        return;
    const struct kept_error *problem = function_problem(function);
    struct revision *current = function_current(function);
    admin_call_json(call, HTTP_OK,
                    json_pack("{s:s, s:b, s:b, s:s, s:o, s:o, s:o, s:o}", "name", function_name(function),
                              "deployed", problem == NULL, "callable", is_callable(function), "revision",
                              current ? revision_prepared(current)->digest : "", "problem",
                              problem ? function_problem_json(function) : json_null(), "failure",
                              own_failure(function), "build_output",
                              json_text(function_build_output(function)), "findings",
                              own_findings(function)));
}

static void answer_when_settled(struct admin_call *call)
{
    const struct function *function = admin_named_function(call);
    if (function)
        admin_call_wait_for_function(call, function, answer_settled);
}

static void answer_accepted(struct admin_call *call)
{
    admin_call_json(call, ADMIN_ACCEPTED, json_pack("{s:s}", "deploying", call->name));
}

static void answer_removed(struct admin_call *call)
{
    admin_call_json(call, ADMIN_ACCEPTED, json_pack("{s:s}", "removed", call->name));
}

/* --- deploying and removing --- */

static int read_settings(const struct admin_call *call, json_t **ret_settings, struct error *err)
{
    const char *text = admin_call_query(call, "settings");
    json_error_t wrong;
    *ret_settings = text && *text ? json_loads(text, JSON_REJECT_DUPLICATES, &wrong) : json_object();
    if (json_is_object(*ret_settings))
        return 0;
    json_decref(*ret_settings);
    return error_set(err, ERROR_BAD_CALL, "the parameter \"settings\" is no JSON object");
}

static int check_name(const struct admin_call *call, struct error *err)
{
    if (!function_settings_is_free_route(call->name)) {
        error_set(err, ERROR_BAD_CALL, "\"%.128s\" cannot be the name of a function", call->name);
        return error_hint(err, "letters, digits, \"-\" and \"_\", at most 63, and none that is reserved");
    }
    return deployment_check_owner(call, call->name, err);
}

static bool wants_to_wait(const struct admin_call *call)
{
    const char *wait = admin_call_query(call, "wait");
    return wait && strcmp(wait, "0") != 0;
}

/* Whatever is wrong, an archive that was found is used up. */
static int make_order(const struct admin_call *call, struct deployment_order *order, struct error *err)
{
    json_t *settings = NULL;
    if (deployment_find_archive(call, &order->archive, err) < 0)
        return -1;
    if (check_name(call, err) < 0 || read_settings(call, &settings, err) < 0) {
        unlink(order->archive);
        free(order->archive);
        return -1;
    }
    order->name = xstrdup(call->name);
    order->json = json_pack("{s:o}", "configuration", settings);
    order->answer = wants_to_wait(call) ? answer_when_settled : answer_accepted;
    return 0;
}

void put_deployment(struct admin_call *call)
{
    struct error err;
    struct deployment_order order = {0};
    if (make_order(call, &order, &err) < 0)
        admin_call_refuse(call, &err);
    else
        deployment_carry_out(call, &order);
}

void delete_deployment(struct admin_call *call)
{
    struct error err;
    const struct function *function = admin_named_function(call);
    if (!function)
        return;
    if (deployment_check_owner(call, function_name(function), &err) < 0) {
        admin_call_refuse(call, &err);
        return;
    }
    const struct deployment_order order = {.name = xstrdup(function_name(function)),
                                           .answer = answer_removed};
    deployment_carry_out(call, &order);
}
