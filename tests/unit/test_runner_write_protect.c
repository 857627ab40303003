#include "write_protect.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static int folder_fd;

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/test-protect-XXXXXX");
    assert_non_null(mkdtemp(folder));
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(folder_fd >= 0);
    return 0;
}

/* Before what is in a folder: it can be removed when the folder can be written again. */
static int allow_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)walk;
    return kind == FTW_D ? chmod(path, 0755) : 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    close(folder_fd);
    if (nftw(folder, allow_one, 16, FTW_PHYS) < 0)
        return -1;
    return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void make_file(const char *path, mode_t mode)
{
    int fd = openat(folder_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, mode);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static mode_t mode_of(const char *path)
{
    struct stat status;
    assert_int_equal(fstatat(folder_fd, path, &status, 0), 0);
    return status.st_mode & 07777;
}

static void test_all_below_is_protected(void **state)
{
    (void)state;
    assert_int_equal(mkdirat(folder_fd, "lib", 0755), 0);
    assert_int_equal(mkdirat(folder_fd, "lib/deep", 0700), 0);
    make_file("run.sh", 0755);
    make_file("lib/data", 0644);
    make_file("lib/deep/more", 0600);
    assert_int_equal(berth_write_protect(folder_fd), 0);
    assert_int_equal(mode_of("."), 0555);
    assert_int_equal(mode_of("lib"), 0555);
    assert_int_equal(mode_of("lib/deep"), 0555);
    assert_int_equal(mode_of("run.sh"), 0555);
    assert_int_equal(mode_of("lib/data"), 0444);
    assert_int_equal(mode_of("lib/deep/more"), 0444);
}

static void test_links_are_not_followed(void **state)
{
    (void)state;
    assert_int_equal(mkdirat(folder_fd, "code", 0755), 0);
    assert_int_equal(mkdirat(folder_fd, "outside", 0755), 0);
    make_file("outside/file", 0644);
    assert_int_equal(symlinkat("../outside", folder_fd, "code/folder"), 0);
    assert_int_equal(symlinkat("../outside/file", folder_fd, "code/file"), 0);
    assert_int_equal(symlinkat("nowhere", folder_fd, "code/dangling"), 0);
    int code = openat(folder_fd, "code", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(code >= 0);
    assert_int_equal(berth_write_protect(code), 0);
    close(code);
    assert_int_equal(mode_of("code"), 0555);
    assert_int_equal(mode_of("outside"), 0755);
    assert_int_equal(mode_of("outside/file"), 0644);
}

static void test_what_is_no_folder(void **state)
{
    (void)state;
    assert_int_equal(berth_write_protect(-1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_below_is_protected, setup, teardown),
        cmocka_unit_test_setup_teardown(test_links_are_not_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_folder, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
