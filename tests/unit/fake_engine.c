#include "fake_engine.h"

#include "base/alloc.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A request that is not answered yet: held, or following events. */
struct pending {
    struct evhttp_request *request;
    struct evhttp_connection *connection;
    enum fake_op op;
    char container[24];
    bool streaming;
    struct pending *next;
};

/* One connection of a runner to its instance's socket. */
struct fake_connection {
    struct fake_engine *engine;
    struct fake_container *container;
    struct bufferevent *buffer;
    struct fake_connection *next;
};

struct fake_engine {
    struct event_base *base;
    char path[108];
    struct evhttp *http;
    struct fake_plan plans[FAKE_OPS];
    unsigned calls[FAKE_OPS];
    enum fake_runner runner;
    const char *loaded, *prewarmed; /* what it answers */
    struct fake_container *containers; /* newest first */
    struct pending *pending;
    struct fake_connection *orphans; /* of containers that have vanished */
    unsigned made;
    const char *image_id; /* of every image */
};

/* --- answers --- */

static void answer(struct evhttp_request *request, int status, json_t *json)
{
    struct evbuffer *body = evbuffer_new();
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    if (text)
        evbuffer_add(body, text, strlen(text));
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    evhttp_add_header(headers, "Api-Version", "1.41");
    evhttp_add_header(headers, "Content-Type", "application/json");
    evhttp_send_reply(request, status, "x", body);
    evbuffer_free(body);
    free(text);
    json_decref(json);
}

static void refuse(struct evhttp_request *request, int status)
{
    answer(request, status, json_pack("{s:s}", "message", "as planned"));
}

static struct pending *take_pending(struct fake_engine *engine, const struct evhttp_connection *connection)
{
    for (struct pending **link = &engine->pending; *link; link = &(*link)->next) {
        struct pending *found = *link;
        if (found->connection != connection)
            continue;
        *link = found->next;
        return found;
    }
    return NULL;
}

static void on_client_gone(struct evhttp_connection *connection, void *context)
{
    struct pending *pending = take_pending(context, connection);
    if (pending && !evhttp_request_get_connection(pending->request))
        evhttp_send_reply_end(pending->request); /* it had been left to us, and this frees it */
    free(pending);
}

static struct pending *add_pending(struct fake_engine *engine, struct evhttp_request *request,
                                   enum fake_op op, const char *container)
{
    struct pending *pending = xcalloc(1, sizeof(*pending));
    *pending = (struct pending){.request = request,
                                .connection = evhttp_request_get_connection(request),
                                .op = op,
                                .next = engine->pending};
    snprintf(pending->container, sizeof(pending->container), "%s", container);
    engine->pending = pending;
    evhttp_connection_set_closecb(pending->connection, on_client_gone, engine);
    return pending;
}

static void stream(struct fake_engine *engine, struct evhttp_request *request, enum fake_op op,
                   const char *container)
{
    add_pending(engine, request, op, container)->streaming = true;
    evhttp_send_reply_start(request, 200, "OK");
}

static json_t *labels_of(const struct fake_container *container)
{
    json_t *labels = json_pack("{s:s}", "berth.host", container->label_host);
    if (*container->instance)
        json_object_set_new(labels, "berth.instance", json_string(container->instance));
    return labels;
}

static void tell_end(struct fake_engine *engine, const struct fake_container *container)
{
    char code[12];
    snprintf(code, sizeof(code), "%d", container->exit_code);
    json_t *attributes = labels_of(container);
    json_object_set_new(attributes, "name", json_string(container->name));
    json_object_set_new(attributes, "exitCode", json_string(code));
    json_t *event = json_pack("{s:s, s:s, s:{s:s, s:o}, s:i}", "Type", "container", "Action", "die", "Actor",
                              "ID", container->id, "Attributes", attributes, "timeNano", 1);
    char *text = json_dumps(event, JSON_COMPACT);
    for (struct pending *pending = engine->pending; pending; pending = pending->next) {
        if (pending->op != FAKE_EVENTS || !pending->streaming)
            continue;
        struct evbuffer *chunk = evbuffer_new();
        evbuffer_add_printf(chunk, "%s\n", text);
        evhttp_send_reply_chunk(pending->request, chunk);
        evbuffer_free(chunk);
    }
    free(text);
    json_decref(event);
}

