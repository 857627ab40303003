#include "runners.h"

#include "agenda.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "files.h"
#include "sim.h"
#include "trace.h"
#include "virtual_time.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define OWN_DESCRIPTORS 500 /* from there on, so that those of a killed daemon can be told from them */
#define REQUEST_MAX     16384
#define DIAL_AGAIN_MS   100
#define DIAL_PAUSE_MS   2000 /* when the host has closed one connection after the other */
#define REFUSALS_MAX    10
#define PREWARM         "POST /.berth/prewarm "
#define LIBRARY         "library-of-" /* and the function's name */
#define REFUSED_MS      50 /* a connection that was closed within that time was refused */

struct connection {
    LIST_ENTRY(connection) link;
    struct runner *runner;
    int fd;
    struct event *event;
    struct agenda_item *answer; /* to what has been received */
    uint64_t dialled_ms;
    char request[REQUEST_MAX];
    size_t length;
};

struct runner {
    LIST_ENTRY(runner) link;
    const struct runner_place *place;
    runner_exit_fn *exited;
    void *owner;
    struct agenda_item *next; /* what it does next: dials, or exits */
    LIST_HEAD(, connection) connections;
    unsigned count, wanted; /* connections */
    unsigned concurrency;
    bool loaded;
    bool reports; /* it is to tell which libraries it loads */
    char libraries[32]; /* whose it has loaded ahead; "": nobody's */
    unsigned refusals; /* in a row: connections that were closed at once */
    char function[32];
    unsigned version;
    bool is_bad;
};

static LIST_HEAD(, runner) all = LIST_HEAD_INITIALIZER(all);
static struct event_base *loop;

static void dial(void *context);
static void on_readable(evutil_socket_t fd, short what, void *context);

/* --- connections --- */

static void watch(struct connection *connection)
{
    if (!loop)
        return;
    connection->event = event_new(loop, connection->fd, EV_READ | EV_PERSIST, on_readable, connection);
    event_add(connection->event, NULL);
}

static void unwatch(struct connection *connection)
{
    if (connection->event)
        event_free(connection->event);
    connection->event = NULL;
}

static void close_connection(struct connection *connection)
{
    LIST_REMOVE(connection, link);
    connection->runner->count--;
    unwatch(connection);
    agenda_strike(connection->answer);
    close(connection->fd);
    free(connection);
}

static void close_all(struct runner *runner)
{
    while (!LIST_EMPTY(&runner->connections))
        close_connection(LIST_FIRST(&runner->connections));
}

/* Dials soon, unless it has the connections that it wants. */
static void fill(struct runner *runner, unsigned delay_ms)
{
    unsigned pause_ms = runner->refusals < REFUSALS_MAX ? runner->refusals * DIAL_AGAIN_MS : DIAL_PAUSE_MS;
    if (runner->count < runner->wanted && !runner->next)
        runner->next = agenda_add(delay_ms + pause_ms, dial, runner);
}

/* -1: nobody listens. */
static int connect_to_host(const struct runner *runner)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%.90s/host.sock", runner->place->run_dir);
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return -1;
    return fcntl(fd, F_DUPFD_CLOEXEC, OWN_DESCRIPTORS);
}

static void dial(void *context)
{
    struct runner *runner = context;
    runner->next = NULL;
    int fd = connect_to_host(runner);
    if (fd < 0) {
        fill(runner, DIAL_AGAIN_MS);
        return;
    }
    struct connection *connection = xcalloc(1, sizeof(*connection));
    connection->runner = runner;
    connection->fd = fd;
    connection->dialled_ms = virtual_time_ms();
    LIST_INSERT_HEAD(&runner->connections, connection, link);
    runner->count++;
    watch(connection);
    fill(runner, chance_skewed(&sim.chance, 0, 20));
}

/* --- what it is sent --- */

static void send_text(const struct connection *connection, const char *text)
{
    ssize_t sent = send(connection->fd, text, strlen(text), MSG_NOSIGNAL);
    (void)sent; /* who has gone needs no answer */
}

