/* What a runner answers to init, any bytes, cut at any place: there is one end, and nothing is read behind
 * it. The first byte: the size of the pieces; its highest bit: the question is whether the runner still
 * works. */
#include "base/log.h"
#include "fleet/link/handshake.h"
#include "fleet/scale/module_profile.h"

#include <event2/event.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned ends;

static void on_done(void *owner, const struct error *err, const char *text)
{
    (void)owner;
    ends++;
    if (err ? !*err->message : !text)
        abort();
    json_t *report = err ? NULL : json_loads(text, 0, NULL);
    module_profile_free(module_profile_of_report(report));
    json_decref(report);
}

static void on_told(void *owner, const struct error *err, bool working)
{
    (void)owner;
    ends++;
    if (err && working)
        abort();
}

static struct handshake *begin(struct event_base *base, int fd, bool asks)
{
    static const char settings[] = "{\"function\": \"name\"}";
    return asks ? handshake_ask(base, fd, settings, on_told, NULL)
                : handshake_start(base, fd, HANDSHAKE_INIT, settings, on_done, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct event_base *base;
    int fds[2];
    if (size < 1)
        return 0;
    if (!base && !(base = event_base_new()))
        abort();
    log_configure(LOG_ERROR, LOG_TEXT);
    size_t piece = (size_t)(data[0] & 0x7f) * 8 + 1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
        abort();
    ends = 0;
    begin(base, fds[0], data[0] & 0x80);
    event_base_loop(base, EVLOOP_NONBLOCK);
    for (size_t at = 1; at < size && ends == 0; at += piece) {
        if (send(fds[1], data + at, size - at < piece ? size - at : piece, MSG_NOSIGNAL) <= 0)
            abort();
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    close(fds[1]);
    for (unsigned turns = 0; turns < 10 && ends == 0; turns++)
        event_base_loop(base, EVLOOP_NONBLOCK);
    if (ends != 1)
        abort();
    close(fds[0]);
    return 0;
}
