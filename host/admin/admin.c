#include "admin/admin.h"

#include "admin/admin_access.h"
#include "admin/admin_call.h"
#include "admin/admin_listen.h"
#include "admin/admin_routes.h"
#include "admin/admin_split.h"
#include "admin/admin_waiting.h"
#include "admin/event_stream.h"
#include "base/alloc.h"
#include "base/background.h"
#include "base/cleanup.h"

#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REQUEST_HEAD_MAX 16384
#define REQUEST_BODY_MAX (4 << 20) /* a secret of a MiB, twice: as a text and in base64 */

/* Those that libevent does not know are refused by it with a page of its own; the others are for the table of
 * paths to refuse. */
#define METHODS                                                                                              \
    (EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |               \
     EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH)

struct admin {
    struct admin_options options;
    struct evhttp *tcp, *local; /* on the address; on the unix socket */
    struct admin_listener tcp_listener, local_listener;
    struct admin_split *tcp_split, *local_split; /* what of them is for functions */
    struct admin_waiting *waiting;
    struct background *background;
    struct event_stream *events;
    bool is_over, is_ending;
    unsigned answering; /* requests whose answer has not gone out */
    char *password; /* for TCP; NULL: none is asked for */
    char *address;
    char *socket_path;
};

/* --- a request --- */

/* A path that no row has needs the password too: whether there is something is not for strangers to know. */
static int check_access(const struct admin *admin, struct evhttp_request *request,
                        const struct admin_route *route, struct error *err)
{
    struct evkeyvalq *headers = evhttp_request_get_input_headers(request);
    if (admin_check_browser(evhttp_find_header(headers, "Host"), evhttp_find_header(headers, "Origin"), err) <
        0)
        return -1;
    if (!admin->password || (route && route->is_open) ||
        admin_password_matches(evhttp_find_header(headers, "Authorization"), admin->password))
        return 0;
    evhttp_add_header(evhttp_request_get_output_headers(request), "WWW-Authenticate",
                      "Basic realm=\"Restricted\"");
    error_set(err, ERROR_CREDENTIALS, "invalid credentials");
    return error_hint(err, "the user is %s, and the password is in %s/admin-password", ADMIN_USER,
                      admin->options.state_dir);
}

static int check_route(struct evhttp_request *request, const struct admin_route *route, const char *allowed,
                       struct error *err)
{
    if (route)
        return 0;
    if (!allowed)
        return error_set(err, ERROR_PATH_UNKNOWN, "not found");
    evhttp_add_header(evhttp_request_get_output_headers(request), "Allow", allowed);
    error_set(err, ERROR_METHOD_NOT_ALLOWED, "method not allowed");
    return error_hint(err, "this path knows %s", allowed);
}

static void on_answered(struct evhttp_request *request, void *context)
{
    (void)request;
    struct admin *admin = context;
    admin->answering--;
}

static void serve(struct admin *admin, struct evhttp_request *request, bool is_local)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = evhttp_uri_get_path(uri), *query_text = evhttp_uri_get_query(uri);
    cleanup_free char *name = NULL, *allowed = NULL;
    const struct admin_route *route =
        admin_route_find(evhttp_request_get_command(request), path ? path : "", &name, &allowed);
    struct evkeyvalq query;
    /* The next request may be for a function, and is told apart by its connection. */
    evhttp_add_header(evhttp_request_get_output_headers(request), "Connection", "close");
    admin->answering++;
    evhttp_request_set_on_complete_cb(request, on_answered, admin);
    evhttp_parse_query_str(query_text ? query_text : "", &query);
    struct admin_call call = {.parts = &admin->options,
                              .request = request,
                              .name = name ? name : "",
                              .query = &query,
                              .waiting = admin->waiting,
                              .background = admin->background,
                              .events = admin->events,
                              .is_over = &admin->is_over,
                              .is_ending = &admin->is_ending};
    struct error err;
    if ((!is_local && check_access(admin, request, route, &err) < 0) ||
        check_route(request, route, allowed, &err) < 0)
        admin_call_refuse(&call, &err);
    else
        route->handle(&call);
    evhttp_clear_headers(&query);
}

static void serve_tcp(struct evhttp_request *request, void *context)
{
    serve(context, request, false);
}

static void serve_local(struct evhttp_request *request, void *context)
{
    serve(context, request, true);
}

