/*
 * The real gateway without Docker: routes come from the command line, slots are connections to unix sockets,
 * or room on a server at 127.0.0.1:PORT, which is written in the place of a socket's path.
 * For tests and benchmarks. Commands on standard input, one a line; answers on standard output.
 *
 *     gateway_driver [--listen A:P] [--workers N] [--set NAME=VALUE]... [--timeout MS] [--log debug]
 *                    [--stream-idle MS] [--request-buffering off] [--io-uring off] [--trust ADDRESSES]
 *                    [--records keep]
 *                    [--route NAME=SOCKET:SLOTS]... [--broken NAME=MESSAGE]...
 *                    [--desk SOCKET] [--no-desk MESSAGE] [--calls-door SOCKET] [--take PATH]
 *
 *     stats              one JSON object: the rows of the metrics page by name and class, and more
 *     records            with `--records keep`: those of the requests that have ended since the last time
 *     counts NAME        the pool's counters as JSON
 *     retire NAME        ends the instance as a scale-down would, and makes no new one
 *     revive NAME        connects a new instance
 *     replace NAME=SOCKET:SLOTS   a new revision takes over, the old one drains
 *     fail NAME          fails the requests that wait
 *     drain              as on SIGTERM: finishes what is under way, then exits 0
 *     hold               begins no request, as when another daemon is about to take over
 *     pass PATH          passes clients on to the driver with `--take PATH`; exits 0 when none is left
 */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "config/setting_networks.h"
#include "gateway/access_log.h"
#include "gateway/gateway.h"
#include "routing/slot_group.h"
#include "routing/slot_wait.h"

#include "driver_passing.h"
#include "driver_record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define ROUTES_MAX  64
#define CONNECT_MS  10
#define RETIRED_MAX 4096

struct driven_route {
    char *name;
    char *socket_path;
    unsigned slots;
    struct slot_pool *pool;
    struct slot_group *group; /* NULL: retired */
    uint64_t instance;
    char *problem;
    bool is_private;
    struct call_book *calls; /* of all its instances */
    struct door *door; /* NULL: none is open */
};

struct driver {
    struct host_settings settings;
    struct route_table *table;
    struct gateway *gateway;
    struct driven_route routes[ROUTES_MAX];
    unsigned route_count;
    struct function_settings function; /* of every route */
    bool without_io_uring;
    uint64_t next_instance, next_revision;
    int wake_fd;
    _Atomic uint64_t timed_out[RETIRED_MAX];
    _Atomic unsigned timed_out_count;
    unsigned timed_out_done;
    _Atomic bool drained, terminated;
    sem_t held; /* by every worker */
    bool draining;
    _Atomic unsigned demands;
    json_t *records; /* NULL: they are not kept */
    const char *desk, *no_desk, *calls_door, *take; /* NULL: not said */
};

static struct driver driver;

static void wake(void)
{
    ssize_t size = write(driver.wake_fd, &(uint64_t){1}, sizeof(uint64_t));
    (void)size;
}

static void on_timed_out(void *context, uint64_t instance)
{
    (void)context;
    unsigned at = atomic_fetch_add(&driver.timed_out_count, 1);
    if (at < RETIRED_MAX)
        atomic_store(&driver.timed_out[at], instance);
    wake();
}

static void on_gateway_held(void *context)
{
    (void)context;
    sem_post(&driver.held);
}

static void on_gateway_drained(void *context)
{
    (void)context;
    atomic_store(&driver.drained, true);
    wake();
}

static void on_demand(void *context)
{
    (void)context;
    atomic_fetch_add(&driver.demands, 1);
}

static void on_records(void *context)
{
    (void)context;
    wake();
}

static void on_terminate(int number)
{
    (void)number;
    atomic_store(&driver.terminated, true);
}

struct setting_name {
    const char *name;
    size_t offset;
    bool wide;
};

#define SETTING(member, is_wide) #member, offsetof(struct host_settings, member), is_wide

static const struct setting_name setting_names[] = {
    {SETTING(max_head_bytes, false)},      {SETTING(max_target_bytes, false)},
    {SETTING(max_headers, false)},         {SETTING(max_body_bytes, true)},
    {SETTING(head_timeout_ms, false)},     {SETTING(keep_alive_timeout_ms, false)},
    {SETTING(body_timeout_ms, false)},     {SETTING(max_connections, false)},
    {SETTING(queue_length, false)},        {SETTING(queue_timeout_ms, false)},
    {SETTING(request_buffer_bytes, true)}, {SETTING(answer_buffer_bytes, true)},
    {SETTING(buffer_memory_bytes, true)},  {SETTING(min_rate_bytes, true)},
    {SETTING(slow_request_ms, false)},     {SETTING(max_connections_per_address, false)},
    {SETTING(call_depth, false)},
};

