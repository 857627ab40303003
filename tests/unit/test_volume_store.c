#include "own_folder.h"

#include "base/cleanup.h"
#include "prepare/store/volume_size.h"
#include "prepare/store/volume_store.h"

#include <event2/event.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A store in the folder of a test. */
struct opened {
    struct event_base *base;
    struct background *background;
    struct volume_store *store;
};

static struct opened open_store(const struct folder *folder)
{
    struct opened opened = {.base = event_base_new()};
    struct error err;
    assert_int_equal(background_create(opened.base, &opened.background, &err), 0);
    assert_int_equal(volume_store_open(folder->path, opened.background, &opened.store, &err), 0);
    return opened;
}

/* What the background has begun is finished, what it has not is not. */
static void close_store(struct opened *opened)
{
    background_destroy(opened->background);
    volume_store_close(opened->store);
    event_base_free(opened->base);
}

static void write_into(const struct opened *opened, const char *volume, const char *name, const char *text)
{
    struct error err;
    cleanup_free char *path = volume_store_path(opened->store, volume);
    cleanup_free char *file = xasprintf("%s/%s", path, name);
    assert_int_equal(fs_write_file(file, text, strlen(text), 0644, &err), 0);
}

static bool has_file(const struct opened *opened, const char *volume, const char *name)
{
    cleanup_free char *path = volume_store_path(opened->store, volume);
    cleanup_free char *file = xasprintf("%s/%s", path, name);
    return fs_exists(file);
}

static void a_volume_is_made_once_and_given_while_it_is_empty(void **state)
{
    struct opened opened = open_store(*state);
    struct error err;
    struct stat status;
    cleanup_free char *path = volume_store_path(opened.store, "data");
    assert_false(volume_store_has(opened.store, "data"));
    assert_int_equal(volume_store_ensure(opened.store, "data", 1234, 4321, &err), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0777);
    assert_int_equal(status.st_uid, geteuid() == 0 ? 1234 : geteuid());
    assert_int_equal(volume_store_ensure(opened.store, "data", 99, 99, &err), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_uid, geteuid() == 0 ? 99 : geteuid());
    write_into(&opened, "data", "file", "x");
    assert_int_equal(volume_store_ensure(opened.store, "data", 1234, 4321, &err), 0);
    assert_int_equal(volume_store_ensure(opened.store, "data", (uid_t)-1, 0, &err), 0);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_uid, geteuid() == 0 ? 99 : geteuid());
    close_store(&opened);
}

static void a_link_in_the_place_of_a_volume_is_not_followed(void **state)
{
    struct opened opened = open_store(*state);
    struct error err;
    cleanup_free char *path = volume_store_path(opened.store, "data");
    assert_int_equal(symlink("/", path), 0);
    assert_int_equal(volume_store_ensure(opened.store, "data", 1, 1, &err), -1);
    close_store(&opened);
}

static void volumes_are_listed_and_removed(void **state)
{
    struct opened opened = open_store(*state);
    struct error err;
    char **names = NULL;
    size_t count = 0;
    assert_int_equal(volume_store_ensure(opened.store, "b", 1, 1, &err), 0);
    assert_int_equal(volume_store_ensure(opened.store, "a", 1, 1, &err), 0);
    write_into(&opened, "b", "file", "text");
    assert_int_equal(volume_store_remove(opened.store, "b", &err), 0);
    assert_false(volume_store_has(opened.store, "b"));
    assert_int_equal(volume_store_remove(opened.store, "b", &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(volume_store_remove(opened.store, "../volumes", &err), -1);
    assert_int_equal(volume_store_remove(opened.store, ".staging", &err), -1);
    assert_int_equal(volume_store_list(opened.store, &names, &count, &err), 0);
    assert_int_equal(count, 1);
    assert_string_equal(names[0], "a");
    free(names[0]);
    free(names);
    close_store(&opened);
}

static void what_is_staged_takes_the_place_of_what_is_there(void **state)
{
    struct opened opened = open_store(*state);
    const struct volume_owner owner = {1234, 4321};
    struct error err;
    cleanup_free char *stage = volume_store_stage(opened.store);
    assert_int_equal(mkdir(stage, 0700), 0);
    assert_int_equal(volume_store_ensure(opened.store, "data", 1, 1, &err), 0);
    write_into(&opened, "data", "old", "x");
    assert_int_equal(volume_store_place(opened.store, "data", stage, &owner, false, &err), -1);
    assert_int_equal(err.code, ERROR_VOLUME_NOT_EMPTY);
    assert_true(has_file(&opened, "data", "old"));
    assert_int_equal(volume_store_place(opened.store, "data", stage, &owner, true, &err), 0);
    assert_false(has_file(&opened, "data", "old"));
    assert_false(fs_exists(stage));
    assert_true(volume_store_has(opened.store, "data"));

    cleanup_free char *other = volume_store_stage(opened.store);
    assert_int_equal(mkdir(other, 0700), 0);
    assert_int_equal(volume_store_place(opened.store, "new", other, &owner, false, &err), 0);
    assert_true(volume_store_has(opened.store, "new"));
    close_store(&opened);
}

static void a_volume_is_measured_as_long_as_there_is_time(void **state)
{
    struct opened opened = open_store(*state);
    struct volume_size size;
    struct error err;
    cleanup_free char *path = volume_store_path(opened.store, "data");
    volume_measure(path, UINT64_MAX, &size);
    assert_true(size.is_whole && size.bytes == 0 && size.files == 0);
    assert_int_equal(volume_store_ensure(opened.store, "data", 1, 1, &err), 0);
    write_into(&opened, "data", "one", "1");
    write_into(&opened, "data", "two", "22");
    volume_measure(path, UINT64_MAX, &size);
    assert_true(size.is_whole && size.bytes > 0);
    assert_int_equal(size.files, 2);
    volume_measure(path, 0, &size);
    assert_false(size.is_whole);
    close_store(&opened);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(a_volume_is_made_once_and_given_while_it_is_empty),
        FOLDER_TEST(a_link_in_the_place_of_a_volume_is_not_followed),
        FOLDER_TEST(volumes_are_listed_and_removed),
        FOLDER_TEST(what_is_staged_takes_the_place_of_what_is_there),
        FOLDER_TEST(a_volume_is_measured_as_long_as_there_is_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
