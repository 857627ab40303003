/* Answers requests as it should, and never dials again nor ends when it is told to; what it finds in a volume
 * it removes. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SLOTS    2
#define HEAD_MAX 65536

static int dial(void)
{
    struct sockaddr_un host = {.sun_family = AF_UNIX, .sun_path = "/run/berth/host.sock"};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && connect(fd, (const struct sockaddr *)&host, sizeof(host)) == 0 ? fd : -1;
}

/* Reads the rest of a request of which `size` bytes are there: 0 when all has come. */
static int read_request(int fd, char *text, size_t size)
{
    for (;;) {
        text[size] = '\0';
        const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\ncontent-length:");
        size_t whole =
            end ? (size_t)(end + 4 - text) + (length ? strtoul(length + 17, NULL, 10) : 0) : HEAD_MAX;
        if (size >= whole)
            return 0;
        ssize_t got = read(fd, text + size, HEAD_MAX - size);
        if (got <= 0)
            return -1;
        size += (size_t)got;
    }
}

/* One request. -1: the connection is lost. */
static int serve(int fd)
{
    static char text[HEAD_MAX + 1];
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
    if (read_request(fd, text, 0) < 0 || write(fd, answer, sizeof(answer) - 1) < 0)
        return -1;
    return 0;
}

int main(void)
{
    struct pollfd slots[SLOTS] = {{.fd = dial(), .events = POLLIN}, {.fd = -1}};
    signal(SIGTERM, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    unlink("/kept/file");
    if (slots[0].fd < 0 || serve(slots[0].fd) < 0) /* the settings */
        return 1;
    slots[1] = (struct pollfd){.fd = dial(), .events = POLLIN};
    for (;;) {
        if (poll(slots, SLOTS, -1) < 0)
            continue;
        for (int i = 0; i < SLOTS; i++) {
            if (slots[i].revents && serve(slots[i].fd) < 0) {
                close(slots[i].fd);
                slots[i].fd = -1;
            }
        }
    }
}
