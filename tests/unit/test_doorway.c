/* What a container hands over as its door: only a socket that listens inside of it is taken, and only once.
 */
#include "fleet/link/doorway.h"

#include "base/cleanup.h"
#include "base/fs.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

struct given {
    struct event_base *base;
    char dir[64];
    struct doorway *doorway;
    unsigned opened;
};

static void on_opened(void *owner, int fd)
{
    struct given *given = owner;
    given->opened++;
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    close(fd);
}

static int connect_to_host(const struct given *given)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/door.sock", given->dir);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* One byte with so many descriptors. */
static void hand_over(int host, unsigned char byte, const int *fds, size_t count)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(4 * sizeof(int))];
    } control = {0};
    struct iovec part = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        control.header = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(count * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
    }
    assert_int_equal(sendmsg(host, &message, 0), 1);
}

static int socket_at(int type, in_addr_t host, bool listens)
{
    const struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(host)};
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    if (listens)
        assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static int set_up(void **state)
{
    static const struct doorway_hooks hooks = {.opened = on_opened};
    static struct given given;
    struct error err;
    given = (struct given){.base = event_base_new(), .dir = "/tmp/berth-door-XXXXXX"};
    *state = &given;
    assert_non_null(mkdtemp(given.dir));
    assert_int_equal(doorway_open(given.base, given.dir, "abc", &hooks, &given, &given.doorway, &err), 0);
    assert_int_equal(connect_to_host(&given), -1); /* there is no container yet */
    assert_int_equal(doorway_listen(given.doorway, &err), 0);
    return 0;
}

static int tear_down(void **state)
{
    struct given *given = *state;
    struct error err;
    doorway_close(given->doorway);
    event_base_free(given->base);
    return fs_remove_tree(given->dir, &err);
}

static void turn(const struct given *given)
{
    for (int i = 0; i < 4; i++)
        event_base_loop(given->base, EVLOOP_NONBLOCK);
}

static size_t descriptor_count(void)
{
    size_t count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void door_is_taken_once(void **state)
{
    struct given *given = *state;
    int door = socket_at(SOCK_STREAM, INADDR_LOOPBACK, true);
    int host = connect_to_host(given);
    turn(given);
    assert_int_equal(given->opened, 0);
    hand_over(host, 0, &door, 1);
    turn(given);
    assert_int_equal(given->opened, 1);
    assert_int_equal(connect_to_host(given), -1);
    close(host);
    close(door);
}

/* Nothing stays of it but the connection, by whose end the first process is told of this daemon's, and nobody
 * may try again. */
static void check_refused(struct given *given, unsigned char byte, const int *fds, size_t count)
{
    int host = connect_to_host(given);
    assert_true(host >= 0);
    size_t before = descriptor_count();
    hand_over(host, byte, fds, count);
    turn(given);
    assert_int_equal(given->opened, 0);
    assert_int_equal(descriptor_count(), before); /* less what listened, and with the connection */
    assert_int_equal(connect_to_host(given), -1);
    close(host);
}

static void one_that_does_not_listen_is_refused(void **state)
{
    cleanup_close int fd = socket_at(SOCK_STREAM, INADDR_LOOPBACK, false);
    check_refused(*state, 0, &fd, 1);
}

static void one_that_listens_elsewhere_is_refused(void **state)
{
    cleanup_close int fd = socket_at(SOCK_STREAM, INADDR_ANY, true);
    check_refused(*state, 0, &fd, 1);
}

static void datagrams_are_refused(void **state)
{
    cleanup_close int fd = socket_at(SOCK_DGRAM, INADDR_LOOPBACK, false);
    check_refused(*state, 0, &fd, 1);
}

static void unix_socket_is_refused(void **state)
{
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, &(struct sockaddr){.sa_family = AF_UNIX}, sizeof(sa_family_t)), 0);
    assert_int_equal(listen(fd, 1), 0);
    check_refused(*state, 0, &fd, 1);
}

static void file_is_refused(void **state)
{
    cleanup_close int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    check_refused(*state, 0, &fd, 1);
}

static void more_than_one_is_refused(void **state)
{
    int fds[2] = {socket_at(SOCK_STREAM, INADDR_ANY, true), socket_at(SOCK_STREAM, INADDR_LOOPBACK, false)};
    check_refused(*state, 0, fds, 2);
    close(fds[0]);
    close(fds[1]);
}

static void none_is_refused(void **state)
{
    check_refused(*state, 0, NULL, 0);
}

