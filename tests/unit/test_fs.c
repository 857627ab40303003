/* Files and folders. */
#include "base/fs.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/error.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static char *make_directory(void)
{
    char *directory = xstrdup("/tmp/berth-test-XXXXXX");
    assert_non_null(mkdtemp(directory));
    return directory;
}

static void test_fs_write_and_read(void **state)
{
    (void)state;
    struct error err;
    cleanup_free char *directory = make_directory();
    cleanup_free char *path = xasprintf("%s/a/b/file", directory);
    cleanup_free char *parent = xasprintf("%s/a/b", directory);
    assert_int_equal(fs_write_file(path, "x", 1, 0600, &err), -1);
    assert_int_equal(fs_make_dirs(parent, 0755, &err), 0);
    assert_int_equal(fs_make_dirs(parent, 0755, &err), 0);
    assert_true(fs_is_dir(parent));
    assert_int_equal(fs_write_file(path, "old", 3, 0600, &err), 0);
    assert_int_equal(fs_write_file(path, "n\0w", 3, 0640, &err), 0);
    assert_true(fs_exists(path));
    assert_false(fs_is_dir(path));
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);

    char *data;
    size_t size;
    assert_int_equal(fs_read_file(path, 3, &data, &size, &err), 0);
    assert_int_equal(size, 3);
    assert_memory_equal(data, "n\0w", 4);
    free(data);
    assert_int_equal(fs_read_file(path, 2, &data, &size, &err), -1);
    assert_string_equal(error_code_slug(err.code), "too-large");
    assert_int_equal(fs_read_file("/no/such/file", 2, &data, NULL, &err), -1);
    assert_string_equal(error_code_slug(err.code), "not-found");
    cleanup_free char *below = xasprintf("%s/deeper", path);
    assert_int_equal(fs_make_dirs(below, 0755, &err), -1);
    assert_int_equal(fs_make_dirs(path, 0755, &err), -1);
    assert_int_equal(fs_remove_tree(directory, &err), 0);
    assert_false(fs_exists(directory));
}

static void assert_not_plain(const char *path, const char *kind)
{
    struct error err;
    char *data;
    cleanup_free char *message = xasprintf("%s is a %s, not a plain file", path, kind);
    assert_int_equal(fs_read_file(path, 100, &data, NULL, &err), -1);
    assert_string_equal(err.message, message);
    assert_string_equal(error_code_slug(err.code), "not-a-file");
}

/* None of them is waited for. */
static void test_fs_opens_no_folder_by_a_link(void **state)
{
    (void)state;
    char template[] = "/tmp/berth-test-XXXXXX";
    char *directory = realpath(mkdtemp(template), NULL);
    cleanup_free char *real = xasprintf("%s/real/below", directory);
    cleanup_free char *link = xasprintf("%s/link", directory);
    cleanup_free char *below_link = xasprintf("%s/link/below", directory);
    cleanup_free char *file = xasprintf("%s/real/file", directory);
    cleanup_free char *missing = xasprintf("%s/real/missing", directory);
    struct stat wanted, opened;
    struct error err;
    int fd = -1;
    assert_int_equal(fs_make_dirs(real, 0700, &err), 0);
    assert_int_equal(symlink("real", link), 0);
    assert_int_equal(fs_write_file(file, "x", 1, 0600, &err), 0);
    assert_int_equal(fs_open_real_dir(real, &fd, &err), 0);
    assert_int_equal(fstat(fd, &opened) + stat(real, &wanted), 0);
    assert_int_equal(opened.st_ino, wanted.st_ino);
    assert_int_equal(fcntl(fd, F_GETFL) & O_PATH, O_PATH);
    close(fd);
    assert_int_equal(fs_open_real_dir("/", &fd, &err), 0);
    close(fd);
    const char *const links[] = {link, below_link};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(fs_open_real_dir(links[i], &fd, &err), -1);
        assert_int_equal(err.code, ERROR_IS_LINK);
    }
    const char *const others[] = {file, missing};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(fs_open_real_dir(others[i], &fd, &err), -1);
        assert_int_not_equal(err.code, ERROR_IS_LINK);
    }
    assert_int_equal(fs_remove_tree(directory, &err), 0);
    free(directory);
}

static void test_fs_reads_plain_files_only(void **state)
{
    (void)state;
    struct error err;
    cleanup_free char *directory = make_directory();
    cleanup_free char *pipe = xasprintf("%s/pipe", directory);
    cleanup_free char *socket_path = xasprintf("%s/socket", directory);
    cleanup_free char *loop = xasprintf("%s/loop", directory);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
    cleanup_close int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(symlink("loop", loop), 0);
    assert_not_plain(pipe, "pipe");
    assert_not_plain(directory, "folder");
    assert_not_plain(socket_path, "socket");
    assert_not_plain("/dev/zero", "device");
    char *data;
    assert_int_equal(fs_read_file(loop, 100, &data, NULL, &err), -1);
    assert_string_equal(error_code_slug(err.code), "io");
    assert_int_equal(fs_remove_tree(directory, &err), 0);
}

/* Links are removed and not followed. */
static void test_fs_remove_tree(void **state)
{
    (void)state;
    struct error err;
    cleanup_free char *directory = make_directory();
    cleanup_free char *kept = make_directory();
    cleanup_free char *kept_file = xasprintf("%s/file", kept);
    cleanup_free char *link_path = xasprintf("%s/link", directory);
    assert_int_equal(fs_write_file(kept_file, "", 0, 0644, &err), 0);
    assert_int_equal(symlink(kept, link_path), 0);
    assert_int_equal(fs_remove_tree(directory, &err), 0);
    assert_false(fs_exists(directory));
    assert_true(fs_exists(kept_file));
    assert_int_equal(fs_remove_tree(directory, &err), 0);
    assert_int_equal(fs_remove_tree(kept, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fs_write_and_read),
        cmocka_unit_test(test_fs_opens_no_folder_by_a_link),
        cmocka_unit_test(test_fs_reads_plain_files_only),
        cmocka_unit_test(test_fs_remove_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