/* --- containers and their runners --- */

static struct fake_container *find_container(const struct fake_engine *engine, const char *id)
{
    for (struct fake_container *container = engine->containers; container; container = container->next) {
        if (strcmp(container->id, id) == 0 || strcmp(container->name, id) == 0)
            return container;
    }
    return NULL;
}

static void close_connections(struct fake_connection **list)
{
    for (struct fake_connection *connection; (connection = *list);) {
        *list = connection->next;
        bufferevent_free(connection->buffer);
        free(connection);
    }
}

void fake_container_hang_up(struct fake_container *container)
{
    close_connections(&container->connections);
}

void fake_container_write(const struct fake_container *container, const char *text)
{
    char path[128];
    snprintf(path, sizeof(path), "%.108s/stderr", container->run_dir);
    int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        abort();
    close(fd);
}

void fake_container_die(struct fake_engine *engine, struct fake_container *container, int exit_code,
                        bool oom_killed)
{
    if (strcmp(container->state, "running") != 0)
        return;
    fake_container_hang_up(container);
    snprintf(container->state, sizeof(container->state), "exited");
    container->exit_code = exit_code;
    container->oom_killed = oom_killed;
    tell_end(engine, container);
}

static void drop_container(struct fake_engine *engine, struct fake_container *container)
{
    struct fake_container **link = &engine->containers;
    while (*link != container)
        link = &(*link)->next;
    *link = container->next;
    fake_container_hang_up(container);
    free(container);
}

void fake_container_vanish(struct fake_engine *engine, struct fake_container *container)
{
    for (struct fake_connection *connection; (connection = container->connections);) {
        container->connections = connection->next;
        bufferevent_disable(connection->buffer, EV_READ);
        connection->next = engine->orphans;
        engine->orphans = connection;
    }
    drop_container(engine, container);
}

static unsigned concurrency_of(const char *request)
{
    const char *found = strstr(request, "\"concurrency\":");
    return found ? (unsigned)strtoul(found + strlen("\"concurrency\":"), NULL, 10) : 1;
}

static void runner_answers(struct fake_connection *connection, const char *body)
{
    evbuffer_add_printf(bufferevent_get_output(connection->buffer),
                        "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
}

/* Loads the function that init is about, or what is asked for before it. */
static void load(struct fake_connection *connection, const char *request)
{
    bool is_init = strncmp(request, "POST /.berth/init ", 18) == 0;
    static const char refusal[] =
        "HTTP/1.1 500 No\r\nContent-Length: 78\r\n\r\n"
        "{\"error\":\"ImportError: no module x\",\"traceback\":\"a\\nImportError: no module x\"}";
    struct fake_engine *engine = connection->engine;
    struct fake_container *container = connection->container;
    enum fake_runner runner = engine->runner;
    if (runner == RUNNER_REFUSES_AHEAD)
        runner = is_init && *container->asked ? RUNNER_REFUSES : RUNNER_SERVES;
    switch (runner) {
    case RUNNER_SERVES:
    case RUNNER_ABSENT:
        runner_answers(connection, is_init ? engine->loaded : engine->prewarmed);
        if (!is_init)
            snprintf(container->asked, sizeof(container->asked), "%s", strstr(request, "\r\n\r\n") + 4);
        for (unsigned i = 1; is_init && i < concurrency_of(request) && runner == RUNNER_SERVES; i++)
            fake_container_dial(engine, container);
        break;
    case RUNNER_REFUSES:
        bufferevent_write(connection->buffer, refusal, strlen(refusal));
        break;
    case RUNNER_HANGS_UP:
        fake_container_hang_up(container);
        break;
    case RUNNER_DIES:
        fake_container_die(engine, container, 3, false);
        break;
    default:
        break;
    }
}

static void on_host(struct bufferevent *buffer, void *context)
{
    struct evbuffer *input = bufferevent_get_input(buffer);
    struct evbuffer_ptr end = evbuffer_search(input, "\r\n\r\n", 4, NULL);
    if (end.pos < 0)
        return;
    size_t head_length = (size_t)end.pos + 4, length = evbuffer_get_length(input);
    char *request = xcalloc(1, length + 1);
    evbuffer_copyout(input, request, length);
    const char *field = strstr(request, "Content-Length: ");
    size_t whole = head_length + (field ? strtoul(field + strlen("Content-Length: "), NULL, 10) : 0);
    if (length >= whole) {
        evbuffer_drain(input, whole);
        load(context, request);
    }
    free(request);
}

void fake_container_dial(struct fake_engine *engine, struct fake_container *container)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%.90s/host.sock", container->run_dir);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        close(fd);
        return;
    }
    struct fake_connection *connection = xcalloc(1, sizeof(*connection));
    *connection =
        (struct fake_connection){.engine = engine,
                                 .container = container,
                                 .buffer = bufferevent_socket_new(engine->base, fd, BEV_OPT_CLOSE_ON_FREE),
                                 .next = container->connections};
    container->connections = connection;
    bufferevent_setcb(connection->buffer, on_host, NULL, NULL, connection);
    bufferevent_enable(connection->buffer, EV_READ | EV_WRITE);
}