static void container_that_could_make_none_has_none(void **state)
{
    check_refused(*state, EADDRINUSE, NULL, 0);
}

static void descriptor_beside_an_error_is_closed(void **state)
{
    cleanup_close int fd = socket_at(SOCK_STREAM, INADDR_LOOPBACK, true);
    check_refused(*state, EADDRINUSE, &fd, 1);
}

/* The runner serves without. */
static void who_hangs_up_has_none(void **state)
{
    struct given *given = *state;
    close(connect_to_host(given));
    turn(given);
    assert_int_equal(given->opened, 0);
    assert_int_equal(connect_to_host(given), -1);
}

static bool is_hung_up_on(int connection)
{
    char byte;
    ssize_t size = recv(connection, &byte, 1, MSG_DONTWAIT);
    return size == 0 || (size < 0 && errno == ECONNRESET);
}

/* By the end of the connection, and of nothing before. */
static void first_process_is_told_of_the_end(void **state)
{
    struct given *given = *state;
    cleanup_close int door = socket_at(SOCK_STREAM, INADDR_LOOPBACK, true);
    cleanup_close int host = connect_to_host(given);
    hand_over(host, 0, &door, 1);
    turn(given);
    assert_int_equal(given->opened, 1);
    assert_int_equal(doorway_process(given->doorway), getpid());
    assert_true(doorway_line(given->doorway) >= 0);
    assert_false(is_hung_up_on(host));
    doorway_close(given->doorway);
    given->doorway = NULL;
    assert_true(is_hung_up_on(host));
}

/* Opens it as the next daemon does, for this process. */
static void reopen(struct given *given, pid_t process)
{
    static const struct doorway_hooks hooks = {.opened = on_opened};
    struct error err;
    int fd;
    doorway_close(given->doorway);
    assert_int_equal(doorway_call(given->dir, &fd, &err), 0);
    given->doorway = doorway_reopen(given->base, given->dir, "abc", process, fd, &hooks, given);
}

static void next_daemon_gets_another_door(void **state)
{
    struct given *given = *state;
    cleanup_close int door = socket_at(SOCK_STREAM, INADDR_LOOPBACK, true);
    reopen(given, getpid());
    cleanup_close int host = connect_to_host(given);
    hand_over(host, 0, &door, 1);
    turn(given);
    assert_int_equal(given->opened, 1);
    assert_int_equal(connect_to_host(given), -1);
}

/* By then the function runs. */
static void only_the_first_process_may_give_another(void **state)
{
    struct given *given = *state;
    cleanup_close int door = socket_at(SOCK_STREAM, INADDR_LOOPBACK, true);
    reopen(given, getpid() + 1);
    for (int i = 0; i < 2; i++) {
        cleanup_close int host = connect_to_host(given);
        assert_true(host >= 0);
        hand_over(host, 0, &door, 1);
        turn(given);
        assert_true(is_hung_up_on(host));
    }
    assert_int_equal(given->opened, 0);
}

static void nobody_may_give_another_when_the_first_is_not_known(void **state)
{
    struct given *given = *state;
    reopen(given, 0);
    cleanup_close int host = connect_to_host(given);
    turn(given);
    assert_true(is_hung_up_on(host));
}

static void line_that_was_handed_over_is_kept(void **state)
{
    struct given *given = *state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    doorway_close(given->doorway);
    given->doorway = doorway_keep("abc", 7, ends[0]);
    assert_int_equal(doorway_process(given->doorway), 7);
    assert_int_equal(doorway_line(given->doorway), ends[0]);
    doorway_close(given->doorway);
    given->doorway = NULL;
    assert_true(is_hung_up_on(ends[1]));
    close(ends[1]);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(door_is_taken_once),
        TEST(one_that_does_not_listen_is_refused),
        TEST(one_that_listens_elsewhere_is_refused),
        TEST(datagrams_are_refused),
        TEST(unix_socket_is_refused),
        TEST(file_is_refused),
        TEST(more_than_one_is_refused),
        TEST(none_is_refused),
        TEST(container_that_could_make_none_has_none),
        TEST(descriptor_beside_an_error_is_closed),
        TEST(who_hangs_up_has_none),
        TEST(first_process_is_told_of_the_end),
        TEST(next_daemon_gets_another_door),
        TEST(only_the_first_process_may_give_another),
        TEST(nobody_may_give_another_when_the_first_is_not_known),
        TEST(line_that_was_handed_over_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
