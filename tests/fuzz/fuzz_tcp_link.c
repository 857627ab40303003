/* What a server of the container says when it is asked whether it is ready, any bytes, cut at any place: the
 * link is reached or it is not, and says why. Only an answer below 400 makes it ready. The first byte: the
 * size of the pieces. */
#include "base/fs.h"
#include "base/log.h"
#include "fleet/link/tcp.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct event_base *base;
static int server;
static uint16_t port;
static char dir[] = "/dev/shm/berth-fuzz-XXXXXX";
static unsigned reached;

static void on_reached(void *owner)
{
    (void)owner;
    reached++;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    log_configure(LOG_ERROR, LOG_TEXT);
    base = event_base_new();
    server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (!base || !mkdtemp(dir) || bind(server, (struct sockaddr *)&address, size) < 0 ||
        listen(server, 16) < 0 || getsockname(server, (struct sockaddr *)&address, &size) < 0)
        abort();
    rmdir(dir); /* which the link makes again, under a name that nobody else has */
    port = ntohs(address.sin_port);
    return 0;
}

/* The link's request has come before anything is answered. */
static void answer(int fd, const uint8_t *bytes, size_t size, size_t piece)
{
    char request[1024];
    event_base_loop(base, EVLOOP_NONBLOCK);
    if (recv(fd, request, sizeof(request), 0) <= 0)
        abort();
    for (size_t at = 0; at < size && !reached; at += piece) {
        if (send(fd, bytes + at, size - at < piece ? size - at : piece, MSG_NOSIGNAL) < 0)
            break; /* it has heard enough */
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    shutdown(fd, SHUT_WR);
    event_base_loop(base, EVLOOP_NONBLOCK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct link_hooks hooks = {.reached = on_reached};
    char text[256] = "";
    struct link *link;
    struct error err;
    if (size < 1)
        return 0;
    reached = 0;
    if (tcp_open(base, dir, port, "/ready", &hooks, NULL, &link, &err) < 0 ||
        link_reach(link, "127.0.0.1", 0, &err) < 0)
        abort();
    int fd = accept4(server, NULL, NULL, SOCK_CLOEXEC);
    answer(fd, data + 1, size - 1, (size_t)data[0] * 8 + 1);
    link_describe(link, text, sizeof(text));
    if (reached > 1 || (reached == 0 && !*text) || (reached && !memmem(data, size, "HTTP/1.", 7)))
        abort();
    link_close(link);
    const struct linger at_once = {.l_onoff = 1}; /* no port is kept waiting */
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(fd);
    return 0;
}