static void die(const char *what)
{
    fprintf(stderr, "gateway_driver: %s\n", what);
    exit(2);
}

/* Cuts "NAME=REST" in two. */
static char *split(char *text, char at)
{
    char *found = strrchr(text, at);
    if (!found)
        die("an argument is incomplete");
    *found = '\0';
    return found + 1;
}

static void set_setting(const char *argument)
{
    char *name = xstrdup(argument);
    unsigned long long value = strtoull(split(name, '='), NULL, 10);
    for (size_t i = 0; i < sizeof(setting_names) / sizeof(*setting_names); i++) {
        char *member = (char *)&driver.settings + setting_names[i].offset;
        if (strcmp(setting_names[i].name, name) != 0)
            continue;
        if (setting_names[i].wide)
            *(uint64_t *)member = value;
        else
            *(unsigned *)member = (unsigned)value;
        free(name);
        return;
    }
    die("unknown setting");
}

/* Connects one slot; false when the backend does not take it now. */
static bool connect_slot(struct driven_route *route)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", route->socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    slot_group_add_slot(route->group, fd, clock_ms());
    return true;
}

/* Whether its slots are connected by those who use them. */
static bool has_address(const struct driven_route *route)
{
    return !strchr(route->socket_path, '/');
}

static void add_rooms(const struct driven_route *route)
{
    const char *colon = strrchr(route->socket_path, ':');
    struct slot_address address = {.length = sizeof(struct sockaddr_in)};
    struct sockaddr_in *socket = (struct sockaddr_in *)&address.socket;
    socket->sin_family = AF_INET;
    socket->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socket->sin_port = htons((uint16_t)strtoul(colon ? colon + 1 : "0", NULL, 10));
    slot_group_add_rooms(route->group, &address, route->slots, clock_ms());
}

static void start_instance(struct driven_route *route)
{
    route->instance = ++driver.next_instance;
    route->group = slot_group_create(route->pool, route->instance);
    slot_group_set_calls(route->group, route->calls);
    if (has_address(route))
        add_rooms(route);
}

/* What a runner does: opens its connections, and anew when they are closed. */
static void keep_connected(struct driven_route *route)
{
    unsigned slots, busy;
    uint64_t idle_since_ms;
    if (!route->group || has_address(route))
        return;
    slot_group_usage(route->group, &slots, &busy, &idle_since_ms);
    while (slots < route->slots && connect_slot(route))
        slots++;
}

static void publish(void)
{
    struct route_snapshot *snapshot = route_snapshot_create();
    for (unsigned i = 0; i < driver.route_count; i++) {
        struct driven_route *from = &driver.routes[i];
        struct route route = {.name = from->name,
                              .pool = from->pool,
                              .is_private = from->is_private,
                              .limits = route_limits_make(&driver.settings, &driver.function)};
        struct kept_error *problem = NULL;
        struct error err;
        if (from->problem) {
            error_set(&err, ERROR_INVALID_FUNCTION, "%s", from->problem);
            error_replace(&problem, &err);
        }
        route.problem = problem;
        route_snapshot_add(snapshot, &route);
        free(problem);
    }
    route_table_publish(driver.table, snapshot);
}

static struct slot_pool *make_pool(void)
{
    const struct slot_pool_hooks hooks = {.demand = on_demand};
    return slot_pool_create(&hooks);
}

static void set_backend(struct driven_route *route, const char *backend)
{
    free(route->socket_path);
    route->socket_path = xstrdup(backend);
    route->slots = (unsigned)strtoul(split(route->socket_path, ':'), NULL, 10);
    route->pool = make_pool();
    slot_pool_set_revision(route->pool, ++driver.next_revision);
    start_instance(route);
}

static struct driven_route *add_route(const char *argument, char **ret_rest)
{
    if (driver.route_count == ROUTES_MAX)
        die("too many routes");
    struct driven_route *route = &driver.routes[driver.route_count++];
    route->name = xstrdup(argument);
    route->calls = call_book_create();
    char *equals = strchr(route->name, '=');
    if (!equals)
        die("a route is NAME=...");
    *equals = '\0';
    *ret_rest = equals + 1;
    return route;
}

