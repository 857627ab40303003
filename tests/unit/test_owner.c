/* Who owns a state directory. */
#include "fleet/engine/owner.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void an_id_is_made_once_and_kept(void **state)
{
    (void)state;
    char dir[] = "/tmp/berth-owner-XXXXXX";
    struct owner owner, again;
    struct error err;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(owner_acquire(dir, -1, &owner, &err), 0);
    assert_int_equal(strlen(owner.id), OWNER_ID_DIGITS);
    assert_int_equal(strspn(owner.id, "0123456789abcdef"), OWNER_ID_DIGITS);
    owner_release(&owner);
    assert_int_equal(owner_acquire(dir, -1, &again, &err), 0);
    assert_string_equal(again.id, owner.id);
    owner_release(&again);
    owner_release(&again);
    assert_int_equal(fs_remove_tree(dir, NULL), 0);
}

static void only_one_at_a_time(void **state)
{
    (void)state;
    char dir[] = "/tmp/berth-owner-XXXXXX";
    struct owner owner, other = {.lock_fd = 77};
    struct error err;
    int fd;
    assert_non_null(mkdtemp(dir));
    assert_int_equal(owner_acquire(dir, -1, &owner, &err), 0);
    assert_int_equal(owner_acquire(dir, -1, &other, &err), -1);
    assert_string_equal(error_code_slug(err.code), "in-use");
    assert_non_null(strstr(err.message, dir));
    assert_int_equal(other.lock_fd, 77);
    assert_int_equal(owner_take_lock(dir, "run.lock", -1, &fd, &err), 0); /* a lock of its own */
    assert_int_equal(owner_take_lock(dir, "run.lock", -1, &fd, &err), -1);
    close(fd);
    owner_release(&owner);
    assert_int_equal(owner_acquire(dir, -1, &other, &err), 0);
    owner_release(&other);
    assert_int_equal(fs_remove_tree(dir, NULL), 0);
}

/* The lock goes with the process, however it ends. */
static void a_killed_owner_holds_nothing(void **state)
{
    (void)state;
    char dir[] = "/tmp/berth-owner-XXXXXX";
    struct owner owner;
    struct error err;
    int ready[2];
    assert_non_null(mkdtemp(dir));
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        if (owner_acquire(dir, -1, &owner, &err) == 0 && write(ready[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(owner_acquire(dir, -1, &owner, &err), -1);
    assert_int_equal(kill(child, 9), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(owner_acquire(dir, -1, &owner, &err), 0);
    owner_release(&owner);
    close(ready[0]);
    close(ready[1]);
    assert_int_equal(fs_remove_tree(dir, NULL), 0);
}

static void damage_is_named(void **state)
{
    (void)state;
    static const char *const damaged[] = {"", "xyz", "0123", "0123456789ABCDEF"};
    for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
        char dir[] = "/tmp/berth-owner-XXXXXX";
        struct owner owner;
        struct error err;
        assert_non_null(mkdtemp(dir));
        cleanup_free char *path = xasprintf("%s/host-id", dir);
        assert_int_equal(fs_write_file(path, damaged[i], strlen(damaged[i]), 0644, NULL), 0);
        assert_int_equal(owner_acquire(dir, -1, &owner, &err), -1);
        assert_string_equal(error_code_slug(err.code), "state-damaged");
        assert_non_null(strstr(err.message, "host-id"));
        assert_int_equal(fs_remove_tree(dir, NULL), 0);
    }
    struct owner owner;
    struct error err;
    assert_int_equal(owner_acquire("/tmp/berth-there-is-no-such-directory", -1, &owner, &err), -1);
    assert_string_equal(error_code_slug(err.code), "not-found");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_is_made_once_and_kept),
        cmocka_unit_test(only_one_at_a_time),
        cmocka_unit_test(a_killed_owner_holds_nothing),
        cmocka_unit_test(damage_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
