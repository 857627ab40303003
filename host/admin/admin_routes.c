#include "admin/admin_routes.h"

#include "admin/admin_handlers.h"
#include "base/alloc.h"
#include "base/cleanup.h"

#include <stdlib.h>
#include <string.h>

static const struct admin_route routes[] = {
    {EVHTTP_REQ_GET, "/healthz", true, get_health},
    {EVHTTP_REQ_HEAD, "/healthz", true, get_health},
    {EVHTTP_REQ_GET, "/metrics", true, get_metrics},
    {EVHTTP_REQ_GET, "/system/info", false, get_info},
    {EVHTTP_REQ_GET, "/system/namespaces", false, get_namespaces},
    {EVHTTP_REQ_POST, "/system/namespace/", false, refuse_namespace},
    {EVHTTP_REQ_GET, "/system/namespace/*", false, get_namespace},
    {EVHTTP_REQ_PUT, "/system/namespace/*", false, refuse_namespace},
    {EVHTTP_REQ_DELETE, "/system/namespace/*", false, refuse_namespace},
    {EVHTTP_REQ_GET, "/system/plugins", false, get_plugins},
    {EVHTTP_REQ_GET, "/system/functions", false, get_system_functions},
    {EVHTTP_REQ_GET, "/system/function/*", false, get_system_function},
    {EVHTTP_REQ_POST, "/system/functions", false, deploy_system_function},
    {EVHTTP_REQ_PUT, "/system/functions", false, deploy_system_function},
    {EVHTTP_REQ_DELETE, "/system/functions", false, delete_system_function},
    {EVHTTP_REQ_POST, "/system/scale-function/*", false, post_scale},
    {EVHTTP_REQ_GET, "/system/secrets", false, get_system_secrets},
    {EVHTTP_REQ_POST, "/system/secrets", false, post_system_secret},
    {EVHTTP_REQ_PUT, "/system/secrets", false, put_system_secret},
    {EVHTTP_REQ_DELETE, "/system/secrets", false, delete_system_secret},
    {EVHTTP_REQ_GET, "/system/logs", false, get_logs},
    {EVHTTP_REQ_GET, "/berth/functions", false, get_functions},
    {EVHTTP_REQ_GET, "/berth/functions/*", false, get_function},
    {EVHTTP_REQ_GET, "/berth/functions/*/instances", false, get_instances},
    {EVHTTP_REQ_GET, "/berth/functions/*/decisions", false, get_decisions},
    {EVHTTP_REQ_GET, "/berth/functions/*/audit", false, get_audit},
    {EVHTTP_REQ_GET, "/berth/functions/*/revisions", false, get_revisions},
    {EVHTTP_REQ_POST, "/berth/functions/*/rollback", false, post_rollback},
    {EVHTTP_REQ_POST, "/berth/functions/*/restart", false, post_restart},
    {EVHTTP_REQ_POST, "/berth/functions/*/scale", false, post_scale},
    {EVHTTP_REQ_PUT, "/berth/uploads/*", false, put_upload},
    {EVHTTP_REQ_PUT, "/berth/deployments/*", false, put_deployment},
    {EVHTTP_REQ_DELETE, "/berth/deployments/*", false, delete_deployment},
    {EVHTTP_REQ_GET, "/berth/volumes", false, get_volumes},
    {EVHTTP_REQ_GET, "/berth/volumes/*", false, get_volume},
    {EVHTTP_REQ_DELETE, "/berth/volumes/*", false, delete_volume},
    {EVHTTP_REQ_GET, "/berth/volumes/*/export", false, get_volume_export},
    {EVHTTP_REQ_POST, "/berth/volumes/*/import", false, post_volume_import},
    {EVHTTP_REQ_GET, "/berth/secrets", false, get_secrets},
    {EVHTTP_REQ_PUT, "/berth/secrets/*", false, put_secret},
    {EVHTTP_REQ_DELETE, "/berth/secrets/*", false, delete_secret},
    {EVHTTP_REQ_GET, "/berth/requests", false, get_requests},
    {EVHTTP_REQ_GET, "/berth/requests/*", false, get_request},
    {EVHTTP_REQ_GET, "/berth/calls", false, get_calls},
    {EVHTTP_REQ_GET, "/berth/calls/check", false, get_calls_check},
    {EVHTTP_REQ_GET, "/berth/calls/*", false, get_call},
    {EVHTTP_REQ_DELETE, "/berth/calls/*", false, delete_call},
    {EVHTTP_REQ_GET, "/berth/dead", false, get_dead},
    {EVHTTP_REQ_DELETE, "/berth/dead", false, delete_dead},
    {EVHTTP_REQ_POST, "/berth/dead/redrive", false, post_dead_redrive},
    {EVHTTP_REQ_DELETE, "/berth/dead/*", false, delete_dead_letter},
    {EVHTTP_REQ_POST, "/berth/dead/*/redrive", false, post_dead_letter_redrive},
    {EVHTTP_REQ_GET, "/berth/schedules", false, get_schedules},
    {EVHTTP_REQ_GET, "/berth/events", false, get_events},
    {EVHTTP_REQ_GET, "/berth/plugins", false, get_plugins},
    {EVHTTP_REQ_GET, "/berth/openapi.json", false, get_openapi},
    {EVHTTP_REQ_POST, "/berth/reload", false, post_reload},
    {EVHTTP_REQ_POST, "/berth/upgrade", false, post_upgrade},
};

#define ROUTE_COUNT (sizeof(routes) / sizeof(routes[0]))

/* Segment by segment; the one that "*" stands for is not empty. */
static bool path_matches(const char *pattern, const char *path, const char **ret_name, size_t *ret_length)
{
    while (*pattern == *path || *pattern == '*') {
        if (*pattern == '*') {
            *ret_name = path;
            *ret_length = strcspn(path, "/");
            path += *ret_length;
            pattern++;
            if (*ret_length == 0)
                return false;
            continue;
        }
        if (*pattern == '\0')
            return true;
        pattern++, path++;
    }
    return false;
}

static const char *method_name(enum evhttp_cmd_type method)
{
    switch (method) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_HEAD:
        return "HEAD";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_PUT:
        return "PUT";
    case EVHTTP_REQ_DELETE:
        return "DELETE";
    default:
        return "";
    }
}

static void add_method(char **allowed, enum evhttp_cmd_type method)
{
    char *longer =
        *allowed ? xasprintf("%s, %s", *allowed, method_name(method)) : xstrdup(method_name(method));
    free(*allowed);
    *allowed = longer;
}

const struct admin_route *admin_route_find(enum evhttp_cmd_type method, const char *path, char **ret_name,
                                           char **ret_allowed)
{
    *ret_name = *ret_allowed = NULL;
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        const char *name = "";
        size_t length = 0;
        if (!path_matches(routes[i].path, path, &name, &length))
            continue;
        if (routes[i].method != method) {
            add_method(ret_allowed, routes[i].method);
            continue;
        }
        cleanup_free char *coded = xstrndup(name, length);
        free(*ret_allowed);
        *ret_allowed = NULL;
        *ret_name = evhttp_uridecode(coded, 0, NULL);
        return &routes[i];
    }
    return NULL;
}
