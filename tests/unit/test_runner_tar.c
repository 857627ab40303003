/* The tar reader of the runner library. Archives are put together here, entry by entry. */
#include "tar.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct archive {
    char bytes[1 << 20];
    size_t size;
    size_t taken;
    size_t step; /* bytes given by one read; 0: as many as asked for */
};

static struct archive archive;
static char folder[64];
static int folder_fd;
static char message[TAR_MESSAGE_SIZE];

static ssize_t take(void *context, void *buffer, size_t size)
{
    struct archive *from = context;
    size_t left = from->size - from->taken;
    size = size < left ? size : left;
    if (from->step > 0 && size > from->step)
        size = from->step;
    memcpy(buffer, from->bytes + from->taken, size);
    from->taken += size;
    return (ssize_t)size;
}

static void set_checksum(char *header)
{
    unsigned sum = 0;
    memset(header + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)header[i];
    snprintf(header + 148, 8, "%06o", sum);
}

static char *add(char type, const char *path, const char *content, size_t size)
{
    char *header = archive.bytes + archive.size;
    memset(header, 0, 512);
    memcpy(header, path, strnlen(path, 100));
    snprintf(header + 100, 8, "%07o", 0644);
    snprintf(header + 124, 12, "%011zo", size);
    snprintf(header + 136, 12, "%011o", 315532800);
    header[156] = type;
    memcpy(header + 257,
           "ustar\0"
           "00",
           8);
    set_checksum(header);
    archive.size += 512;
    memcpy(archive.bytes + archive.size, content, size);
    memset(archive.bytes + archive.size + size, 0, 512);
    archive.size += (size + 511) / 512 * 512;
    return header;
}

static void add_link(const char *path, const char *target)
{
    char *header = add('2', path, "", 0);
    memcpy(header + 157, target, strlen(target));
    set_checksum(header);
}

/* One pax header with the given records, each of which is given without its length. */
static void add_pax(const char *record)
{
    char text[8192];
    int length = (int)strlen(record) + 3;
    int digits = snprintf(text, sizeof(text), "%d", length);
    length = (int)strlen(record) + digits + 2;
    length = (int)strlen(record) + snprintf(text, sizeof(text), "%d", length) + 2;
    int size = snprintf(text, sizeof(text), "%d %s\n", length, record);
    assert_int_equal(size, length);
    add('x', "pax", text, (size_t)size);
}

static int unpack(void)
{
    memset(archive.bytes + archive.size, 0, 1024);
    archive.size += 1024;
    archive.taken = 0;
    return berth_tar_unpack(take, &archive, folder_fd, message);
}

