#include "firewall/firewall.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/timer.h"
#include "base/unix_socket.h"
#include "docker/docker.h"
#include "firewall/firewall_container.h"
#include "firewall/firewall_message.h"
#include "firewall/firewall_process.h"
#include "firewall/reach_rules.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define RETRY_FIRST_MS 500 /* doubling */
#define RETRY_MOST_MS  60000
#define CONNECT_MS     60000 /* for a program in a container to be there */
#define END_MS         5000 /* for the program to remove the table */
#define SOCKET_NAME    "host.sock"

/* Something that was sent and is not answered yet. */
struct asked {
    STAILQ_ENTRY(asked) link;
    firewall_changed_fn *done; /* of a change; NULL: it was the table, or nobody wants to know */
    void *owner;
    bool is_table;
};

STAILQ_HEAD(asked_list, asked);

struct firewall {
    struct firewall_options options;
    struct firewall_hooks hooks;
    char *table, *socket_dir;
    char *usual; /* see firewall_set() */
    char *rules, *interface; /* NULL: nothing has been asked for */
    struct firewall_process process;
    struct firewall_container *container;
    struct event *listener; /* NULL: nobody is waited for */
    struct bufferevent *link; /* to the program; NULL: it is not there */
    struct asked_list asked;
    unsigned tables_asked; /* among them */
    struct event *retry;
    uint64_t pause_ms;
    bool is_begun; /* the program runs or is being started */
    bool was_refused; /* it could not do its work as a child */
    bool is_told; /* what is wrong has been logged */
    struct error trouble; /* valid when `holds` is false */
    bool holds;
};

static void begin(struct firewall *firewall);

/* --- what is known of the rules --- */

static void settle(struct firewall *firewall, const struct error *err)
{
    if (err && !firewall->is_told)
        log_warning("firewall.unavailable", LOG_ERR(err));
    else if (!err && !firewall->holds)
        log_info("firewall.ready", LOG_STR("by", firewall_maker(firewall)));
    firewall->is_told = err != NULL;
    firewall->holds = !err;
    if (err)
        firewall->trouble = *err;
    firewall->hooks.settled(firewall->hooks.context, err);
}

/* --- the end of a program --- */

static void stop_listening(struct firewall *firewall)
{
    if (!firewall->listener)
        return;
    close(event_get_fd(firewall->listener));
    event_free(firewall->listener);
    firewall->listener = NULL;
}

/* libevent closes the descriptor in a later turn of the loop, and the program's end is waited for in this
 * one. */
static void hang_up(struct firewall *firewall)
{
    if (!firewall->link)
        return;
    shutdown(bufferevent_getfd(firewall->link), SHUT_RDWR);
    bufferevent_free(firewall->link);
}

/* What was asked for will not be answered. */
static void fail_asked(struct firewall *firewall, const struct error *err)
{
    struct asked_list asked = STAILQ_HEAD_INITIALIZER(asked);
    struct asked *one;
    STAILQ_CONCAT(&asked, &firewall->asked);
    firewall->tables_asked = 0;
    while ((one = STAILQ_FIRST(&asked))) {
        STAILQ_REMOVE_HEAD(&asked, link);
        if (one->done && err)
            one->done(one->owner, err);
        free(one);
    }
}

static void let_go(struct firewall *firewall)
{
    hang_up(firewall);
    firewall->link = NULL;
    stop_listening(firewall);
    firewall_process_end(&firewall->process);
    firewall_container_end(firewall->container);
    firewall->container = NULL;
    firewall->is_begun = false;
}

/* The program has gone, or could not be had. */
static void lose(struct firewall *firewall, const struct error *err)
{
    struct error why = *err;
    firewall->was_refused = firewall->process.pid != 0;
    let_go(firewall);
    fail_asked(firewall, &why);
    uint64_t now_ms = clock_ms();
    timer_at(firewall->retry, now_ms + firewall->pause_ms, now_ms);
    firewall->pause_ms = firewall->pause_ms < RETRY_MOST_MS / 2 ? 2 * firewall->pause_ms : RETRY_MOST_MS;
    settle(firewall, &why);
}

static void on_retry(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct firewall *firewall = context;
    if (!firewall->is_begun) {
        begin(firewall);
    } else if (firewall->listener) {
        struct error err;
        error_set(&err, ERROR_FIREWALL_UNAVAILABLE,
                  "the firewall's program does not come up in its container");
        error_hint(&err, "docker logs berth-firewall-%s may say why", firewall->options.owner);
        lose(firewall, &err);
    }
}

/* --- what is said --- */

static void send_message(struct firewall *firewall, enum firewall_word word, const char *text, size_t size,
                         const struct asked *asked)
{
    const struct firewall_head head = {.word = word, .size = (uint32_t)size};
    struct asked *kept = xcalloc(1, sizeof(*kept));
    *kept = *asked;
    STAILQ_INSERT_TAIL(&firewall->asked, kept, link);
    firewall->tables_asked += asked->is_table;
    bufferevent_write(firewall->link, &head, sizeof(head));
    bufferevent_write(firewall->link, text, head.size);
}

