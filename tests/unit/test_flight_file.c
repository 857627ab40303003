/* What is under way is found after its process has gone, and only then; what has come to its end is not. */
#include "store/flight_file.h"

#include "base/fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

static int begin(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/berth-flights-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    struct error err;
    return fs_remove_tree(folder, &err);
}

static struct flight_file *make(unsigned parts)
{
    struct error err;
    struct flight_file *file;
    if (flight_file_create(folder, parts, &file, &err) < 0)
        fail_msg("%s", err.message);
    return file;
}

static struct flight_cell *enter(struct flight_part *part, unsigned number)
{
    struct flight_cell *cell = flight_part_take(part);
    if (cell) {
        memcpy(cell->bytes, &number, sizeof(number));
        flight_cell_set(cell, sizeof(number));
    }
    return cell;
}

/* What a child does before it is gone, without a chance to clean up. */
static void in_child(void (*play)(void))
{
    pid_t child = fork();
    if (child == 0) {
        play();
        _exit(0);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
}

struct seen {
    unsigned numbers[64];
    unsigned count;
};

static void see(const void *bytes, size_t size, int64_t shift_ns, void *context)
{
    struct seen *seen = context;
    assert_int_equal(size, sizeof(unsigned));
    assert_true(shift_ns < 1000000000 && shift_ns > -1000000000);
    if (seen->count < 64)
        memcpy(&seen->numbers[seen->count], bytes, sizeof(unsigned));
    seen->count++;
}

static struct seen collect(void)
{
    struct error err;
    struct seen seen = {0};
    if (flight_files_collect(folder, see, &seen, &err) < 0)
        fail_msg("%s", err.message);
    return seen;
}

static unsigned file_count(void)
{
    DIR *dir = opendir(folder);
    unsigned count = 0;
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void play_some(void)
{
    struct flight_file *file = make(2);
    struct flight_part *first = flight_file_part(file, 0), *second = flight_file_part(file, 1);
    enter(first, 1);
    struct flight_cell *over = enter(first, 2);
    enter(second, 3);
    flight_part_take(second); /* taken, but nothing stands there yet */
    flight_part_give(first, over);
}

static void what_was_under_way_is_found_once(void **state)
{
    (void)state;
    in_child(play_some);
    struct seen seen = collect();
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.numbers[0], 1);
    assert_int_equal(seen.numbers[1], 3);
    assert_int_equal(file_count(), 0);
    assert_int_equal(collect().count, 0);
}

static void those_of_a_living_process_are_left(void **state)
{
    (void)state;
    struct flight_file *file = make(1);
    enter(flight_file_part(file, 0), 1);
    assert_int_equal(collect().count, 0);
    assert_int_equal(file_count(), 1);
    flight_file_destroy(file);
    assert_int_equal(file_count(), 0);
}

static void play_many(void)
{
    struct flight_part *part = flight_file_part(make(1), 0);
    for (unsigned i = 0; i < 1000; i++)
        enter(part, i);
}

static void more_than_ever_find_room(void **state)
{
    (void)state;
    in_child(play_many);
    assert_int_equal(collect().count, 1000);
}

static void a_cell_is_used_again_at_once(void **state)
{
    (void)state;
    struct flight_file *file = make(1);
    struct flight_part *part = flight_file_part(file, 0);
    struct flight_cell *cell = enter(part, 1);
    flight_part_give(part, cell);
    assert_ptr_equal(enter(part, 2), cell);
    flight_file_destroy(file);
}

static void there_is_an_end_of_room(void **state)
{
    (void)state;
    struct flight_file *file = make(1);
    struct flight_part *part = flight_file_part(file, 0);
    struct flight_cell *last = NULL;
    unsigned count = 0;
    for (struct flight_cell *cell; count < 100000 && (cell = enter(part, count)); count++)
        last = cell;
    assert_in_range(count, 10000, 99999);
    flight_part_give(part, last);
    assert_ptr_equal(enter(part, 1), last);
    flight_file_destroy(file);
}

static void what_is_no_such_file_is_put_away(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof(path), "%s/odd", folder);
    struct error err;
    assert_int_equal(fs_write_file(path, "odd", 3, 0600, &err), 0);
    assert_int_equal(collect().count, 0);
    assert_int_equal(file_count(), 0);
}

static void a_folder_that_is_not_there_has_none(void **state)
{
    (void)state;
    struct error err;
    struct seen seen = {0};
    assert_int_equal(flight_files_collect("/tmp/berth-no-such-folder", see, &seen, &err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_under_way_is_found_once, begin, end),
        cmocka_unit_test_setup_teardown(those_of_a_living_process_are_left, begin, end),
        cmocka_unit_test_setup_teardown(more_than_ever_find_room, begin, end),
        cmocka_unit_test_setup_teardown(a_cell_is_used_again_at_once, begin, end),
        cmocka_unit_test_setup_teardown(there_is_an_end_of_room, begin, end),
        cmocka_unit_test_setup_teardown(what_is_no_such_file_is_put_away, begin, end),
        cmocka_unit_test(a_folder_that_is_not_there_has_none),
    };
    return cmocka_run_group_tests_name("flight_file", tests, NULL, NULL);
}
