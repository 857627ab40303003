/* What somebody in a container hands over as its door: whatever the message and the descriptors in it, at
 * most one door comes of it, that listens inside; no descriptor is left over. The input: how many
 * connections, and for each a byte of how many descriptors of which kinds, one of how many bytes, and these.
 */
#include "base/fs.h"
#include "base/log.h"
#include "fleet/engine/init/door.h"
#include "fleet/link/doorway.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { LISTENS, CONNECTS, LISTENS_OUTSIDE, LOCAL, FOLDER, PIPE, PACKETS, NETWORK_6, KINDS };

static struct event_base *base;
static int kinds[KINDS];
static char dir[] = "/dev/shm/berth-fuzz-XXXXXX";
static int door;
static unsigned opened;

static void on_opened(void *owner, int fd)
{
    (void)owner;
    opened++;
    door = fd;
}

static int listening(in_addr_t host)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(host)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0)
        abort();
    return fd;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    int ends[2];
    log_configure(LOG_ERROR, LOG_TEXT);
    if (!(base = event_base_new()) || !mkdtemp(dir) || pipe2(ends, O_CLOEXEC) < 0)
        abort();
    kinds[LISTENS] = listening(INADDR_LOOPBACK);
    kinds[CONNECTS] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    kinds[LISTENS_OUTSIDE] = listening(INADDR_ANY);
    kinds[LOCAL] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    kinds[FOLDER] = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    kinds[PIPE] = ends[0];
    kinds[PACKETS] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    kinds[NETWORK_6] = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return 0;
}

/* Of what may be handed over. The fuzzer has files of its own. */
static unsigned count_descriptors(void)
{
    struct stat known[KINDS], status;
    unsigned count = 0;
    for (int kind = 0; kind < KINDS; kind++)
        fstat(kinds[kind], &known[kind]);
    for (int fd = 0; fd < 256; fd++) {
        bool is_there = fstat(fd, &status) == 0;
        for (int kind = 0; is_there && kind < KINDS; kind++)
            count += status.st_dev == known[kind].st_dev && status.st_ino == known[kind].st_ino;
    }
    return count;
}

/* One message. */
static void hand_over(int fd, uint8_t which, const uint8_t *bytes, size_t size)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(3 * sizeof(int))];
    } control = {0};
    size_t count = which & 3, length = count * sizeof(int);
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    const int given[3] = {kinds[which >> 2 & 7], kinds[which >> 5], kinds[LISTENS]};
    if (count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(length);
        control.header =
            (struct cmsghdr){.cmsg_len = CMSG_LEN(length), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.header), given, length);
    }
    sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static const uint8_t *play(const uint8_t *data, const uint8_t *end)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/" DOOR_SOCKET, dir);
    size_t size = data[1] & 15;
    const uint8_t *next = data + 2 + size;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (next <= end && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
        if (data[1] & 16)
            event_base_loop(base, EVLOOP_NONBLOCK);
        hand_over(fd, data[0], data + 2, size);
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    close(fd);
    event_base_loop(base, EVLOOP_NONBLOCK);
    return next;
}

/* Which otherwise goes with the folder. */
static void remove_socket(void)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/" DOOR_SOCKET, dir);
    unlink(path);
}

static void check_door(void)
{
    int value = 0;
    socklen_t size = sizeof(value);
    if (getsockopt(door, SOL_SOCKET, SO_ACCEPTCONN, &value, &size) < 0 || value != 1)
        abort();
    close(door);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct doorway_hooks hooks = {.opened = on_opened};
    const uint8_t *end = data + size;
    struct doorway *doorway;
    struct error err;
    unsigned before = count_descriptors();
    opened = 0;
    if (doorway_open(base, dir, "instance", &hooks, NULL, &doorway, &err) < 0 ||
        doorway_listen(doorway, &err) < 0)
        abort();
    while (end - data >= 2)
        data = play(data, end);
    doorway_close(doorway);
    remove_socket();
    if (opened > 1)
        abort();
    if (opened == 1)
        check_door();
    if (count_descriptors() != before)
        abort();
    return 0;
}