static struct driven_route *find_route(const char *name)
{
    for (unsigned i = 0; i < driver.route_count; i++) {
        if (strcmp(driver.routes[i].name, name) == 0)
            return &driver.routes[i];
    }
    die("unknown route");
    return NULL;
}

/* --- commands --- */

static void say_stats(char *argument)
{
    (void)argument;
    uint64_t sums[COUNTER_COUNT];
    gateway_counts(driver.gateway, sums);
    putchar('{');
    for (size_t i = 0; i < COUNTER_COUNT; i++)
        printf("\"%s%s%s\":%" PRIu64 ",", counter_rows[i].metric, counter_rows[i].class ? " " : "",
               counter_rows[i].class ? counter_rows[i].class : "", sums[i]);
    printf("\"timed_out\":%u,\"demands\":%u}\n", atomic_load(&driver.timed_out_count),
           atomic_load(&driver.demands));
}

static void take_record(const struct request_record *record, void *context)
{
    (void)context;
    static struct access_log log;
    access_log_write(&log, record, &driver.settings, record->times.end_ns);
    if (driver.records)
        json_array_append_new(driver.records, driver_record_json(record));
}

static void say_records(char *argument)
{
    (void)argument;
    gateway_take_records(driver.gateway, take_record, NULL);
    json_dumpf(driver.records, stdout, JSON_COMPACT);
    putchar('\n');
    json_array_clear(driver.records);
}

static void say_counts(char *argument)
{
    struct slot_counts counts;
    slot_pool_counts(find_route(argument)->pool, &counts);
    printf("{\"idle\":%u,\"busy\":%u,\"waiting\":%u,\"instances\":%u,\"completed\":%" PRIu64
           ",\"refused\":%" PRIu64 ",\"service_us\":%" PRIu64 "}\n",
           counts.idle, counts.busy, counts.waiting, counts.instances, counts.completed, counts.refused,
           counts.service_us);
}

static void retire(char *argument)
{
    struct driven_route *route = find_route(argument);
    bool done = route->group && slot_group_retire(route->group, RETIRE_IF_IDLE);
    if (done)
        route->group = NULL;
    printf("{\"done\":%s}\n", done ? "true" : "false");
}

static void revive(char *argument)
{
    struct driven_route *route = find_route(argument);
    if (!route->group)
        start_instance(route);
    puts("{}");
}

static void replace(char *argument)
{
    char *backend = strchr(argument, '=');
    if (!backend)
        die("replace NAME=SOCKET:SLOTS");
    *backend++ = '\0';
    struct driven_route *route = find_route(argument);
    struct slot_pool *old = route->pool;
    struct slot_group *old_group = route->group;
    set_backend(route, backend);
    publish();
    slot_pool_replace(old, route->pool);
    if (old_group)
        slot_group_retire(old_group, RETIRE_DRAIN);
    slot_pool_unref(old);
    puts("{}");
}

static void fail(char *argument)
{
    struct error error;
    error_set(&error, ERROR_LOAD_FAILED, "The function cannot load: as the test wants it.");
    printf("{\"failed\":%u}\n", slot_pool_fail_waiters(find_route(argument)->pool, &error));
}

/* By a command, by SIGTERM, or by both, the first of which counts. */
static void begin_drain(void)
{
    if (!driver.draining)
        gateway_drain(driver.gateway);
    driver.draining = true;
}

/* Opens the door of a function's instance at a free port of this machine. */
static void open_door(char *argument)
{
    struct driven_route *route = find_route(argument);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, 128) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        die("cannot listen");
    const struct doors *doors = gateway_doors(driver.gateway);
    const struct door_spec spec = {
        .fd = fd, .function = route->name, .instance = route->instance, .calls = route->calls};
    route->door = doors->open(doors->context, &spec);
    printf("{\"port\":%u}\n", ntohs(address.sin_port));
}

static void close_door(struct driven_route *route)
{
    const struct doors *doors = gateway_doors(driver.gateway);
    if (route->door)
        doors->close(doors->context, route->door);
    route->door = NULL;
}

static void shut(char *argument)
{
    close_door(find_route(argument));
    puts("{}");
}

static void hold(char *argument)
{
    (void)argument;
    gateway_hold(driver.gateway);
    while (sem_wait(&driver.held) < 0)
        continue;
    puts("{}");
}

