/* Sockets of the daemon's own, and what of them is left when their paths go. */
#include "base/unix_socket.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

struct place {
    char folder[64];
    char *path;
    int fd; /* listens at the path */
};

static void place_open(struct place *place)
{
    struct error err;
    snprintf(place->folder, sizeof(place->folder), "/tmp/berth-socket-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    place->path = xasprintf("%s/it", place->folder);
    assert_int_equal(unix_socket_listen(place->path, COMPONENT_GATEWAY, &place->fd, &err), 0);
}

static void place_close(struct place *place)
{
    close(place->fd);
    fs_remove_tree(place->folder, NULL);
    free(place->path);
}

static bool can_connect(const char *path)
{
    struct sockaddr_un address;
    struct error err;
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(unix_socket_address(path, COMPONENT_GATEWAY, &address, &err), 0);
    return connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

static void held_one_outlives_its_path(void **state)
{
    (void)state;
    struct place place;
    struct error err;
    cleanup_free char *name = NULL;
    cleanup_close int held = -1;
    place_open(&place);
    assert_int_equal(unix_socket_hold(place.path, COMPONENT_GATEWAY, &name, &held, &err), 0);
    assert_true(can_connect(name));
    assert_int_equal(fs_remove_tree(place.folder, NULL), 0);
    assert_false(can_connect(place.path));
    assert_true(can_connect(name));
    place_close(&place);
}

static void another_one_at_the_path_is_not_meant(void **state)
{
    (void)state;
    struct place place;
    struct error err;
    cleanup_free char *name = NULL;
    cleanup_close int held = -1, other = -1;
    place_open(&place);
    assert_int_equal(unix_socket_hold(place.path, COMPONENT_GATEWAY, &name, &held, &err), 0);
    assert_int_equal(unix_socket_listen(place.path, COMPONENT_GATEWAY, &other, &err), 0);
    assert_true(can_connect(name));
    cleanup_close int came = accept(place.fd, NULL, NULL);
    assert_true(came >= 0);
    place_close(&place);
}

static void none_is_held(void **state)
{
    (void)state;
    struct error err;
    char *name = NULL;
    int fd = -1;
    assert_int_equal(unix_socket_hold("/tmp/berth-no-such-socket", COMPONENT_GATEWAY, &name, &fd, &err), -1);
    assert_int_equal(err.component, COMPONENT_GATEWAY);
    assert_null(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(held_one_outlives_its_path),
        cmocka_unit_test(another_one_at_the_path_is_not_meant),
        cmocka_unit_test(none_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
