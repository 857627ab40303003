#include "admin/statsd.h"

#include "admin/metrics.h"
#include "admin/request_book.h"
#include "admin/statsd_lines.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/network.h"

#include <errno.h>
#include <event2/event.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct statsd {
    struct admin_options options;
    struct statsd_lines *lines;
    struct request_sample sample; /* of the requests since the last pass */
    struct event *tick;
    int fd;
};

/* --- what it sends --- */

static void send_datagram(void *context, const char *datagram, size_t size)
{
    const struct statsd *statsd = context;
    ssize_t sent = send(statsd->fd, datagram, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)sent; /* nobody listens, or the kernel has no room for more: the numbers go on without these */
}

static void on_request(const struct request_record *record, void *context)
{
    struct statsd *statsd = context;
    if (request_is_timed(record))
        request_sample_add(&statsd->sample, request_text(record, REQUEST_FUNCTION),
                           record->times.end_ns - record->times.head_ns);
}

void statsd_send(struct statsd *statsd)
{
    if (!statsd)
        return;
    metrics_collect(&statsd->options, statsd_lines_sink(statsd->lines));
    statsd_lines_sample(statsd->lines, &statsd->sample);
    statsd_lines_end(statsd->lines);
    request_sample_clear(&statsd->sample);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    statsd_send(context);
}

/* --- life --- */

static int open_socket(const char *address, int *ret_fd, struct error *err)
{
    const struct addrinfo wanted = {.ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    cleanup_free char *host = NULL;
    const char *port;
    if (address_split(address, &host, &port) < 0)
        return error_set_in(err, COMPONENT_ADMIN, ERROR_USAGE, "statsd must be ADDRESS:PORT, not \"%s\"",
                            address);
    int failure = getaddrinfo(host, port, &wanted, &found);
    if (failure != 0)
        return error_set_in(err, COMPONENT_ADMIN, ERROR_USAGE, "cannot send metrics to %s: %s", address,
                            gai_strerror(failure));
    int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int rc = fd < 0 ? -1 : connect(fd, found->ai_addr, found->ai_addrlen);
    int errnum = errno;
    freeaddrinfo(found);
    if (rc == 0) {
        *ret_fd = fd;
        return 0;
    }
    if (fd >= 0)
        close(fd);
    return error_errno(err, COMPONENT_ADMIN, errnum, "cannot send metrics to %s", address);
}

int statsd_create(const struct admin_options *options, struct statsd **ret_statsd, struct error *err)
{
    int fd = -1;
    *ret_statsd = NULL;
    if (!options->host->statsd)
        return 0;
    if (open_socket(options->host->statsd, &fd, err) < 0)
        return -1;
    struct statsd *statsd = xcalloc(1, sizeof(*statsd));
    statsd->options = *options;
    statsd->fd = fd;
    statsd->lines = statsd_lines_create(options->host->statsd_prefix, send_datagram, statsd);
    statsd->tick = event_new(options->base, -1, EV_PERSIST, on_tick, statsd);
    event_add(statsd->tick, &(struct timeval){.tv_sec = 1});
    request_book_follow(options->requests, on_request, statsd);
    *ret_statsd = statsd;
    return 0;
}

void statsd_destroy(struct statsd *statsd)
{
    if (!statsd)
        return;
    statsd_send(statsd);
    request_book_follow(statsd->options.requests, NULL, NULL);
    event_free(statsd->tick);
    statsd_lines_destroy(statsd->lines);
    request_sample_clear(&statsd->sample);
    close(statsd->fd);
    free(statsd);
}
