#include "admin/admin_handlers.h"

#include "admin/admin_work.h"
#include "admin/volume_view.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "fleet/fleet.h"
#include "prepare/store/volume_store.h"

#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 65536 /* bytes of those that a message lists */

/* --- what there is --- */

/* An answer whose sizes are looked up meanwhile. */
struct volume_call {
    json_t *volumes;
    bool is_one; /* the only one of the list is the answer */
};

static void measure(void *context)
{
    const struct volume_call *asked = context;
    volumes_add_sizes(asked->volumes);
}

static void answer(struct admin_call *call, void *context)
{
    const struct volume_call *asked = context;
    json_t *json = asked->is_one ? json_array_get(asked->volumes, 0) : asked->volumes;
    admin_call_json(call, HTTP_OK, json_incref(json));
}

static void free_volume_call(void *context)
{
    struct volume_call *asked = context;
    json_decref(asked->volumes);
    free(asked);
}

static const struct admin_job volume_job = {.work = measure, .answer = answer, .free = free_volume_call};

static void answer_measured(struct admin_call *call, json_t *volumes, bool is_one)
{
    struct volume_call *asked = xcalloc(1, sizeof(*asked));
    *asked = (struct volume_call){.volumes = volumes, .is_one = is_one};
    admin_call_work(call, 0, &volume_job, asked);
}

void get_volumes(struct admin_call *call)
{
    answer_measured(call, volumes_json(call->parts->fleet), false);
}

/* False, and the call is answered: there is none of this name. */
static bool find_volume(struct admin_call *call)
{
    struct error err;
    if (volume_is_known(call->parts->fleet, call->name))
        return true;
    error_set(&err, ERROR_VOLUME_UNKNOWN, "there is no volume \"%.64s\"", call->name);
    error_hint(&err, "berth volume ls shows those that there are");
    admin_call_refuse(call, &err);
    return false;
}

void get_volume(struct admin_call *call)
{
    if (find_volume(call))
        answer_measured(call, json_pack("[o]", volume_json(call->parts->fleet, call->name)), true);
}

/* --- removing --- */

static bool is_forced(const struct admin_call *call)
{
    const char *force = admin_call_query(call, "force");
    return force && (strcmp(force, "1") == 0 || strcmp(force, "true") == 0);
}

static int check_unused(const json_t *users, const char *volume, struct error *err)
{
    cleanup_strbuf struct strbuf names;
    const json_t *user;
    size_t i;
    strbuf_init(&names, NAMES_MAX);
    if (json_array_size(users) == 0)
        return 0;
    json_array_foreach(users, i, user)
        strbuf_append_format(&names, "%s%s", i ? ", " : "", json_string_value(json_object_get(user, "name")));
    error_set(err, ERROR_VOLUME_IN_USE, "the volume \"%s\" is used by %s", volume, strbuf_text(&names));
    return error_hint(
        err,
        "take it out of their settings first, or have them begin with an empty one: berth volume "
        "rm --force %s",
        volume);
}

void delete_volume(struct admin_call *call)
{
    struct fleet *fleet = call->parts->fleet;
    struct error err;
    if (!find_volume(call))
        return;
    json_t *users = volume_users_json(fleet, call->name);
    bool is_there = volume_store_has(fleet_volumes(fleet), call->name);
    if ((!is_forced(call) && check_unused(users, call->name, &err) < 0) ||
        (is_there && volume_store_remove(fleet_volumes(fleet), call->name, &err) < 0))
        admin_call_refuse(call, &err);
    else
        admin_call_json(
            call, HTTP_OK,
            json_pack("{s:s, s:o}", "removed", call->name, "restarting", volume_restart_users(fleet, users)));
    json_decref(users);
}
