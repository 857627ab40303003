#include "admin/admin_handlers.h"

#include "admin/admin_waiting.h"
#include "admin/function_name.h"
#include "admin/function_parts.h"
#include "admin/secret_body.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include "base/strbuf.h"
#include "fleet/fleet.h"
#include "prepare/store/secret_store.h"

#include <string.h>

#define NAMES_MAX 512 /* bytes of a list of functions in a message */

static struct secret_store *store_of(const struct admin_call *call)
{
    return fleet_secrets(call->parts->fleet);
}

static bool exists(const struct admin_call *call, const char *name)
{
    return known_secrets_find(secret_store_known(store_of(call)), name) != NULL;
}

/* --- who uses one --- */

static const struct secret_use *find_use(const struct function_settings *settings, const char *name)
{
    for (size_t i = 0; i < settings->secret_count; i++) {
        if (strcmp(settings->secrets[i].name, name) == 0)
            return &settings->secrets[i];
    }
    return NULL;
}

/* Whether its callbacks are signed with it, which another value of it holds for at once. */
static bool signs_with(const struct function_settings *settings, const char *name)
{
    return settings->calls.callback_secret && strcmp(settings->calls.callback_secret, name) == 0;
}

static bool uses(const struct function *function, const char *name)
{
    const struct function_settings *settings = function_latest_settings(function);
    return !function_is_removed(function) && (find_use(settings, name) || signs_with(settings, name));
}

/* The names of the functions that the registry gives it to. */
static json_t *users_json(const struct fleet *fleet, const char *name)
{
    json_t *list = json_array();
    for (size_t i = 0; i < fleet_function_count(fleet); i++) {
        const struct function *function = fleet_function_at(fleet, i);
        if (uses(function, name))
            json_array_append_new(list, json_text(function_name(function)));
    }
    return list;
}

/* --- changes --- */

/* Says what has been done, and has the functions follow. */
static void changed(const struct admin_call *call, const char *event, const char *name)
{
    log_info(event, LOG_STR("secret", name));
    fleet_secrets_changed(call->parts->fleet);
}

static int put(const struct admin_call *call, const char *name, const struct secret_body *body,
               struct error *err)
{
    if (!body->has_value) {
        error_set(err, ERROR_SECRET_INVALID, "a secret needs a value that is not empty");
        return error_hint(err, "\"value\" is a text, \"rawValue\" bytes in base64");
    }
    if (secret_store_put(store_of(call), name, body->value.bytes, body->value.size, err) < 0)
        return -1;
    changed(call, "secret.set", name);
    return 0;
}

static int remove_it(const struct admin_call *call, const char *name, struct error *err)
{
    if (secret_store_remove(store_of(call), name, err) < 0)
        return -1;
    changed(call, "secret.removed", name);
    return 0;
}

/* --- the /system contract --- */

static int check_space(const struct admin_call *call, const char *given, struct error *err)
{
    const char *space = given && *given ? given : admin_call_query(call, "namespace");
    if (function_namespace_is_known(space))
        return 0;
    return error_set(err, ERROR_BAD_CALL, "there is no namespace \"%.128s\", only " FUNCTION_NAMESPACE,
                     space);
}

static int read_body(struct admin_call *call, struct secret_body *body, struct error *err)
{
    if (secret_body_read(call, body, err) < 0 || check_space(call, body->space, err) < 0)
        return -1;
    return secret_store_check_name(body->name, err);
}

static int create(struct admin_call *call, const struct secret_body *body, struct error *err)
{
    if (!exists(call, body->name))
        return put(call, body->name, body, err);
    error_set(err, ERROR_SECRET_EXISTS, "secret %s already exists", body->name);
    return error_hint(err, "PUT gives it another value");
}

static int replace(struct admin_call *call, const struct secret_body *body, struct error *err)
{
    return exists(call, body->name) ? put(call, body->name, body, err)
                                    : secret_store_unknown(body->name, err);
}

static int drop(struct admin_call *call, const struct secret_body *body, struct error *err)
{
    return remove_it(call, body->name, err);
}

static void change(struct admin_call *call,
                   int (*what)(struct admin_call *call, const struct secret_body *body, struct error *err))
{
    struct secret_body body;
    struct error err;
    if (read_body(call, &body, &err) < 0 || what(call, &body, &err) < 0)
        admin_call_refuse(call, &err);
    else
        admin_call_json(call, ADMIN_ACCEPTED,
                        json_pack("{s:s, s:s}", "name", body.name, "namespace", FUNCTION_NAMESPACE));
    secret_body_clear(&body);
}

void get_system_secrets(struct admin_call *call)
{
    struct error err;
    if (check_space(call, NULL, &err) < 0) {
        admin_call_refuse(call, &err);
        return;
    }
    const struct known_secrets *known = secret_store_known(store_of(call));
    json_t *list = json_array();
    for (size_t i = 0; i < known->count; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:s}", "name", known->items[i].name, "namespace", FUNCTION_NAMESPACE));
    admin_call_json(call, HTTP_OK, list);
}

void post_system_secret(struct admin_call *call)
{
    change(call, create);
}

void put_system_secret(struct admin_call *call)
{
    change(call, replace);
}

void delete_system_secret(struct admin_call *call)
{
    change(call, drop);
}

/* --- /berth --- */