/* --- operations --- */

/* What is mounted at `target`. */
static void source_of(const json_t *body, const char *target, char *ret_dir, size_t size)
{
    json_t *mounts = json_object_get(json_object_get(body, "HostConfig"), "Mounts"), *mount;
    size_t index;
    json_array_foreach(mounts, index, mount)
    {
        if (strcmp(json_string_value(json_object_get(mount, "Target")), target) == 0)
            snprintf(ret_dir, size, "%s", json_string_value(json_object_get(mount, "Source")));
    }
}

static struct fake_container *make_container(struct fake_engine *engine, const char *name, const char *host,
                                             const char *instance)
{
    struct fake_container *container = xcalloc(1, sizeof(*container));
    snprintf(container->id, sizeof(container->id), "c%u", ++engine->made);
    snprintf(container->name, sizeof(container->name), "%s", name);
    snprintf(container->label_host, sizeof(container->label_host), "%s", host ? host : "");
    snprintf(container->instance, sizeof(container->instance), "%s", instance ? instance : "");
    snprintf(container->state, sizeof(container->state), "created");
    container->next = engine->containers;
    engine->containers = container;
    return container;
}

static void create(struct fake_engine *engine, struct evhttp_request *request, const char *name)
{
    struct evbuffer *input = evhttp_request_get_input_buffer(request);
    json_t *body = json_loadb((const char *)evbuffer_pullup(input, -1), evbuffer_get_length(input), 0, NULL);
    json_t *labels = json_object_get(body, "Labels");
    struct fake_container *container =
        make_container(engine, name, json_string_value(json_object_get(labels, "berth.host")),
                       json_string_value(json_object_get(labels, "berth.instance")));
    source_of(body, "/run/berth", container->run_dir, sizeof(container->run_dir));
    source_of(body, "/berth/code", container->code_dir, sizeof(container->code_dir));
    json_decref(body);
}

static void start(struct fake_engine *engine, struct fake_container *container)
{
    snprintf(container->state, sizeof(container->state), "running");
    if (engine->runner == RUNNER_EXITS)
        fake_container_die(engine, container, 1, false);
    else if (engine->runner != RUNNER_ABSENT)
        fake_container_dial(engine, container);
}

/* Does what the request asks for. */
static void carry_out(struct fake_engine *engine, enum fake_op op, struct evhttp_request *request,
                      struct fake_container *container)
{
    const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request));
    struct evkeyvalq parameters = {0};
    evhttp_parse_query_str(query ? query : "", &parameters);
    const char *name = evhttp_find_header(&parameters, "name");
    if (op == FAKE_CREATE)
        create(engine, request, name ? name : "");
    else if (op == FAKE_START)
        start(engine, container);
    else if (op == FAKE_STOP)
        fake_container_die(engine, container, 0, false);
    else if (op == FAKE_REMOVE)
        drop_container(engine, container);
    else if (op == FAKE_RENAME)
        snprintf(container->name, sizeof(container->name), "%s", name ? name : ""), container->renames++;
    else if (op == FAKE_UPDATE)
        container->updates++;
    evhttp_clear_headers(&parameters);
}

static json_t *list_json(const struct fake_engine *engine)
{
    json_t *list = json_array();
    for (const struct fake_container *container = engine->containers; container; container = container->next)
        json_array_append_new(list,
                              json_pack("{s:s, s:[s], s:s, s:s, s:i, s:o}", "Id", container->id, "Names",
                                        container->name, "Image", "image", "State", container->state,
                                        "Created", 1, "Labels", labels_of(container)));
    return list;
}