static void pass(char *argument)
{
    if (driver_find_next(argument) < 0)
        die(argument);
    gateway_pass(driver.gateway);
    driver.draining = true;
    printf("{}\n");
}

static void drain(char *argument)
{
    (void)argument;
    begin_drain();
    puts("{}");
}

static const struct {
    const char *name;
    void (*run)(char *argument);
} commands[] = {{"stats", say_stats}, {"records", say_records}, {"counts", say_counts}, {"retire", retire},
                {"revive", revive},   {"replace", replace},     {"fail", fail},         {"drain", drain},
                {"hold", hold},       {"pass", pass},           {"door", open_door},    {"shut", shut}};

static void run_command(char *line)
{
    line[strcspn(line, "\n")] = '\0';
    char *argument = line + strcspn(line, " ");
    if (*argument)
        *argument++ = '\0';
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        if (strcmp(commands[i].name, line) == 0)
            commands[i].run(argument);
    }
    fflush(stdout);
}

/* --- the loop --- */

static void retire_timed_out(void)
{
    unsigned count = atomic_load(&driver.timed_out_count);
    for (; driver.timed_out_done < count && driver.timed_out_done < RETIRED_MAX; driver.timed_out_done++) {
        uint64_t instance = atomic_load(&driver.timed_out[driver.timed_out_done]);
        for (unsigned i = 0; i < driver.route_count; i++) {
            struct driven_route *route = &driver.routes[i];
            if (!route->group || route->instance != instance)
                continue;
            slot_group_retire(route->group, RETIRE_DRAIN);
            start_instance(route);
        }
    }
}

static void serve(void)
{
    struct pollfd polled[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                               {.fd = driver.wake_fd, .events = POLLIN}};
    char line[4096];
    while (!atomic_load(&driver.drained)) {
        poll(polled, 2, CONNECT_MS);
        uint64_t count;
        if (polled[1].revents && read(driver.wake_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
            return;
        if (polled[0].revents & POLLIN) {
            if (fgets(line, sizeof(line), stdin))
                run_command(line);
            else
                polled[0].fd = -1;
        } else if (polled[0].revents) {
            polled[0].fd = -1;
        }
        if (atomic_exchange(&driver.terminated, false))
            begin_drain();
        retire_timed_out();
        gateway_take_records(driver.gateway, take_record, NULL);
        if (!gateway_await_records(driver.gateway, true))
            wake();
        for (unsigned i = 0; i < driver.route_count; i++)
            keep_connected(&driver.routes[i]);
    }
}

/* For this thread and those it starts, as on a kernel without it. */
static void deny_io_uring(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = sizeof(filter) / sizeof(*filter), .filter = filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
        die("cannot deny io_uring");
}

/* The proxies of this text in place of the usual ones; empty: none. */
static void trust(const char *text)
{
    network_list_clear(&driver.settings.trusted_proxies);
    if (*text)
        setting_networks_default(text, &driver.settings.trusted_proxies);
}

static void parse(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--set") == 0)
            set_setting(argv[i + 1]);
    }
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *option = argv[i];
        char *value = argv[i + 1], *rest;
        if (strcmp(option, "--listen") == 0)
            driver.settings.listen = value;
        else if (strcmp(option, "--workers") == 0)
            driver.settings.workers = (unsigned)strtoul(value, NULL, 10);
        else if (strcmp(option, "--timeout") == 0)
            driver.function.timeout_ms = (unsigned)strtoul(value, NULL, 10);
        else if (strcmp(option, "--stream-idle") == 0)
            driver.function.stream_idle_ms = (unsigned)strtoul(value, NULL, 10);
        else if (strcmp(option, "--request-buffering") == 0)
            driver.function.request_buffering = strcmp(value, "off") != 0;
        else if (strcmp(option, "--log") == 0)
            log_configure(value[0] == 'd' ? LOG_DEBUG : LOG_INFO, LOG_TEXT);
        else if (strcmp(option, "--io-uring") == 0 && strcmp(value, "off") == 0)
            driver.without_io_uring = true;
        else if (strcmp(option, "--route") == 0)
            set_backend(add_route(value, &rest), strchr(value, '=') + 1);
        else if (strcmp(option, "--private") == 0)
            find_route(value)->is_private = true;
        else if (strcmp(option, "--records") == 0)
            driver.records = json_array();
        else if (strcmp(option, "--trust") == 0)
            trust(value);
        else if (strcmp(option, "--desk") == 0)
            driver.desk = value;
        else if (strcmp(option, "--no-desk") == 0)
            driver.no_desk = value;
        else if (strcmp(option, "--calls-door") == 0)
            driver.calls_door = value;
        else if (strcmp(option, "--take") == 0)
            driver.take = value;
        else if (strcmp(option, "--broken") == 0)
            add_route(value, &rest)->problem = strchr(value, '=') + 1;
        else if (strcmp(option, "--set") != 0)
            die("unknown option");
    }
}

