#include "own_folder.h"

#include "base/cleanup.h"
#include "fleet/instance/instance_memory.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ID_DIGITS 6

/* The folder of a test that is in memory, as a run directory may be. */
static int make_memory(void **state)
{
    struct folder *folder = xcalloc(1, sizeof(*folder));
    snprintf(folder->path, sizeof(folder->path), "/dev/shm/berth-unit-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    folder->file = xasprintf("%s/file", folder->path);
    *state = folder;
    return 0;
}

#define MEMORY_TEST(test) cmocka_unit_test_setup_teardown(test, make_memory, remove_folder)

static char *write_into(const char *folder, const char *name)
{
    struct error err;
    char *path = xasprintf("%s/%s", folder, name);
    assert_int_equal(fs_make_dirs(folder, 0700, &err), 0);
    assert_int_equal(fs_write_file(path, "x", 1, 0600, &err), 0);
    return path;
}

/* The id of an owner whose folder below /dev/shm is nobody else's. */
static const char *own_id(const struct folder *folder)
{
    return folder->path + strlen(folder->path) - ID_DIGITS;
}

static bool is_of_the_living(const void *context, const char *instance)
{
    (void)context;
    return strcmp(instance, "0123456789ab") == 0;
}

static int open_memory(const char *run_dir, const char *id, char **ret_dir, struct error *err)
{
    return instance_memory_open(run_dir, id, is_of_the_living, NULL, ret_dir, err);
}

static void what_an_instance_goes_on_with_stays(void **state)
{
    const struct folder *folder = *state;
    struct error err;
    cleanup_free char *own = xasprintf("%s/m/0123456789ab", folder->path);
    cleanup_free char *other = xasprintf("%s/m/ba9876543210", folder->path);
    cleanup_free char *kept = write_into(own, "kept");
    cleanup_free char *left = write_into(other, "left");
    char *dir = NULL;
    assert_int_equal(open_memory(folder->path, "unused", &dir, &err), 0);
    assert_true(fs_exists(kept));
    assert_false(fs_exists(left));
    assert_false(fs_exists(other));
    instance_memory_close(dir, true);
    assert_true(fs_exists(kept));
    assert_int_equal(open_memory(folder->path, "unused", &dir, &err), 0);
    instance_memory_close(dir, false);
    assert_false(fs_exists(own));
}

static void what_a_predecessor_has_left_is_gone(void **state)
{
    const struct folder *folder = *state;
    struct error err;
    struct stat status;
    cleanup_free char *wanted = xasprintf("%s/m", folder->path);
    cleanup_free char *left = write_into(wanted, "left");
    char *dir = NULL;
    assert_int_equal(open_memory(folder->path, "unused", &dir, &err), 0);
    assert_string_equal(dir, wanted);
    assert_false(fs_exists(left));
    assert_int_equal(stat(dir, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    instance_memory_close(dir, false);
    assert_false(fs_exists(wanted));
}

static void expect_link_is_refused(const char *run_dir, const char *id, const char *link, const char *target)
{
    struct error err;
    char *dir = NULL;
    cleanup_free char *file = write_into(target, "kept");
    assert_int_equal(symlink(target, link), 0);
    assert_int_equal(open_memory(run_dir, id, &dir, &err), -1);
    assert_int_equal(err.code, ERROR_IS_LINK);
    assert_null(dir);
    assert_true(fs_exists(file));
}

/* Others may put one below /dev/shm. */
static void a_link_to_a_folder_of_the_same_user_is_not_emptied(void **state)
{
    const struct folder *folder = *state;
    cleanup_free char *target = xasprintf("%s/mine", folder->path);
    cleanup_free char *link = xasprintf("%s/m", folder->path);
    expect_link_is_refused(folder->path, "unused", link, target);
}

static void a_link_in_shared_memory_is_not_followed(void **state)
{
    static const char elsewhere[] = "/proc"; /* a run directory that is surely on no tmpfs */
    const struct folder *folder = *state;
    cleanup_free char *target = xasprintf("%s/mine", folder->path);
    cleanup_free char *link = xasprintf("/dev/shm/berth-%s", own_id(folder));
    expect_link_is_refused(elsewhere, own_id(folder), link, target);
    unlink(link);
}

/* It comes back for the next instance, and stays closed to others. */
static void a_folder_that_somebody_removes_is_made_again(void **state)
{
    const struct folder *folder = *state;
    const struct container_user user = {0};
    struct error err;
    struct stat status;
    cleanup_free char *dir = NULL, *secrets = NULL;
    assert_int_equal(open_memory(folder->path, "unused", &dir, &err), 0);
    assert_int_equal(fs_remove_tree(dir, &err), 0);
    assert_int_equal(instance_memory_make(dir, "one", &user, &secrets, &err), 0);
    assert_int_equal(stat(dir, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
}

/* As a user who is not root, and so may give nothing to the container's: it reads what everybody may. */
static int fill_as_usual_user(const char *dir)
{
    const struct container_user user = {.is_known = true, .uid = 10001, .gid = 10001};
    const uid_t self = 0x6fffffff;
    struct error err;
    struct stat status;
    cleanup_free char *secrets = NULL;
    umask(0077);
    if (geteuid() == 0 &&
        (chown(dir, self, self) < 0 || setresgid(self, self, self) < 0 || setresuid(self, self, self) < 0))
        return 1;
    if (instance_memory_make(dir, "one", &user, &secrets, &err) < 0 || stat(secrets, &status) < 0)
        return 2;
    cleanup_free char *file = xasprintf("%s/token", secrets);
    if ((status.st_mode & 07777) != 0755 || fs_write_file(file, "x", 1, 0444, &err) < 0)
        return 3;
    instance_memory_remove(dir, "one");
    return fs_exists(secrets) ? 4 : 0;
}

static void somebody_other_than_root_can_fill_it(void **state)
{
    const struct folder *folder = *state;
    struct error err;
    int status;
    cleanup_free char *dir = xasprintf("%s/m", folder->path);
    assert_int_equal(fs_make_dirs(dir, 0700, &err) + chmod(folder->path, 0755), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(fill_as_usual_user(dir));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MEMORY_TEST(what_a_predecessor_has_left_is_gone),
        MEMORY_TEST(what_an_instance_goes_on_with_stays),
        MEMORY_TEST(a_link_to_a_folder_of_the_same_user_is_not_emptied),
        FOLDER_TEST(a_link_in_shared_memory_is_not_followed),
        MEMORY_TEST(a_folder_that_somebody_removes_is_made_again),
        MEMORY_TEST(somebody_other_than_root_can_fill_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