static json_t *inspect_json(const struct fake_container *container)
{
    return json_pack("{s:s, s:s, s:{s:s, s:b, s:b, s:i, s:s}}", "Id", container->id, "Name", container->name,
                     "State", "Status", container->state, "Running", strcmp(container->state, "running") == 0,
                     "OOMKilled", container->oom_killed, "ExitCode", container->exit_code, "Error", "");
}

static void respond(struct fake_engine *engine, enum fake_op op, struct evhttp_request *request,
                    const char *id)
{
    struct fake_container *container = find_container(engine, id);
    bool about_one = op >= FAKE_START && op <= FAKE_WAIT;
    if (about_one && !container) {
        refuse(request, 404);
        return;
    }
    carry_out(engine, op, request, container);
    switch (op) {
    case FAKE_EVENTS:
        stream(engine, request, op, "");
        break;
    case FAKE_LIST:
        answer(request, 200, list_json(engine));
        break;
    case FAKE_CREATE:
        answer(request, 201, json_pack("{s:s}", "Id", engine->containers->id));
        break;
    case FAKE_INSPECT:
        answer(request, 200, inspect_json(container));
        break;
    case FAKE_WAIT:
        answer(request, 200, json_pack("{s:i}", "StatusCode", container->exit_code));
        break;
    case FAKE_IMAGE:
        answer(request, 200,
               json_pack("{s:s, s:{s:[s]}}", "Id", engine->image_id, "Config", "Cmd", "/runner"));
        break;
    case FAKE_NETWORK:
        answer(request, 200, json_pack("{s:s}", "Id", "sha256:0123"));
        break;
    default:
        answer(request, op == FAKE_PING ? 200 : 204, NULL);
        break;
    }
}

static const struct {
    const char *path; /* what stands behind the version; a percent sign is the container */
    enum evhttp_cmd_type method;
    enum fake_op op;
} paths[] = {
    {"/events", EVHTTP_REQ_GET, FAKE_EVENTS},
    {"/containers/json", EVHTTP_REQ_GET, FAKE_LIST},
    {"/containers/create", EVHTTP_REQ_POST, FAKE_CREATE},
    {"/containers/%/start", EVHTTP_REQ_POST, FAKE_START},
    {"/containers/%/stop", EVHTTP_REQ_POST, FAKE_STOP},
    {"/containers/%/json", EVHTTP_REQ_GET, FAKE_INSPECT},
    {"/containers/%/rename", EVHTTP_REQ_POST, FAKE_RENAME},
    {"/containers/%/update", EVHTTP_REQ_POST, FAKE_UPDATE},
    {"/containers/%/wait", EVHTTP_REQ_POST, FAKE_WAIT},
    {"/containers/%", EVHTTP_REQ_DELETE, FAKE_REMOVE},
};

static bool match(const char *pattern, const char *path, char *ret_id, size_t size)
{
    size_t before = strcspn(pattern, "%");
    if (pattern[before] == '\0')
        return strcmp(pattern, path) == 0;
    if (strncmp(pattern, path, before) != 0)
        return false;
    size_t length = strcspn(path + before, "/");
    if (strcmp(pattern + before + 1, path + before + length) != 0)
        return false;
    snprintf(ret_id, size, "%.*s", (int)length, path + before);
    return true;
}

static enum fake_op understand(struct evhttp_request *request, char *ret_id, size_t size)
{
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    *ret_id = '\0';
    if (strcmp(path, "/_ping") == 0)
        return FAKE_PING;
    path = strchr(path + 1, '/');
    for (size_t i = 0; path && i < sizeof(paths) / sizeof(paths[0]); i++) {
        if (paths[i].method == evhttp_request_get_command(request) &&
            match(paths[i].path, path, ret_id, size))
            return paths[i].op;
    }
    *ret_id = '\0';
    return path && strncmp(path, "/images/", strlen("/images/")) == 0 ? FAKE_IMAGE : FAKE_NETWORK;
}

/* Takes one turn of the plan; false when it is over. */
static bool use_plan(struct fake_plan *plan)
{
    if (!plan->hold && plan->status == 0)
        return false;
    if (plan->times > 0 && --plan->times == 0)
        *plan = (struct fake_plan){0};
    return true;
}

