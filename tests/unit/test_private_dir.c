/* Directories that nobody else gets past: made, closed, or refused. */
#include "base/private_dir.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define MARK     "mark"
#define STRANGER 65534

/* A place for one test, and what is asked for there. */
struct place {
    char top[PATH_MAX], dir[PATH_MAX];
    struct error err;
};

static void place_open(struct place *place)
{
    char template[] = "/tmp/berth-private-XXXXXX";
    assert_non_null(mkdtemp(template));
    assert_non_null(realpath(template, place->top));
    snprintf(place->dir, sizeof(place->dir), "%.2000s/dir", place->top);
}

static void place_close(const struct place *place)
{
    assert_int_equal(fs_remove_tree(place->top, NULL), 0);
}

static void make(const struct place *place, mode_t mode)
{
    assert_int_equal(mkdir(place->dir, 0700), 0);
    assert_int_equal(chmod(place->dir, mode), 0);
}

static void put(const struct place *place, const char *name)
{
    cleanup_free char *path = xasprintf("%s/%s", place->dir, name);
    assert_int_equal(fs_write_file(path, "", 0, 0600, NULL), 0);
}

static mode_t mode_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_mode & 07777;
}

static int try(struct place *place, const char *path)
{
    cleanup_free char *real = NULL;
    int rc = private_dir_open(path, MARK, &real, &place->err);
    if (rc == 0)
        assert_string_equal(real, place->dir);
    else
        assert_null(real);
    return rc;
}

static void expect_closed(struct place *place)
{
    assert_int_equal(try(place, place->dir), 0);
    assert_int_equal(mode_of(place->dir), 0700);
    place_close(place);
}

static void expect_refused(struct place *place, const char *reason, const char *words)
{
    mode_t before = mode_of(place->dir);
    assert_int_equal(try(place, place->dir), -1);
    if (strcmp(error_code_slug(place->err.code), reason) != 0 || !strstr(place->err.message, words) ||
        !*place->err.hint)
        fail_msg("%s: %s (%s)", error_code_slug(place->err.code), place->err.message, place->err.hint);
    assert_int_equal(mode_of(place->dir), before);
    place_close(place);
}

static void is_made_with_its_way_whatever_the_umask(void **state)
{
    (void)state;
    static const mode_t umasks[] = {0, 022, 077};
    for (size_t i = 0; i < 3; i++) {
        struct place place;
        place_open(&place);
        cleanup_free char *above = xasprintf("%s/a/b", place.top);
        snprintf(place.dir, sizeof(place.dir), "%.2000s/c", above);
        mode_t usual = umask(umasks[i]);
        assert_int_equal(try(&place, place.dir), 0);
        umask(usual);
        assert_int_equal(mode_of(above), 0700);
        expect_closed(&place);
    }
}

static void an_empty_one_is_closed(void **state)
{
    (void)state;
    struct place place;
    place_open(&place);
    make(&place, 0755);
    expect_closed(&place);
}

static void one_that_is_known_is_closed(void **state)
{
    (void)state;
    struct place place;
    place_open(&place);
    make(&place, 0751);
    put(&place, "other");
    put(&place, MARK);
    expect_closed(&place);
}

static void a_closed_one_may_hold_anything(void **state)
{
    (void)state;
    struct place place;
    place_open(&place);
    make(&place, 0700);
    put(&place, "other");
    expect_closed(&place);
}

/* Whoever gives /run or /etc by mistake must not find them closed to the rest of the system. */
static void one_that_is_in_use_is_left_alone(void **state)
{
    (void)state;
    struct place place;
    place_open(&place);
    make(&place, 0755);
    put(&place, "other");
    expect_refused(&place, "not-private", "not Berth's");
}

/* What is in it already may be somebody's trap. */
static void one_that_others_may_write_to_is_refused(void **state)
{
    (void)state;
    static const mode_t modes[] = {0777, 01777, 0770, 0702};
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        struct place place;
        place_open(&place);
        make(&place, modes[i]);
        put(&place, MARK);
        expect_refused(&place, "not-safe", place.dir);
    }
}

static void one_of_somebody_else_is_refused(void **state)
{
    (void)state;
    struct place place;
    if (geteuid() != 0)
        skip();
    place_open(&place);
    make(&place, 0700);
    assert_int_equal(chown(place.dir, STRANGER, STRANGER), 0);
    expect_refused(&place, "not-own", "belongs to the user 65534");
}

static void one_below_somebody_else_s_is_refused(void **state)
{
    (void)state;
    struct place place;
    if (geteuid() != 0)
        skip();
    place_open(&place);
    make(&place, 0700);
    assert_int_equal(chown(place.top, STRANGER, STRANGER), 0);
    expect_refused(&place, "not-own", "on the way to");
}

static void one_that_others_could_replace_is_refused(void **state)
{
    (void)state;
    struct place place;
    place_open(&place);
    make(&place, 0700);
    assert_int_equal(chmod(place.top, 0777), 0);
    expect_refused(&place, "not-safe", "on the way to");
}

static void a_group_of_others_counts_as_others(void **state)
{
    (void)state;
    struct place place;
    if (geteuid() != 0)
        skip();
    place_open(&place);
    make(&place, 0700);
    assert_int_equal(chown(place.top, 0, STRANGER), 0);
    assert_int_equal(chmod(place.top, 0775), 0);
    expect_refused(&place, "not-safe", "on the way to");
}

static void one_in_a_place_for_everybody_is_fine(void **state)
{
    (void)state;
    static const mode_t modes[] = {01777, 0775};
    for (size_t i = 0; i < 2; i++) {
        struct place place;
        place_open(&place);
        make(&place, 0755);
        assert_int_equal(chmod(place.top, modes[i]), 0);
        expect_closed(&place);
    }
}

static void a_link_is_followed_once(void **state)
{
    (void)state;
    struct place place;
    place_open(&place);
    make(&place, 0755);
    cleanup_free char *link = xasprintf("%s/link", place.top);
    assert_int_equal(symlink(place.dir, link), 0);
    assert_int_equal(try(&place, link), 0);
    expect_closed(&place);
}

static void what_is_no_directory_is_refused(void **state)
{
    (void)state;
    struct place place;
    place_open(&place);
    assert_int_equal(fs_write_file(place.dir, "", 0, 0600, NULL), 0);
    assert_int_equal(try(&place, place.dir), -1);
    assert_string_equal(error_code_slug(place.err.code), "not-a-directory");
    place_close(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_made_with_its_way_whatever_the_umask),
        cmocka_unit_test(an_empty_one_is_closed),
        cmocka_unit_test(one_that_is_known_is_closed),
        cmocka_unit_test(a_closed_one_may_hold_anything),
        cmocka_unit_test(one_that_is_in_use_is_left_alone),
        cmocka_unit_test(one_that_others_may_write_to_is_refused),
        cmocka_unit_test(one_of_somebody_else_is_refused),
        cmocka_unit_test(one_below_somebody_else_s_is_refused),
        cmocka_unit_test(one_that_others_could_replace_is_refused),
        cmocka_unit_test(a_group_of_others_counts_as_others),
        cmocka_unit_test(one_in_a_place_for_everybody_is_fine),
        cmocka_unit_test(a_link_is_followed_once),
        cmocka_unit_test(what_is_no_directory_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
