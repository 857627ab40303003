/* Functions that are deployed by their image: what the /system contract has of changes. */
#include "admin/admin_handlers.h"

#include "admin/deployment_parts.h"
#include "admin/function_find.h"
#include "admin/function_name.h"
#include "admin/image_deployment.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/ident.h"
#include "config/deployed_entry.h"
#include "config/function_settings.h"
#include "fleet/fleet.h"
#include "prepare/plugins.h"

#include <ctype.h>
#include <string.h>

#define ID_DIGITS 16

/* --- what is asked for --- */

/* The contract's names are in small letters. */
static int check_name(const char *name, struct error *err)
{
    size_t length = strlen(name);
    bool is_name = function_settings_is_free_route(name);
    for (size_t i = 0; i < length && is_name; i++)
        is_name = !isupper((unsigned char)name[i]) && name[i] != '_';
    if (is_name)
        return 0;
    return error_set(
        err, ERROR_BAD_CALL,
        "\"%.128s\" cannot be the name of a function: small letters, digits and \"-\", at most 63, "
        "and none that is reserved",
        name);
}

/* The function that the body names in `member`, without its namespace. The caller frees *ret_name. */
static int read_name(const struct admin_call *call, const json_t *body, const char *member, char **ret_name,
                     struct error *err)
{
    const char *given = json_string_value(json_object_get(body, member));
    if (!given || !*given) {
        error_set(err, ERROR_BAD_CALL, "\"%s\" must be the name of a function", member);
        return -1;
    }
    if (function_check_namespace(function_namespace_of(call, body), err) < 0)
        return -1;
    *ret_name = function_name_read(given, NULL);
    return 0;
}

static int check_there(const struct admin_call *call, const char *name, struct error *err)
{
    if (fleet_function_find(call->parts->fleet, name))
        return 0;
    return error_set_in(err, COMPONENT_ADMIN, ERROR_FUNCTION_UNKNOWN, "function %.128s not found", name);
}

/* The first mistake of the settings, as a reload would find it. */
static int first_mistake(const struct registry *registry, struct error *err)
{
    for (size_t i = 0; i < registry->diagnostics.count; i++) {
        const struct diagnostic *item = &registry->diagnostics.items[i];
        if (item->severity != SEVERITY_ERROR)
            continue;
        error_set(err, ERROR_BAD_CALL, "%s%s%s", item->message, item->hint ? ": " : "",
                  item->hint ? item->hint : "");
        return -1;
    }
    return 0;
}

/* Reads the settings as they will be read, with an empty folder: what is wrong with them is told at once. */
static int check_settings(const struct admin_call *call, const char *name, json_t *deployment,
                          struct error *err)
{
    char id[ID_DIGITS + 1];
    size_t language_count;
    const struct language *languages = plugins_languages(fleet_plugins(call->parts->fleet), &language_count);
    ident_random(id, ID_DIGITS);
    cleanup_free char *base = xasprintf("%s/staging/%s", call->parts->state_dir, id);
    cleanup_free char *folder = xasprintf("%s/functions/%s", base, name);
    if (fs_make_dirs(folder, 0700, err) < 0)
        return -1;
    struct registry *registry = registry_empty("", NULL);
    const struct deployed_entry entry = {.name = name, .base = base, .deployment = deployment};
    registry_add_deployed(registry, &entry, languages, language_count);
    int rc = first_mistake(registry, err);
    registry_destroy(registry);
    fs_remove_tree(base, NULL);
    return rc;
}

/* --- deploying --- */

static void answer_accepted(struct admin_call *call)
{
    admin_call_json(call, ADMIN_ACCEPTED, json_pack("{s:s}", "function", call->name));
}

static int check_state(const struct admin_call *call, const char *name, struct error *err)
{
    bool is_update = evhttp_request_get_command(call->request) == EVHTTP_REQ_PUT;
    if (is_update && check_there(call, name, err) < 0)
        return -1;
    if (deployment_check_owner(call, name, err) < 0)
        return -1;
    if (is_update || !fleet_function_find(call->parts->fleet, name))
        return 0;
    return error_set(err, ERROR_FUNCTION_EXISTS, "function %s exists already: update it by PUT", name);
}

/* An update of a function that is not there is 404 before anything else is looked at: clients that deploy try
 * that first. */
static int make_order(const struct admin_call *call, const json_t *body, struct deployment_order *ret_order,
                      struct error *err)
{
    cleanup_free char *name = NULL;
    json_t *deployment = NULL;
    if (read_name(call, body, "service", &name, err) < 0 || check_state(call, name, err) < 0 ||
        check_name(name, err) < 0 || image_deployment_read(body, &deployment, err) < 0)
        return -1;
    if (deployment_check_secrets(call, image_deployment_given(deployment), err) < 0 ||
        check_settings(call, name, deployment, err) < 0) {
        json_decref(deployment);
        return -1;
    }
    *ret_order =
        (struct deployment_order){.name = steal(&name), .json = deployment, .answer = answer_accepted};
    return 0;
}

void deploy_system_function(struct admin_call *call)
{
    struct error err;
    json_t *body = NULL;
    struct deployment_order order;
    if (admin_call_body(call, &body, &err) < 0) {
        admin_call_refuse(call, &err);
        return;
    }
    if (make_order(call, body, &order, &err) < 0)
        admin_call_refuse(call, &err);
    else
        deployment_carry_out(call, &order);
    json_decref(body);
}

/* --- removing --- */

void delete_system_function(struct admin_call *call)
{
    struct error err;
    json_t *body = NULL;
    cleanup_free char *name = NULL;
    if (admin_call_body(call, &body, &err) < 0 || read_name(call, body, "functionName", &name, &err) < 0 ||
        check_there(call, name, &err) < 0 || deployment_check_owner(call, name, &err) < 0) {
        admin_call_refuse(call, &err);
    } else {
        const struct deployment_order order = {.name = steal(&name), .answer = answer_accepted};
        deployment_carry_out(call, &order);
    }
    json_decref(body);
}
