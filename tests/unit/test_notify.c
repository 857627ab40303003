/* What the service manager hears, at a path and in the abstract namespace. */
#include "notify.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* Listens at a name; the address is the name's bytes, a '@' in front standing for a NUL. */
static int manager_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, name, strlen(name));
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    else
        unlink(name);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    return fd;
}

static void assert_heard(int fd, const char *state)
{
    char text[64] = "";
    ssize_t size = recv(fd, text, sizeof(text) - 1, 0);
    assert_int_equal(size, strlen(state));
    assert_string_equal(text, state);
}

static void tells_a_manager_at_either_kind_of_name(void **state)
{
    (void)state;
    char names[2][64];
    snprintf(names[0], sizeof(names[0]), "/tmp/berth-notify-%d", (int)getpid());
    snprintf(names[1], sizeof(names[1]), "@berth-notify-%d", (int)getpid());
    for (size_t i = 0; i < 2; i++) {
        int fd = manager_at(names[i]);
        setenv("NOTIFY_SOCKET", names[i], 1);
        notify_manager("READY=1");
        notify_manager("STOPPING=1");
        assert_heard(fd, "READY=1");
        assert_heard(fd, "STOPPING=1");
        close(fd);
    }
    unlink(names[0]);
}

static void has_descriptors_kept_by_their_name(void **state)
{
    (void)state;
    char name[64], text[64] = "";
    int kept[2], passed[2];
    alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(passed))];
    snprintf(name, sizeof(name), "@berth-keep-%d", (int)getpid());
    int fd = manager_at(name);
    setenv("NOTIFY_SOCKET", name, 1);
    assert_int_equal(pipe(kept), 0);
    notify_manager_keep("doors", kept, 0);
    notify_manager_keep("doors", kept, 2);
    struct iovec into = {.iov_base = text, .iov_len = sizeof(text) - 1};
    struct msghdr message = {
        .msg_iov = &into, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    assert_true(recvmsg(fd, &message, 0) > 0);
    assert_string_equal(text, "FDSTORE=1\nFDNAME=doors");
    assert_int_equal(message.msg_controllen, sizeof(control));
    memcpy(passed, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(passed));
    assert_int_equal(write(passed[1], "x", 1), 1);
    assert_int_equal(read(kept[0], text, 1), 1);
    notify_manager_forget("doors");
    assert_heard(fd, "FDSTOREREMOVE=1\nFDNAME=doors");
    for (size_t i = 0; i < 2; i++) {
        close(kept[i]);
        close(passed[i]);
    }
    close(fd);
}

static void does_nothing_without_one(void **state)
{
    (void)state;
    char long_name[300];
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[0] = '/';
    long_name[sizeof(long_name) - 1] = '\0';
    const char *const names[] = {"", "relative", "/nobody/is/there", "@nobody", long_name};
    unsetenv("NOTIFY_SOCKET");
    notify_manager("READY=1");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        setenv("NOTIFY_SOCKET", names[i], 1);
        notify_manager("READY=1");
    }
    unsetenv("NOTIFY_SOCKET");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_a_manager_at_either_kind_of_name),
        cmocka_unit_test(has_descriptors_kept_by_their_name),
        cmocka_unit_test(does_nothing_without_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