static int setup(void **state)
{
    (void)state;
    memset(&archive, 0, sizeof(archive));
    message[0] = '\0';
    snprintf(folder, sizeof(folder), "/tmp/test-tar-XXXXXX");
    assert_non_null(mkdtemp(folder));
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY);
    assert_true(folder_fd >= 0);
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    close(folder_fd);
    return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void expect_file(const char *path, const char *content, mode_t mode)
{
    char got[4096] = "";
    struct stat status;
    int fd = openat(folder_fd, path, O_RDONLY | O_NOFOLLOW);
    assert_true(fd >= 0);
    assert_true(read(fd, got, sizeof(got) - 1) >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    close(fd);
    assert_string_equal(got, content);
    assert_int_equal(status.st_mode & 07777, mode);
    assert_int_equal(status.st_mtime, 315532800);
}

static void test_files_and_folders(void **state)
{
    (void)state;
    add('5', "./", "", 0);
    add('5', "lib/", "", 0);
    char *run = add('0', "./run.sh", "#!/bin/sh\n", 10);
    snprintf(run + 100, 8, "%07o", 0750);
    set_checksum(run);
    add('0', "lib/a.txt", "A", 1);
    add('0', "made/below/b.txt", "B", 1);
    add('0', "lib/empty", "", 0);
    add('0', "lib/a.txt", "again", 5);
    assert_int_equal(unpack(), 0);
    expect_file("run.sh", "#!/bin/sh\n", 0755);
    expect_file("lib/a.txt", "again", 0644);
    expect_file("made/below/b.txt", "B", 0644);
    expect_file("lib/empty", "", 0644);
}

static void test_small_reads(void **state)
{
    (void)state;
    add('0', "a", "content", 7);
    archive.step = 1;
    assert_int_equal(unpack(), 0);
    expect_file("a", "content", 0644);
}

static void test_prefix_and_pax(void **state)
{
    (void)state;
    char *header = add('0', "name", "P", 1);
    memcpy(header + 345, "some/prefix", 11);
    set_checksum(header);
    add_pax("path=\xc3\xa9t\xc3\xa9/long.txt");
    add('0', "ignored", "L", 1);
    add_pax("mtime=315532800.75");
    char *timed = add('0', "timed", "T", 1);
    memset(timed + 136, 0, 12);
    set_checksum(timed);
    add_pax("size=3");
    char *sized = add('0', "sized", "abc", 3);
    memset(sized + 124, 0, 12);
    set_checksum(sized);
    add('g', "global", "20 comment=whatever\n", 20);
    add('0', "after", "x", 1);
    assert_int_equal(unpack(), 0);
    expect_file("some/prefix/name", "P", 0644);
    expect_file("\xc3\xa9t\xc3\xa9/long.txt", "L", 0644);
    expect_file("timed", "T", 0644);
    expect_file("sized", "abc", 0644);
    expect_file("after", "x", 0644);
}

static void test_links(void **state)
{
    (void)state;
    char text[64];
    add('0', "lib/a.txt", "A", 1);
    add_link("b.txt", "lib/a.txt");
    add_link("lib/up", "../b.txt");
    assert_int_equal(unpack(), 0);
    assert_int_equal(readlinkat(folder_fd, "lib/up", text, sizeof(text)), 8);
}

/* One entry that is refused. */
static const struct {
    char type;
    const char *path;
    const char *link;
} refused[] = {
    {'0', "../x", NULL},
    {'0', "a/../../x", NULL},
    {'0', "/etc/x", NULL},
    {'0', "a//b", NULL},
    {'0', "a/./b", NULL},
    {'0', "..", NULL},
    {'0', "", NULL},
    {'5', "a/..", NULL},
    {'2', "l", "/etc/passwd"},
    {'2', "l", "../x"},
    {'2', "a/l", "../../x"},
    {'2', "l", "a/../../x"},
    {'2', "l", ""},
    {'1', "hard", "a"},
    {'3', "device", NULL},
    {'6', "fifo", NULL},
    {'L', "gnu", NULL},
    {'0', ".", NULL},
    {'0', "a/b/../../..", NULL},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        archive.size = 0;
        if (refused[i].type == '2')
            add_link(refused[i].path, refused[i].link);
        else
            add(refused[i].type, refused[i].path, "", 0);
        assert_int_equal(unpack(), -1);
        assert_true(message[0] != '\0');
    }
}

/* A link in the package is never a way to write elsewhere. */
static void test_not_through_links(void **state)
{
    (void)state;
    add('5', "lib", "", 0);
    add_link("door", "lib");
    add('0', "door/x", "X", 1);
    assert_int_equal(unpack(), -1);
    archive.size = 0;
    add_link("file", "lib/y");
    add('0', "file", "X", 1);
    assert_int_equal(unpack(), -1);
    assert_int_equal(faccessat(folder_fd, "lib/x", F_OK, 0), -1);
    assert_int_equal(faccessat(folder_fd, "lib/y", F_OK, 0), -1);
}

static void test_damaged(void **state)
{
    (void)state;
    add('0', "a", "content", 7);
    archive.bytes[0] = 'b';
    assert_int_equal(unpack(), -1);
    assert_string_equal(message, "the package is not a POSIX tar");
    archive.size = 0;
    add('0', "a", "content", 7);
    archive.taken = 0;
    assert_int_equal(berth_tar_unpack(take, &archive, folder_fd, message), -1);
    assert_string_equal(message, "the package is cut short");
    const char *records[] = {"5", "99 path=a\n", "8 path=a\n", "7 path\n", "x path=a\n", "11 path=ab\n"};
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        archive.size = 0;
        add('x', "pax", records[i], strlen(records[i]));
        add('0', "a", "", 0);
        int rc = unpack();
        assert_int_equal(rc, i == 5 ? 0 : -1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_files_and_folders, setup, teardown),
        cmocka_unit_test_setup_teardown(test_small_reads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_prefix_and_pax, setup, teardown),
        cmocka_unit_test_setup_teardown(test_links, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_through_links, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