/* With what its sets hold now, in one transaction. */
static void send_rules(struct firewall *firewall)
{
    cleanup_strbuf struct strbuf text;
    strbuf_init(&text, FIREWALL_TEXT_MAX);
    strbuf_append_text(&text, firewall->rules);
    if (firewall->hooks.fill)
        firewall->hooks.fill(firewall->hooks.context, &text);
    if (firewall->usual) {
        strbuf_append(&text, "", 1);
        strbuf_append_text(&text, firewall->usual);
    }
    send_message(firewall, FIREWALL_RULES, strbuf_text(&text), text.length,
                 &(struct asked){.is_table = true});
}

static void take_table(struct firewall *firewall, const struct error *err)
{
    if (!err) {
        firewall->pause_ms = RETRY_FIRST_MS;
        firewall->was_refused = false;
    }
    if (--firewall->tables_asked == 0) /* else there is a newer one on its way */
        settle(firewall, err);
}

static void take_answer(struct firewall *firewall, bool is_done, const char *text)
{
    struct error err;
    struct asked *first = STAILQ_FIRST(&firewall->asked);
    if (!first)
        return;
    struct asked asked = *first;
    STAILQ_REMOVE_HEAD(&firewall->asked, link);
    free(first);
    if (!is_done) {
        error_set(&err, ERROR_FIREWALL_UNAVAILABLE, "the firewall's rules cannot be made: %s", text);
        error_hint(&err,
                   "the kernel has to have nf_tables with inet tables, conntrack and reject; iptables alone "
                   "will not do");
    }
    if (asked.is_table)
        take_table(firewall, is_done ? NULL : &err);
    else if (asked.done)
        asked.done(asked.owner, is_done ? NULL : &err);
}

static void take(struct firewall *firewall, const struct firewall_head *head, const char *text)
{
    if (head->word == FIREWALL_LOST) {
        log_warning("firewall.changed", LOG_STR("table", firewall->table),
                    LOG_STR("hint", "somebody has changed the daemon's rules: they are made again"));
        send_rules(firewall);
    } else {
        take_answer(firewall, head->word == FIREWALL_DONE, text);
    }
}

static void on_readable(struct bufferevent *link, void *context)
{
    struct firewall *firewall = context;
    struct evbuffer *input = bufferevent_get_input(link);
    struct firewall_head head;
    while (firewall->link == link && evbuffer_copyout(input, &head, sizeof(head)) == sizeof(head)) {
        if (evbuffer_get_length(input) < sizeof(head) + head.size)
            return;
        cleanup_free char *text = xcalloc(1, (size_t)head.size + 1);
        evbuffer_drain(input, sizeof(head));
        evbuffer_remove(input, text, head.size);
        take(firewall, &head, text);
    }
}

static void on_link_end(struct bufferevent *link, short what, void *context)
{
    (void)link, (void)what;
    struct error err;
    error_set(&err, ERROR_FIREWALL_UNAVAILABLE, "the firewall's program has ended");
    error_hint(&err, "the daemon's log has what it wrote; it is started again");
    lose(context, &err);
}

static void join(struct firewall *firewall, int fd)
{
    firewall->link = bufferevent_socket_new(firewall->options.base, fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(firewall->link, on_readable, NULL, on_link_end, firewall);
    bufferevent_enable(firewall->link, EV_READ | EV_WRITE);
    send_rules(firewall);
}

/* --- the beginning of a program --- */

static void on_connection(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct firewall *firewall = context;
    int connection = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection < 0)
        return;
    stop_listening(firewall);
    evtimer_del(firewall->retry);
    join(firewall, connection);
}

static void on_container(void *context, const struct error *err)
{
    struct firewall *firewall = context;
    if (!err)
        return; /* it connects now */
    struct error why = *err;
    error_prefix(&why, "the firewall's container");
    lose(firewall, &why);
}

/* The folder above is the daemon's alone; the program, which is another user to it, sees this one only. */
static int listen_for_program(struct firewall *firewall, struct error *err)
{
    cleanup_free char *path = xasprintf("%s/" SOCKET_NAME, firewall->socket_dir);
    int fd;
    if (fs_make_dirs(firewall->socket_dir, 0755, err) < 0 ||
        unix_socket_listen(path, COMPONENT_FIREWALL, &fd, err) < 0)
        return -1;
    chmod(firewall->socket_dir, 0755);
    chmod(path, 0666);
    firewall->listener = event_new(firewall->options.base, fd, EV_READ | EV_PERSIST, on_connection, firewall);
    event_add(firewall->listener, NULL);
    return 0;
}