static void say(const struct connection *connection, int status, const char *body)
{
    cleanup_free char *text =
        xasprintf("HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body), body);
    send_text(connection, text);
}

/* What its file says: "good NAME VERSION" or "bad NAME VERSION". False: there is none such. */
static bool read_code(struct runner *runner)
{
    cleanup_free char *path = xasprintf("%s/" CODE_FILE, runner->place->code_dir);
    cleanup_free char *text = files_read(path);
    char *rest = text;
    const char *word = strsep(&rest, " "), *name = strsep(&rest, " "), *version = strsep(&rest, " ");
    if (!text || !version)
        return false;
    runner->is_bad = strcmp(word, "bad") == 0;
    runner->version = (unsigned)strtoul(version, NULL, 10);
    snprintf(runner->function, sizeof(runner->function), "%s", name);
    return true;
}

static void take_settings(struct runner *runner, const char *text)
{
    json_t *settings = json_loads(text, 0, NULL);
    const char *function = json_string_value(json_object_get(settings, "function"));
    runner->concurrency = (unsigned)json_integer_value(json_object_get(settings, "concurrency"));
    runner->reports = json_is_true(json_object_get(settings, "report_modules"));
    if (!function || runner->concurrency == 0)
        trace_violation("%s was sent settings that are none", runner->place->id);
    if (!read_code(runner))
        trace_violation("%s is to load %s, and has no code", runner->place->id, function);
    if (strcmp(function, runner->function) != 0)
        trace_violation("%s is to load %s, and has the code of %s", runner->place->id, function,
                        runner->function);
    if (*runner->libraries && strcmp(function, runner->libraries) != 0)
        trace_violation("%s is to load %s, and has the libraries of %s", runner->place->id, function,
                        runner->libraries);
    json_decref(settings);
}

/* Every second function has a library, which is its own. */
static char *report(const struct runner *runner)
{
    const bool has_some = runner->reports && runner->function[1] % 2 == 1;
    return has_some ? xasprintf("{\"modules\":[{\"name\":\"" LIBRARY "%s\",\"ms\":80.5}]}", runner->function)
                    : xstrdup(runner->reports ? "{\"modules\":[]}" : "{}");
}

static void serve(struct connection *connection)
{
    struct runner *runner = connection->runner;
    bool is_half = chance_in_1000(&sim.chance, sim.weather.half);
    runner->loaded = true;
    runner->wanted = is_half ? 1 : runner->concurrency;
    if (is_half)
        trace_fault(FAULT_LOADS, "%s opens one connection of %u", runner->place->id, runner->concurrency);
    cleanup_free char *told = report(runner);
    say(connection, 200, told);
    fill(runner, chance_skewed(&sim.chance, 0, 100));
}

static void exit_now(struct runner *runner, int exit_code)
{
    runner->exited(runner->owner, exit_code);
}

/* The function does not load, or its libraries, in one of many ways. */
static void fail_to_load(struct connection *connection, const char *what)
{
    struct runner *runner = connection->runner;
    unsigned how = chance_below(&sim.chance, 5);
    trace_fault(FAULT_LOADS, "%s does not load %s (%u)", runner->place->id, what, how);
    if (how == 0)
        say(connection, 500, "{\"error\":\"ImportError\",\"traceback\":\"a\\nImportError\"}");
    else if (how == 1)
        send_text(connection, "what is that?\r\n\r\n");
    else if (how == 2)
        exit_now(runner, 3);
    else if (how == 3)
        close_all(runner);
    /* else it says nothing */
}

/* Whose libraries it is to load. That of one function does more than load; some runners know nothing of it.
 */
static void take_libraries(struct runner *runner, const char *settings)
{
    const char *name = strstr(settings, LIBRARY);
    if (runner->loaded || *runner->libraries || !name)
        trace_violation("%s is to load libraries: %s", runner->place->id, settings);
    name += strlen(LIBRARY);
    snprintf(runner->libraries, sizeof(runner->libraries), "%.*s", (int)strcspn(name, "\""), name);
}

static void load_libraries(struct connection *connection, const char *settings)
{
    struct runner *runner = connection->runner;
    take_libraries(runner, settings);
    bool has_effect = strcmp(runner->libraries, "f3") == 0;
    if (chance_in_1000(&sim.chance, sim.weather.bad_load))
        fail_to_load(connection, "libraries");
    else if (has_effect)
        say(connection, 200,
            "{\"prewarmed\":true,\"modules\":[],\"effects\":[{\"module\":\"" LIBRARY
            "f3\",\"effect\":\"starts a thread\"}]}");
    else
        say(connection, 200, "{\"prewarmed\":true,\"modules\":[],\"effects\":[]}");
}

static bool is_prewarm(const struct connection *connection)
{
    return strncmp(connection->request, PREWARM, strlen(PREWARM)) == 0;
}

static void answer(void *context)
{
    struct connection *connection = context;
    struct runner *runner = connection->runner;
    connection->answer = NULL;
    const char *settings = strstr(connection->request, "\r\n\r\n") + 4;
    if (is_prewarm(connection)) {
        load_libraries(connection, settings);
        return;
    }
    if (runner->loaded) {
        say(connection, 200, chance_in_1000(&sim.chance, 200) ? "{\"working\":true}" : "{}");
        return;
    }
    take_settings(runner, settings);
    if (runner->is_bad)
        say(connection, 500, "{\"error\":\"it is bad\",\"traceback\":\"a\\nit is bad\"}");
    else if (chance_in_1000(&sim.chance, sim.weather.bad_load))
        fail_to_load(connection, runner->function);
    else
        serve(connection);
}

static bool is_whole(const struct connection *connection)
{
    const char *end = strstr(connection->request, "\r\n\r\n");
    const char *field = strstr(connection->request, "Content-Length: ");
    if (!end || !field)
        return false;
    size_t body = strtoul(field + strlen("Content-Length: "), NULL, 10);
    return connection->length >= (size_t)(end + 4 - connection->request) + body;
}

/* The host has closed it: it is opened anew, once what was under way on it is through. */
static void lose(struct connection *connection)
{
    struct runner *runner = connection->runner;
    bool is_refused = virtual_time_ms() < connection->dialled_ms + REFUSED_MS;
    runner->refusals = is_refused ? runner->refusals + 1 : 0;
    close_connection(connection);
    fill(runner, chance_skewed(&sim.chance, 0, 1500));
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct connection *connection = context;
    ssize_t size =
        recv(fd, connection->request + connection->length, REQUEST_MAX - 1 - connection->length, 0);
    if (size < 0 && errno == EAGAIN)
        return;
    if (size <= 0) {
        lose(connection);
        return;
    }
    connection->length += (size_t)size;
    connection->request[connection->length] = '\0';
    if (!is_whole(connection))
        return;
    connection->length = 0;
    connection->answer =
        agenda_add(chance_skewed(&sim.chance, 1, sim.weather.slow ? 4000 : 800), answer, connection);
}

/* --- its life --- */

static void exit_at_once(void *context)
{
    struct runner *runner = context;
    runner->next = NULL;
    exit_now(runner, 1);
}

static void open_port(void *context)
{
    struct runner *runner = context;
    runner->next = NULL;
    if (runner->is_bad)
        exit_now(runner, 1);
    else
        runner->loaded = true;
}

static void start_well(struct runner *runner)
{
    unsigned delay_ms = chance_skewed(&sim.chance, 1, sim.weather.slow ? 3000 : 400);
    if (!runner->place->is_server)
        fill(runner, delay_ms);
    else if (!read_code(runner))
        trace_violation("the server %s has no code", runner->place->id);
    else
        runner->next = agenda_add(delay_ms, open_port, runner);
}

struct runner *runner_start(const struct runner_place *place, runner_exit_fn *exited, void *owner)
{
    struct runner *runner = xcalloc(1, sizeof(*runner));
    *runner = (struct runner){.place = place, .exited = exited, .owner = owner, .wanted = 1};
    LIST_INSERT_HEAD(&all, runner, link);
    if (!chance_in_1000(&sim.chance, sim.weather.bad_start)) {
        start_well(runner);
    } else if (chance_in_1000(&sim.chance, 500)) {
        trace_fault(FAULT_STARTS, "%s ends at once", place->id);
        runner->next = agenda_add(chance_skewed(&sim.chance, 0, 200), exit_at_once, runner);
    } else {
        trace_fault(FAULT_STARTS, "the runner of %s never comes", place->id);
    }
    return runner;
}

void runner_end(struct runner *runner)
{
    if (!runner)
        return;
    close_all(runner);
    agenda_strike(runner->next);
    LIST_REMOVE(runner, link);
    free(runner);
}

void runner_hang_up(struct runner *runner, bool all_of_them)
{
    bool never_again = runner->loaded && chance_in_1000(&sim.chance, 300);
    if (all_of_them)
        close_all(runner);
    else if (!LIST_EMPTY(&runner->connections))
        close_connection(LIST_FIRST(&runner->connections));
    if (never_again)
        runner->wanted = runner->count;
    fill(runner, chance_skewed(&sim.chance, 0, 1500));
}

const char *runner_function(const struct runner *runner)
{
    return runner->loaded ? runner->function : "";
}

unsigned runner_version(const struct runner *runner)
{
    return runner->version;
}

unsigned runner_concurrency(const struct runner *runner)
{
    return runner->concurrency;
}

void runners_attach(struct event_base *base)
{
    struct runner *runner;
    struct connection *connection;
    loop = base;
    LIST_FOREACH(runner, &all, link)
    {
        LIST_FOREACH(connection, &runner->connections, link)
        {
            unwatch(connection);
            watch(connection);
        }
    }
}
