#include "admin/admin.h"

#include "admin/function_status.h"
#include "admin/metrics.h"
#include "admin/plugin_status.h"
#include "admin/request_book.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "fleet/fleet.h"
#include "gateway/gateway.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/utsname.h>

#define REQUEST_HEAD_MAX 16384
#define REQUEST_BODY_MAX (1 << 20)

struct admin {
    struct admin_options options;
    struct evhttp *http;
    char *address;
    char *socket_path;
};

/* --- answers --- */

static void send_bytes(struct evhttp_request *request, int status, const char *type, const void *bytes,
                       size_t size)
{
    struct evbuffer *body = evbuffer_new();
    evbuffer_add(body, bytes, size);
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", type);
    evhttp_send_reply(request, status, NULL, body);
    evbuffer_free(body);
}

/* Plain text and a newline: what clients of this contract print as it is. */
static void send_text(struct evhttp_request *request, int status, const char *text)
{
    cleanup_free char *line = xasprintf("%s\n", text);
    send_bytes(request, status, "text/plain; charset=utf-8", line, strlen(line));
}

static void send_json(struct evhttp_request *request, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    send_bytes(request, HTTP_OK, "application/json", text, strlen(text));
    free(text);
    json_decref(json);
}

/* --- handlers: `rest` is what follows a path that ends with a slash --- */

static void get_health(struct admin *admin, struct evhttp_request *request, const char *rest)
{
    (void)rest;
    const char *waiting_for = fleet_waiting_for(admin->options.fleet);
    const struct kept_error *unusable = fleet_unusable(admin->options.fleet);
    if (unusable) {
        send_text(request, HTTP_SERVUNAVAIL, unusable->message);
        return;
    }
    if (!waiting_for) {
        send_text(request, HTTP_OK, "OK");
        return;
    }
    cleanup_free char *text = xasprintf("starting: waiting for %s", waiting_for);
    send_text(request, HTTP_SERVUNAVAIL, text);
}

/* What the instances take and may take, and how much of it is for functions that have not been called yet. */
static json_t *budget_json(const struct fleet *fleet)
{
    const struct budget *budget = fleet_current_budget(fleet);
    unsigned prewarmed;
    uint64_t prewarmed_bytes;
    fleet_prewarmed(fleet, &prewarmed, &prewarmed_bytes);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "instances", (json_int_t)budget->instances,
                     "max_instances", (json_int_t)budget->max_instances, "memory_bytes",
                     (json_int_t)budget->memory_bytes, "max_memory_bytes",
                     (json_int_t)budget->max_memory_bytes, "prewarmed", (json_int_t)prewarmed,
                     "prewarmed_memory_bytes", (json_int_t)prewarmed_bytes);
}

static void get_info(struct admin *admin, struct evhttp_request *request, const char *rest)
{
    (void)rest;
    struct utsname machine;
    uname(&machine);
    json_t *version = json_pack("{s:s, s:s}", "sha", BERTH_VERSION, "release", BERTH_VERSION);
    send_json(request, json_pack("{s:{s:s, s:s, s:O}, s:o, s:s, s:o}", "provider", "provider", "berth",
                                 "orchestration", "docker", "version", version, "version", version, "arch",
                                 machine.machine, "berth", budget_json(admin->options.fleet)));
}

static void get_namespaces(struct admin *admin, struct evhttp_request *request, const char *rest)
{
    (void)admin, (void)rest;
    send_json(request, json_pack("[s]", FUNCTION_STATUS_NAMESPACE));
}

static void get_plugins(struct admin *admin, struct evhttp_request *request, const char *rest)
{
    (void)rest;
    send_json(request, plugin_status_json(fleet_plugins(admin->options.fleet)));
}

static json_t *status_of(const struct admin *admin, struct function *function)
{
    const struct request_counts *counts = request_book_counts(admin->options.requests);
    uint64_t invocations = request_counts_of(counts, function_name(function)).total;
    return function_status_json(function, invocations, clock_ms());
}

static void get_functions(struct admin *admin, struct evhttp_request *request, const char *rest)
{
    (void)rest;
    json_t *list = json_array();
    for (size_t i = 0; i < fleet_function_count(admin->options.fleet); i++) {
        struct function *function = fleet_function_at(admin->options.fleet, i);
        if (!function_is_removed(function))
            json_array_append_new(list, status_of(admin, function));
    }
    send_json(request, list);
}

static void get_function(struct admin *admin, struct evhttp_request *request, const char *rest)
{
    const char *dot = strrchr(rest, '.');
    cleanup_free char *name = xstrndup(rest, dot ? (size_t)(dot - rest) : strlen(rest));
    bool right_namespace = !dot || strcmp(dot + 1, FUNCTION_STATUS_NAMESPACE) == 0;
    struct function *function = right_namespace ? fleet_function_find(admin->options.fleet, name) : NULL;
    if (function) {
        send_json(request, status_of(admin, function));
        return;
    }
    cleanup_free char *text = xasprintf("function %s not found", rest);
    send_text(request, HTTP_NOTFOUND, text);
}