/* On a thread of its own: a filter costs every system call of its threads a little, and those that serve are
 * not to pay. */
static void *create_gateway(void *unused)
{
    (void)unused;
    struct error err;
    const struct gateway_hooks hooks = {.instance_timed_out = on_timed_out,
                                        .records = on_records,
                                        .held = on_gateway_held,
                                        .drained = on_gateway_drained,
                                        .passed = driver_pass_client};
    if (driver.without_io_uring)
        deny_io_uring();
    sem_init(&driver.held, 0, 0);
    if (gateway_create(&driver.settings, NULL, driver.table, &hooks, &driver.gateway, &err) < 0)
        die(err.message);
    return NULL;
}

static void set_calls(void)
{
    struct error err;
    if (driver.desk && gateway_set_desk(driver.gateway, driver.desk, &err) < 0)
        die(err.message);
    if (driver.calls_door && gateway_open_calls_door(driver.gateway, driver.calls_door, &err) < 0)
        die(err.message);
    if (!driver.no_desk)
        return;
    error_set(&err, ERROR_IO, "%s", driver.no_desk);
    gateway_set_no_desk(driver.gateway, &err);
}

static void clean_up(void)
{
    for (unsigned i = 0; i < driver.route_count; i++)
        close_door(&driver.routes[i]);
    gateway_stop(driver.gateway, take_record, NULL);
    gateway_destroy(driver.gateway);
    json_decref(driver.records);
    route_table_destroy(driver.table);
    for (unsigned i = 0; i < driver.route_count; i++) {
        if (driver.routes[i].group)
            slot_group_retire(driver.routes[i].group, RETIRE_DRAIN);
        slot_pool_unref(driver.routes[i].pool);
        call_book_unref(driver.routes[i].calls);
        free(driver.routes[i].socket_path);
        free(driver.routes[i].name);
    }
    network_list_clear(&driver.settings.trusted_proxies);
    close(driver.wake_fd);
}

int main(int argc, char **argv)
{
    struct error err;
    driver.settings = (struct host_settings){
        .listen = "127.0.0.1:0",
        .workers = 1,
        .max_head_bytes = 16384,
        .max_target_bytes = 8192,
        .max_headers = 100,
        .max_body_bytes = UINT64_C(1) << 40,
        .head_timeout_ms = 10000,
        .keep_alive_timeout_ms = 75000,
        .body_timeout_ms = 60000,
        .max_connections = 20000,
        .call_depth = 16,
        .queue_length = 1000,
        .queue_timeout_ms = 60000,
        .request_buffer_bytes = UINT64_C(64) << 10,
        .answer_buffer_bytes = UINT64_C(1) << 20,
        .buffer_memory_bytes = UINT64_C(64) << 20,
        .min_rate_bytes = 1024,
    };
    driver.function.timeout_ms = 60000;
    driver.function.stream_idle_ms = 300000;
    driver.function.request_buffering = true;
    trust("127.0.0.0/8, ::1");
    driver.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    driver.table = route_table_create();
    setvbuf(stdin, NULL, _IONBF, 0);
    parse(argc, argv);
    publish();
    pthread_t creator;
    if (pthread_create(&creator, NULL, create_gateway, NULL) != 0)
        die("cannot start a thread");
    pthread_join(creator, NULL);
    set_calls();
    if (gateway_start(driver.gateway, &err) < 0)
        die(err.message);
    if (driver.take && driver_take_clients(driver.take, driver.gateway) < 0)
        die(driver.take);
    signal(SIGTERM, on_terminate);
    for (unsigned i = 0; i < driver.route_count; i++)
        keep_connected(&driver.routes[i]);
    printf("%s\n", gateway_address(driver.gateway));
    fflush(stdout);
    serve();
    clean_up();
    return 0;
}