static void on_request(struct evhttp_request *request, void *context)
{
    struct fake_engine *engine = context;
    char id[128];
    enum fake_op op = understand(request, id, sizeof(id));
    engine->calls[op]++;
    struct fake_plan plan = engine->plans[op];
    if (!use_plan(&engine->plans[op])) {
        respond(engine, op, request, id);
    } else if (plan.hold) {
        add_pending(engine, request, op, id);
    } else {
        struct fake_container *container = find_container(engine, id);
        if (plan.done && (container || !*id))
            carry_out(engine, op, request, container);
        refuse(request, plan.status);
    }
}

void fake_engine_release(struct fake_engine *engine, enum fake_op op)
{
    engine->plans[op] = (struct fake_plan){0};
    for (struct pending *pending = engine->pending, *next; pending; pending = next) {
        next = pending->next;
        if (pending->op != op || pending->streaming)
            continue;
        struct evhttp_request *request = pending->request;
        struct pending held = *pending;
        free(take_pending(engine, evhttp_request_get_connection(request)));
        evhttp_connection_set_closecb(evhttp_request_get_connection(request), NULL, NULL);
        respond(engine, op, request, held.container);
        next = engine->pending; /* what was answered may have ended others */
    }
}

/* --- the engine --- */

void fake_engine_start(struct fake_engine *engine)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", engine->path);
    unlink(engine->path);
    engine->http = evhttp_new(engine->base);
    evhttp_set_allowed_methods(engine->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_DELETE);
    evhttp_set_gencb(engine->http, on_request, engine);
    struct evconnlistener *listener =
        evconnlistener_new_bind(engine->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 64,
                                (struct sockaddr *)&address, sizeof(address));
    if (!listener)
        abort();
    evhttp_bind_listener(engine->http, listener);
}

void fake_engine_stop(struct fake_engine *engine)
{
    evhttp_free(engine->http);
    engine->http = NULL;
    unlink(engine->path);
    while (engine->pending) {
        struct pending *next = engine->pending->next;
        free(engine->pending);
        engine->pending = next;
    }
}

struct fake_engine *fake_engine_open(struct event_base *base, const char *path)
{
    struct fake_engine *engine = xcalloc(1, sizeof(*engine));
    engine->image_id = "sha256:0123";
    engine->loaded = "{}";
    engine->prewarmed = "{\"modules\":[],\"effects\":[]}";
    engine->base = base;
    snprintf(engine->path, sizeof(engine->path), "%s", path);
    fake_engine_start(engine);
    return engine;
}

void fake_engine_close(struct fake_engine *engine)
{
    if (engine->http)
        fake_engine_stop(engine);
    while (engine->containers)
        drop_container(engine, engine->containers);
    close_connections(&engine->orphans);
    free(engine);
}

void fake_engine_plan(struct fake_engine *engine, enum fake_op op, struct fake_plan plan)
{
    engine->plans[op] = plan;
}

void fake_engine_set_answers(struct fake_engine *engine, const char *loaded, const char *prewarmed)
{
    engine->loaded = loaded;
    engine->prewarmed = prewarmed;
}

void fake_engine_set_runner(struct fake_engine *engine, enum fake_runner runner)
{
    engine->runner = runner;
}

unsigned fake_engine_calls(const struct fake_engine *engine, enum fake_op op)
{
    return engine->calls[op];
}

size_t fake_engine_count(const struct fake_engine *engine)
{
    size_t count = 0;
    for (const struct fake_container *container = engine->containers; container; container = container->next)
        count++;
    return count;
}

struct fake_container *fake_engine_newest(const struct fake_engine *engine)
{
    return engine->containers;
}

struct fake_container *fake_engine_running(const struct fake_engine *engine)
{
    struct fake_container *container = engine->containers;
    while (container && strcmp(container->state, "running") != 0)
        container = container->next;
    return container;
}

void fake_engine_add(struct fake_engine *engine, const char *host, const char *instance)
{
    struct fake_container *container = make_container(engine, "left", host, instance);
    snprintf(container->state, sizeof(container->state), "running");
}

void fake_engine_set_image_id(struct fake_engine *engine, const char *id)
{
    engine->image_id = id;
}