static int begin_container(struct firewall *firewall, struct error *err)
{
    const struct firewall_container_options options = {.docker = firewall->options.docker,
                                                       .owner = firewall->options.owner,
                                                       .program = firewall->options.program,
                                                       .table = firewall->table,
                                                       .socket_dir = firewall->socket_dir};
    if (listen_for_program(firewall, err) < 0)
        return -1;
    firewall->container = firewall_container_start(&options, on_container, firewall);
    uint64_t now_ms = clock_ms();
    timer_at(firewall->retry, now_ms + CONNECT_MS, now_ms);
    return 0;
}

static int begin_process(struct firewall *firewall, struct error *err)
{
    int fd;
    if (firewall_process_start(firewall->options.program, firewall->table, &firewall->process, &fd, err) < 0)
        return -1;
    join(firewall, fd);
    return 0;
}

static void begin(struct firewall *firewall)
{
    struct error err;
    bool as_child = !firewall->was_refused && firewall_process_can(firewall->interface);
    firewall->is_begun = true;
    if ((as_child ? begin_process(firewall, &err) : begin_container(firewall, &err)) < 0)
        lose(firewall, &err);
}

/* --- for who uses it --- */

struct firewall *firewall_create(const struct firewall_options *options, const struct firewall_hooks *hooks)
{
    struct firewall *firewall = xcalloc(1, sizeof(*firewall));
    firewall->options = *options;
    firewall->hooks = *hooks;
    firewall->table = xasprintf(REACH_TABLE_FORMAT, options->owner);
    firewall->socket_dir = xasprintf("%s/firewall", options->run_dir);
    firewall->process.pidfd = -1;
    STAILQ_INIT(&firewall->asked);
    firewall->pause_ms = RETRY_FIRST_MS;
    firewall->retry = evtimer_new(options->base, on_retry, firewall);
    error_set(&firewall->trouble, ERROR_FIREWALL_UNAVAILABLE, "the firewall's rules are not made yet");
    return firewall;
}

/* Sends what there is to be sent. */
static bool flush(struct firewall *firewall)
{
    struct evbuffer *output = bufferevent_get_output(firewall->link);
    struct pollfd room = {.fd = bufferevent_getfd(firewall->link), .events = POLLOUT};
    evbuffer_unfreeze(output, 1);
    while (evbuffer_get_length(output) > 0) {
        if (poll(&room, 1, END_MS) <= 0 || evbuffer_write(output, room.fd) < 0)
            return false;
    }
    return true;
}

/* Blocks: there is no event loop any more. */
static void remove_table(struct firewall *firewall)
{
    const struct firewall_head head = {.word = FIREWALL_END};
    evutil_socket_t fd = bufferevent_getfd(firewall->link);
    bufferevent_disable(firewall->link, EV_READ | EV_WRITE);
    if (!flush(firewall) || write(fd, &head, sizeof(head)) != sizeof(head))
        return;
    shutdown(fd, SHUT_WR);
    char rest[4096];
    struct pollfd end = {.fd = fd, .events = POLLIN};
    while (poll(&end, 1, END_MS) > 0 && read(fd, rest, sizeof(rest)) > 0)
        ;
}

void firewall_destroy(struct firewall *firewall, bool keep)
{
    if (!firewall)
        return;
    if (firewall->link && !keep)
        remove_table(firewall);
    let_go(firewall);
    fail_asked(firewall, NULL);
    event_free(firewall->retry);
    free(firewall->table);
    free(firewall->socket_dir);
    free(firewall->rules);
    free(firewall->usual);
    free(firewall->interface);
    free(firewall);
}

static void replace(char **slot, const char *text)
{
    free(*slot);
    *slot = text ? xstrdup(text) : NULL;
}

/* Whoever asks has reason to think that it works now: nobody waits for the next try. */
static void begin_anew(struct firewall *firewall)
{
    evtimer_del(firewall->retry);
    firewall->pause_ms = RETRY_FIRST_MS;
    begin(firewall);
}

void firewall_set(struct firewall *firewall, const char *rules, const char *usual, const char *interface)
{
    replace(&firewall->rules, rules);
    replace(&firewall->usual, usual);
    replace(&firewall->interface, interface);
    if (firewall->link)
        send_rules(firewall);
    else if (!firewall->is_begun)
        begin_anew(firewall);
}

void firewall_change(struct firewall *firewall, const char *commands, firewall_changed_fn *done, void *owner)
{
    if (firewall->link)
        send_message(firewall, FIREWALL_CHANGE, commands, strlen(commands),
                     &(struct asked){.done = done, .owner = owner});
    else
        done(owner, &firewall->trouble);
}

void firewall_forget(struct firewall *firewall, const void *owner)
{
    struct asked *asked;
    STAILQ_FOREACH(asked, &firewall->asked, link)
    {
        if (asked->owner == owner)
            asked->done = NULL;
    }
}

const struct error *firewall_trouble(const struct firewall *firewall)
{
    return firewall->holds ? NULL : &firewall->trouble;
}

const char *firewall_maker(const struct firewall *firewall)
{
    if (firewall->process.pid)
        return "itself";
    return firewall->link ? "a container" : "nobody";
}