/* --- life --- */

static struct evhttp *make_server(struct admin *admin, void (*serve_one)(struct evhttp_request *, void *))
{
    struct evhttp *http = evhttp_new(admin->options.base);
    evhttp_set_allowed_methods(http, METHODS);
    evhttp_set_max_headers_size(http, REQUEST_HEAD_MAX);
    evhttp_set_max_body_size(http, REQUEST_BODY_MAX);
    evhttp_set_gencb(http, serve_one, admin);
    return http;
}

static int open_password(struct admin *admin, struct error *err)
{
    if (!admin->options.host->admin_auth)
        return 0;
    cleanup_free char *path = xasprintf("%s/admin-password", admin->options.state_dir);
    return admin_password_open(path, &admin->password, err);
}

int admin_create(const struct admin_options *options, struct admin **ret_admin, struct error *err)
{
    struct admin *admin = xcalloc(1, sizeof(*admin));
    admin->options = *options;
    admin->waiting = admin_waiting_create(&admin->options);
    admin->events = event_stream_create(&admin->options);
    admin->tcp = make_server(admin, serve_tcp);
    admin->local = make_server(admin, serve_local);
    admin->tcp_split = admin_split_create(options->base, admin->tcp, options->gateway, true);
    admin->local_split = admin_split_create(options->base, admin->local, options->gateway, false);
    admin->socket_path = xasprintf("%s/admin.sock", options->run_dir);
    if (background_create(options->base, &admin->background, err) < 0 || open_password(admin, err) < 0 ||
        admin_listen_tcp(admin->tcp, options->host->admin, options->given, &admin->tcp_listener,
                         &admin->address, err) < 0 ||
        admin_listen_unix(options->base, admin->local, admin->socket_path, options->given,
                          &admin->local_listener, err) < 0) {
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

void admin_listeners(const struct admin *admin, bool only_own, int *ret_tcp, int *ret_local)
{
    *ret_tcp = only_own && admin->tcp_listener.is_given ? -1 : admin->tcp_listener.fd;
    *ret_local = only_own && admin->local_listener.is_given ? -1 : admin->local_listener.fd;
}

int admin_mend_socket(struct admin *admin, struct error *err)
{
    const struct admin_listener former = admin->local_listener;
    if (!admin->socket_path || access(admin->socket_path, F_OK) == 0)
        return 0;
    if (admin_listen_unix(admin->options.base, admin->local, admin->socket_path, NULL, &admin->local_listener,
                          err) < 0)
        return -1;
    evhttp_del_accept_socket(admin->local, former.bound);
    return 1;
}

void admin_leave_socket(struct admin *admin)
{
    free(admin->socket_path);
    admin->socket_path = NULL;
}

void admin_leave(struct admin *admin)
{
    evconnlistener_disable(admin->tcp_listener.listener);
    evconnlistener_disable(admin->local_listener.listener);
    admin->options.calls = NULL;
    admin->options.logs = NULL;
    admin_leave_socket(admin);
}

void admin_fleet_rested(struct admin *admin)
{
    admin_waiting_end(admin->waiting);
}

void admin_sources_applied(struct admin *admin)
{
    admin_waiting_end_sources(admin->waiting);
}

void admin_stop(struct admin *admin)
{
    admin_waiting_stop(admin->waiting);
}

bool admin_is_quiet(const struct admin *admin)
{
    return admin->answering == 0;
}

void admin_finish(struct admin *admin, void (*finished)(void *context), void *context)
{
    admin->is_over = true;
    event_stream_end(admin->events, finished, context);
}

void admin_function_settled(struct admin *admin, const char *function)
{
    admin_waiting_end_function(admin->waiting, function);
}

void admin_destroy(struct admin *admin)
{
    if (!admin)
        return;
    admin->is_ending = true;
    admin_split_destroy(admin->tcp_split);
    admin_split_destroy(admin->local_split);
    evhttp_free(admin->tcp);
    evhttp_free(admin->local);
    background_destroy(admin->background);
    admin_waiting_destroy(admin->waiting);
    event_stream_destroy(admin->events);
    if (admin->socket_path)
        unlink(admin->socket_path);
    free(admin->socket_path);
    free(admin->address);
    free(admin->password);
    free(admin);
}
