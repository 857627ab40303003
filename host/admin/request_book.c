#include "admin/request_book.h"

#include "admin/request_history.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "fleet/fleet.h"
#include "gateway/access_log.h"
#include "gateway/gateway.h"
#include "gateway/in_flight.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* After records have come, others are looked for in this time. So workers wake this thread for the first only
 * when requests come one by one, and never while they come in numbers. */
#define LOOK_MS  50

#define REPORT_S 1 /* the log says at most so often how many requests it has left out */

struct request_book {
    struct gateway *gateway; /* NULL: not open */
    const struct fleet *fleet;
    struct request_counts counts;
    struct request_history *history; /* or NULL */
    void (*keep)(const void *form, size_t size, void *context); /* in its place; or NULL */
    void *keep_context;
    struct clock_pair now; /* when the records were taken that are being taken */
    int wake_fd;
    struct event *wake, *look;
    struct access_log log;
    struct event *report;
    void (*ended)(const struct request_record *record, void *context); /* or NULL */
    void *context;
};

static bool is_known(const char *name, void *context)
{
    return fleet_function_find(context, name) != NULL;
}

/* For the revision that served it, if any did. */
static void count_for_revision(const struct request_book *book, const struct request_record *record)
{
    struct function *function =
        record->revision ? fleet_function_find(book->fleet, request_text(record, REQUEST_FUNCTION)) : NULL;
    bool failed = record->status >= 500 || record->end == REQUEST_CUT;
    if (function)
        function_count_request(function, record->revision, failed, book->now.wall_ns / 1000000);
}

static void hand_on(const struct request_book *book, const struct request_record *record)
{
    char form[REQUEST_NOTE_MAX];
    size_t size = request_note_write(record, &book->now, form);
    book->keep(form, size, book->keep_context);
}

static void take(const struct request_record *record, void *context)
{
    struct request_book *book = context;
    access_log_write(&book->log, record, fleet_host(book->fleet), book->now.monotonic_ns);
    request_counts_add(&book->counts, record);
    if (book->keep)
        hand_on(book, record);
    else
        request_history_add(book->history, record, &book->now);
    count_for_revision(book, record);
    if (book->ended)
        book->ended(record, book->context);
    if (request_counts_is_grown(&book->counts))
        request_counts_sweep(&book->counts, is_known, (void *)book->fleet);
}

static size_t take_all(struct request_book *book)
{
    book->now = clock_pair_now();
    size_t count = gateway_take_records(book->gateway, take, book);
    if (access_log_has_gap(&book->log) && !evtimer_pending(book->report, NULL))
        event_add(book->report, &(struct timeval){.tv_sec = REPORT_S});
    return count;
}

static void on_report(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct request_book *book = context;
    access_log_report(&book->log);
}

static void look(struct request_book *book)
{
    size_t count = take_all(book);
    const struct timeval soon = {.tv_usec = LOOK_MS * 1000};
    if (count > 0)
        event_add(book->look, &soon);
    if (!gateway_await_records(book->gateway, count > 0))
        request_book_wake(book);
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    uint64_t count;
    ssize_t size = read(fd, &count, sizeof(count));
    (void)size; /* nothing to read only says that somebody else has woken nobody */
    look(context);
}

static void on_look(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    look(context);
}

int request_book_create(struct event_base *base, struct request_book **ret_book, struct error *err)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return error_errno(err, COMPONENT_ADMIN, errno, "cannot make an eventfd");
    struct request_book *book = xcalloc(1, sizeof(*book));
    book->wake_fd = fd;
    book->wake = event_new(base, fd, EV_READ | EV_PERSIST, on_wake, book);
    book->look = evtimer_new(base, on_look, book);
    book->report = evtimer_new(base, on_report, book);
    *ret_book = book;
    return 0;
}

void request_book_wake(struct request_book *book)
{
    ssize_t size = write(book->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
    (void)size; /* fails only when the counter is full, and then the fd is readable anyway */
}

void request_book_open(struct request_book *book, struct gateway *gateway, const struct fleet *fleet,
                       struct request_history *history)
{
    book->gateway = gateway;
    book->fleet = fleet;
    book->history = history;
    event_add(book->wake, NULL);
    look(book);
}

/* --- those of daemons that were killed --- */

struct lost {
    struct request_book *book;
    unsigned count;
};

static void take_lost(const void *bytes, size_t size, int64_t shift_ns, void *context)
{
    struct lost *lost = context;
    struct request_book *book = lost->book;
    cleanup_free struct request_record *record =
        in_flight_read(bytes, size, shift_ns, book->now.monotonic_ns);
    if (!record)
        return;
    access_log_write(&book->log, record, fleet_host(book->fleet), book->now.monotonic_ns);
    request_history_add(book->history, record, &book->now);
    lost->count++;
}

void request_book_take_lost(struct request_book *book, const char *folder)
{
    struct error err;
    struct lost lost = {.book = book};
    book->now = clock_pair_now();
    if (flight_files_collect(folder, take_lost, &lost, &err) < 0)
        log_warning("requests.lost-unknown", LOG_ERR(&err));
    if (lost.count > 0)
        log_warning("requests.lost", LOG_INT("count", lost.count),
                    LOG_STR("hint", "a daemon was killed or crashed while they were under way; berth "
                                    "requests --failed lists them"));
}

struct request_counts *request_book_counts(struct request_book *book)
{
    if (book->gateway)
        take_all(book);
    return &book->counts;
}

const struct request_history *request_book_history(struct request_book *book)
{
    if (book->gateway)
        take_all(book);
    return book->history;
}

void request_book_follow(struct request_book *book,
                         void (*ended)(const struct request_record *record, void *context), void *context)
{
    book->ended = ended;
    book->context = context;
}

void request_book_hand_on(struct request_book *book,
                          void (*keep)(const void *form, size_t size, void *context), void *context)
{
    take_all(book);
    book->history = NULL;
    book->keep = keep;
    book->keep_context = context;
}

void request_book_close(struct request_book *book)
{
    if (!book || !book->gateway)
        return;
    event_del(book->wake);
    event_del(book->look);
    book->now = clock_pair_now();
    event_del(book->report);
    gateway_stop(book->gateway, take, book);
    access_log_report(&book->log);
    book->gateway = NULL;
}

void request_book_destroy(struct request_book *book)
{
    if (!book)
        return;
    event_free(book->wake);
    event_free(book->look);
    event_free(book->report);
    close(book->wake_fd);
    request_counts_clear(&book->counts);
    free(book);
}