static json_t *secret_json(const struct admin_call *call, const struct known_secret *secret)
{
    char set[RFC3339_SIZE];
    rfc3339_write(secret_store_set_ms(store_of(call), secret->name), set);
    return json_pack("{s:s, s:s, s:o, s:o}", "name", secret->name, "set", set, "functions",
                     users_json(call->parts->fleet, secret->name), "problem", json_text(secret->problem));
}

void get_secrets(struct admin_call *call)
{
    const struct known_secrets *known = secret_store_known(store_of(call));
    json_t *list = json_array();
    for (size_t i = 0; i < known->count; i++)
        json_array_append_new(list, secret_json(call, &known->items[i]));
    admin_call_json(call, HTTP_OK, list);
}

/* Whether what serves was made with the value that the secret has by now. */
static bool has_taken_over(const struct function *function, const struct known_secret *secret)
{
    const struct revision *current = function_current(function);
    const struct secret_use *use = current ? find_use(revision_settings(current), secret->name) : NULL;
    return use ? strcmp(use->digest, secret->digest) == 0
               : current && signs_with(function_latest_settings(function), secret->name);
}

static json_t *user_json(struct function *function, const struct known_secret *secret)
{
    const struct revision *current = function_current(function);
    const char *digest = current ? revision_prepared(current)->digest : "";
    return json_pack("{s:s, s:o, s:b, s:o}", "function", function_name(function), "revision",
                     *digest ? json_string(digest) : json_null(), "taken_over",
                     has_taken_over(function, secret), "problem", function_problem_json(function));
}

/* What has become of the functions that use it. */
static void answer_put(struct admin_call *call)
{
    const struct fleet *fleet = call->parts->fleet;
    const struct known_secret *secret = known_secrets_find(secret_store_known(store_of(call)), call->name);
    json_t *functions = json_array();
    for (size_t i = 0; secret && i < fleet_function_count(fleet); i++) {
        struct function *function = fleet_function_at(fleet, i);
        if (uses(function, call->name))
            json_array_append_new(functions, user_json(function, secret));
    }
    admin_call_json(call, HTTP_OK, json_pack("{s:s, s:o}", "name", call->name, "functions", functions));
}

static bool can_be_had(const struct admin_call *call, const char *name)
{
    const struct known_secret *known = known_secrets_find(secret_store_known(store_of(call)), name);
    return known && !known->problem;
}

/* What each of the secret's functions has not been given yet besides it: {"pay": ["other-key"]}, less those
 * that have all. */
static json_t *waiting_json(const struct admin_call *call)
{
    const struct fleet *fleet = call->parts->fleet;
    json_t *waiting = json_object();
    for (size_t i = 0; i < fleet_function_count(fleet); i++) {
        const struct function *function = fleet_function_at(fleet, i);
        const struct function_settings *settings = function_latest_settings(function);
        json_t *missing = json_array();
        for (size_t j = 0; uses(function, call->name) && j < settings->secret_count; j++) {
            const struct secret_use *use = &settings->secrets[j];
            if (find_use(settings, use->name) == use && !can_be_had(call, use->name))
                json_array_append_new(missing, json_text(use->name));
        }
        if (json_array_size(missing) > 0)
            json_object_set(waiting, function_name(function), missing);
        json_decref(missing);
    }
    return waiting;
}

static bool is_asked_for(const struct admin_call *call, const char *parameter)
{
    const char *value = admin_call_query(call, parameter);
    return value && strcmp(value, "0") != 0;
}

void put_secret(struct admin_call *call)
{
    struct secret_body body;
    struct error err;
    int rc = secret_body_read(call, &body, &err);
    if (rc == 0 && is_asked_for(call, "existing") && !exists(call, call->name))
        rc = secret_store_unknown(call->name, &err);
    if (rc < 0 || put(call, call->name, &body, &err) < 0)
        admin_call_refuse(call, &err);
    else if (is_asked_for(call, "wait"))
        admin_call_wait(call, answer_put);
    else
        admin_call_json(call, ADMIN_ACCEPTED,
                        json_pack("{s:s, s:o, s:o}", "name", call->name, "functions",
                                  users_json(call->parts->fleet, call->name), "waiting", waiting_json(call)));
    secret_body_clear(&body);
}

/* What runs keeps what it has; what is started next has nothing to be given. */
static int check_unused(const struct admin_call *call, struct error *err)
{
    json_t *users = users_json(call->parts->fleet, call->name), *user;
    cleanup_strbuf struct strbuf names;
    size_t i;
    strbuf_init(&names, NAMES_MAX);
    json_array_foreach(users, i, user)
        strbuf_append_format(&names, "%s%s", i ? ", " : "", json_string_value(user));
    bool is_used = json_array_size(users) > 0;
    json_decref(users);
    if (!is_used)
        return 0;
    error_set(err, ERROR_SECRET_IN_USE, "the secret \"%s\" is used by %s", call->name, strbuf_text(&names));
    return error_hint(err,
                      "take it out of their entries in the registry, or remove it all the same: berth "
                      "secret rm --force %s",
                      call->name);
}

void delete_secret(struct admin_call *call)
{
    struct error err;
    int rc = exists(call, call->name) ? 0 : secret_store_unknown(call->name, &err);
    if (rc == 0 && !is_asked_for(call, "force"))
        rc = check_unused(call, &err);
    if (rc < 0 || remove_it(call, call->name, &err) < 0)
        admin_call_refuse(call, &err);
    else
        admin_call_json(call, ADMIN_ACCEPTED, json_pack("{s:s}", "removed", call->name));
}