static void get_metrics(struct admin *admin, struct evhttp_request *request, const char *rest)
{
    (void)rest;
    cleanup_strbuf struct strbuf text;
    strbuf_init(&text, 16u << 20);
    const struct metrics_sources sources = {.fleet = admin->options.fleet,
                                            .gateway = admin->options.gateway,
                                            .requests = request_book_counts(admin->options.requests)};
    metrics_write(&sources, &text);
    send_bytes(request, HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", strbuf_text(&text), text.length);
}

static const struct admin_route {
    enum evhttp_cmd_type method;
    const char *path; /* one that ends with a slash takes a name behind it */
    void (*handle)(struct admin *admin, struct evhttp_request *request, const char *rest);
} routes[] = {
    {EVHTTP_REQ_GET, "/healthz", get_health},
    {EVHTTP_REQ_HEAD, "/healthz", get_health},
    {EVHTTP_REQ_GET, "/system/info", get_info},
    {EVHTTP_REQ_GET, "/system/namespaces", get_namespaces},
    {EVHTTP_REQ_GET, "/system/plugins", get_plugins},
    {EVHTTP_REQ_GET, "/system/functions", get_functions},
    {EVHTTP_REQ_GET, "/system/function/", get_function},
    {EVHTTP_REQ_GET, "/metrics", get_metrics},
};

static bool path_matches(const struct admin_route *route, const char *path, const char **ret_rest)
{
    size_t length = strlen(route->path);
    if (route->path[length - 1] != '/') {
        *ret_rest = "";
        return strcmp(path, route->path) == 0;
    }
    *ret_rest = path + length;
    return strncmp(path, route->path, length) == 0 && path[length] != '\0' && !strchr(path + length, '/');
}

static void dispatch(struct evhttp_request *request, void *context)
{
    struct admin *admin = context;
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    bool known = false;
    for (size_t i = 0; path && i < sizeof(routes) / sizeof(routes[0]); i++) {
        const char *rest;
        if (!path_matches(&routes[i], path, &rest))
            continue;
        known = true;
        if (routes[i].method == evhttp_request_get_command(request)) {
            routes[i].handle(admin, request, rest);
            return;
        }
    }
    send_text(request, known ? HTTP_BADMETHOD : HTTP_NOTFOUND, known ? "method not allowed" : "not found");
}

/* --- sockets --- */

/* Takes "ADDRESS:PORT" apart; "[::1]:80" too. */
static int split_address(const char *address, char **ret_host, ev_uint16_t *ret_port, struct error *err)
{
    const char *colon = strrchr(address, ':');
    char *end = NULL;
    unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;
    if (!colon || colon == address || *end || end == colon + 1 || port > 65535)
        return error_set_in(err, COMPONENT_ADMIN, ERROR_USAGE,
                            "the management address must be ADDRESS:PORT, not \"%s\"", address);
    bool bracketed = address[0] == '[' && colon[-1] == ']';
    *ret_host = bracketed ? xstrndup(address + 1, (size_t)(colon - address) - 2)
                          : xstrndup(address, (size_t)(colon - address));
    *ret_port = (ev_uint16_t)port;
    return 0;
}

static int listen_tcp(struct admin *admin, struct error *err)
{
    const char *address = admin->options.host->admin;
    cleanup_free char *host = NULL;
    ev_uint16_t port = 0;
    if (split_address(address, &host, &port, err) < 0)
        return -1;
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(admin->http, host, port);
    if (!bound) {
        error_errno(err, COMPONENT_ADMIN, errno, "cannot listen at %s for the management API", address);
        return error_hint(err, "give another --admin address");
    }
    struct sockaddr_in6 name = {0}; /* the port is at the same place in an IPv4 address */
    socklen_t size = sizeof(name);
    getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *)&name, &size);
    admin->address =
        xasprintf("%.*s:%u", (int)(strrchr(address, ':') - address), address, ntohs(name.sin6_port));
    return 0;
}

static int listen_unix(struct admin *admin, struct error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    admin->socket_path = xasprintf("%s/admin.sock", admin->options.run_dir);
    if (strlen(admin->socket_path) >= sizeof(address.sun_path))
        return error_set_in(err, COMPONENT_ADMIN, ERROR_PATH_TOO_LONG, "%s is too long for a unix socket",
                            admin->socket_path);
    memcpy(address.sun_path, admin->socket_path, strlen(admin->socket_path));
    unlink(admin->socket_path);
    struct evconnlistener *listener = evconnlistener_new_bind(
        admin->options.base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 16,
        (struct sockaddr *)&address, sizeof(address));
    if (!listener || chmod(admin->socket_path, 0600) < 0)
        return error_errno(err, COMPONENT_ADMIN, errno, "cannot listen at %s", admin->socket_path);
    evhttp_bind_listener(admin->http, listener);
    return 0;
}

int admin_create(const struct admin_options *options, struct admin **ret_admin, struct error *err)
{
    struct admin *admin = xcalloc(1, sizeof(*admin));
    admin->options = *options;
    admin->http = evhttp_new(options->base);
    evhttp_set_max_headers_size(admin->http, REQUEST_HEAD_MAX);
    evhttp_set_max_body_size(admin->http, REQUEST_BODY_MAX);
    evhttp_set_gencb(admin->http, dispatch, admin);
    if (listen_tcp(admin, err) < 0 || listen_unix(admin, err) < 0) {
        admin_destroy(admin);
        return -1;
    }
    *ret_admin = admin;
    return 0;
}

const char *admin_address(const struct admin *admin)
{
    return admin->address;
}

void admin_destroy(struct admin *admin)
{
    if (!admin)
        return;
    evhttp_free(admin->http);
    if (admin->socket_path)
        unlink(admin->socket_path);
    free(admin->socket_path);
    free(admin->address);
    free(admin);
}
