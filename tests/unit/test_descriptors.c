/* Which of the descriptors that others have opened are taken for what. */
#include "base/descriptors.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int listener(struct sockaddr_in *ret_address)
{
    socklen_t size = sizeof(*ret_address);
    *ret_address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)ret_address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)ret_address, &size), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static int take(struct descriptors *descriptors, const char *name, const struct sockaddr_in *address)
{
    return descriptors_take_listener(descriptors, name, (const struct sockaddr *)address, sizeof(*address));
}

static void gives_each_once_by_its_name(void **state)
{
    (void)state;
    struct descriptors *descriptors = descriptors_create();
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    descriptors_add(descriptors, "one", fds[0]);
    descriptors_add(descriptors, "two", fds[1]);
    assert_int_equal(descriptors_take(descriptors, "three"), -1);
    assert_int_equal(descriptors_take(descriptors, "two"), fds[1]);
    assert_int_equal(descriptors_take(descriptors, "two"), -1);
    assert_int_equal(fcntl(fds[1], F_GETFD), FD_CLOEXEC);
    assert_true(fcntl(fds[1], F_GETFL) & O_NONBLOCK);
    close(fds[1]);
    descriptors_destroy(descriptors);
    assert_int_equal(fcntl(fds[0], F_GETFD), -1);
}

static void takes_listeners_by_their_address(void **state)
{
    (void)state;
    struct descriptors *descriptors = descriptors_create();
    struct sockaddr_in address, other;
    int fd = listener(&address), second = listener(&other);
    descriptors_add(descriptors, "some.socket", fd);
    other.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    assert_int_equal(take(descriptors, DESCRIPTOR_ADMIN, &other), -1);
    assert_int_equal(take(descriptors, DESCRIPTOR_ADMIN, &address), fd);
    assert_int_equal(take(descriptors, DESCRIPTOR_ADMIN, &address), -1);
    close(fd);
    close(second);
    descriptors_destroy(descriptors);
}

static void takes_any_port_only_by_its_own_name(void **state)
{
    (void)state;
    struct descriptors *descriptors = descriptors_create();
    struct sockaddr_in address;
    int foreign = listener(&address), admin = listener(&address), functions = listener(&address);
    descriptors_add(descriptors, "some.socket", foreign);
    descriptors_add(descriptors, DESCRIPTOR_ADMIN, admin);
    descriptors_add(descriptors, DESCRIPTOR_FUNCTIONS, functions);
    address.sin_port = 0;
    assert_int_equal(take(descriptors, DESCRIPTOR_FUNCTIONS, &address), functions);
    assert_int_equal(take(descriptors, DESCRIPTOR_FUNCTIONS, &address), -1);
    close(functions);
    descriptors_destroy(descriptors);
}

static void takes_nothing_that_does_not_listen(void **state)
{
    (void)state;
    struct descriptors *descriptors = descriptors_create();
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0), fds[2];
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(pipe(fds), 0);
    descriptors_add(descriptors, DESCRIPTOR_FUNCTIONS, fd);
    descriptors_add(descriptors, DESCRIPTOR_FUNCTIONS, fds[0]);
    descriptors_add(descriptors, DESCRIPTOR_FUNCTIONS, fds[1]);
    assert_int_equal(take(descriptors, DESCRIPTOR_FUNCTIONS, &address), -1);
    assert_int_equal(take(NULL, DESCRIPTOR_FUNCTIONS, &address), -1);
    descriptors_destroy(descriptors);
}

static void asks_only_for_what_is_meant_for_this_process(void **state)
{
    (void)state;
    struct descriptors *descriptors = descriptors_create();
    setenv("LISTEN_PID", "1", 1);
    setenv("LISTEN_FDS", "2", 1);
    setenv("LISTEN_FDNAMES", "a:b", 1);
    descriptors_add_from_manager(descriptors);
    assert_int_equal(descriptors_take(descriptors, "a"), -1);
    assert_null(getenv("LISTEN_PID"));
    assert_null(getenv("LISTEN_FDS"));
    assert_null(getenv("LISTEN_FDNAMES"));
    descriptors_destroy(descriptors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_each_once_by_its_name),
        cmocka_unit_test(takes_listeners_by_their_address),
        cmocka_unit_test(takes_any_port_only_by_its_own_name),
        cmocka_unit_test(takes_nothing_that_does_not_listen),
        cmocka_unit_test(asks_only_for_what_is_meant_for_this_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
