/* What the next daemon is told of an instance: whole, or not at all. */
#include "fleet/instance/instance_record.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/process.h"
#include "prepare/store/sealed_file.h"

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

#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct instance_record serving = {
    .owner = "0123456789abcdef",
    .instance = "0123456789ab",
    .container = (char *)"0f3c",
    .function = (char *)"hello",
    .digest = DIGEST,
    .was_prewarmed = true,
    .concurrency = 8,
    .limits = {.memory_bytes = UINT64_C(256) << 20, .cpus = 0.5, .pids = 100},
    .process = 41,
    .user = 10001,
    .first_process = 40,
    .first_began = 123456,
    .times = {.created_ms = 1000, .create_ms = 20, .start_ms = 30, .load_ms = 40},
    .ready_ms = 1100,
};

static const struct instance_record server = {
    .owner = "0123456789abcdef",
    .instance = "0123456789ab",
    .container = (char *)"0f3c",
    .function = (char *)"web",
    .digest = DIGEST,
    .concurrency = 1024,
    .address = (char *)"172.18.0.2",
    .user = (uid_t)-1,
    .ready_ms = 1,
};

static const struct instance_record prewarmed = {
    .owner = "0123456789abcdef",
    .instance = "0123456789ab",
    .container = (char *)"0f3c",
    .digest = DIGEST,
    .was_prewarmed = true,
    .user = 10001,
};

static void assert_text(const char *a, const char *b)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a)
        assert_string_equal(a, b);
}

static void check_same(const struct instance_record *wanted)
{
    struct instance_record found;
    struct error err;
    cleanup_free char *text = instance_record_text(wanted);
    assert_int_equal(instance_record_parse(text, strlen(text), &found, &err), 0);
    assert_string_equal(found.owner, wanted->owner);
    assert_string_equal(found.instance, wanted->instance);
    assert_string_equal(found.digest, wanted->digest);
    assert_text(found.container, wanted->container);
    assert_text(found.function, wanted->function);
    assert_text(found.address, wanted->address);
    assert_int_equal(found.was_prewarmed, wanted->was_prewarmed);
    assert_int_equal(found.concurrency, wanted->concurrency);
    assert_int_equal(found.limits.memory_bytes, wanted->limits.memory_bytes);
    assert_true(found.limits.cpus == wanted->limits.cpus);
    assert_int_equal(found.limits.pids, wanted->limits.pids);
    assert_int_equal(found.process, wanted->process);
    assert_int_equal(found.user, wanted->user);
    assert_int_equal(found.first_process, wanted->first_process);
    assert_int_equal(found.first_began, wanted->first_began);
    assert_memory_equal(&found.times, &wanted->times, sizeof(found.times));
    assert_int_equal(found.ready_ms, wanted->ready_ms);
    instance_record_clear(&found);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    check_same(&serving);
    check_same(&server);
    check_same(&prewarmed);
}

static void each_byte_counts(void **state)
{
    (void)state;
    struct instance_record found;
    struct error err;
    cleanup_free char *text = instance_record_text(&serving);
    size_t size = strlen(text);
    for (size_t i = 0; i < size; i++) {
        text[i] ^= 1;
        assert_int_equal(instance_record_parse(text, size, &found, &err), -1);
        text[i] ^= 1;
        assert_int_equal(instance_record_parse(text, i, &found, &err), -1);
    }
}

/* One member is another, and its digest is right. */
static void check_refused(const struct instance_record *of, const char *member, json_t *value)
{
    struct instance_record found;
    struct error err;
    json_t *json;
    cleanup_free char *text = instance_record_text(of);
    assert_int_equal(sealed_parse(text, strlen(text), &json, &err), 0);
    if (value)
        json_object_set_new(json, member, value);
    else
        json_object_del(json, member);
    cleanup_free char *changed = sealed_text(json);
    json_decref(json);
    if (instance_record_parse(changed, strlen(changed), &found, &err) == 0)
        fail_msg("taken: %s", changed);
    assert_int_equal(err.code, ERROR_CHANGED);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    static const char *const members[] = {"format", "owner",       "instance", "container",
                                          "digest", "concurrency", "limits",   "process",
                                          "user",   "first",       "times"};
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        check_refused(&serving, members[i], NULL);
        check_refused(&serving, members[i], json_string(""));
        check_refused(&serving, members[i], json_array());
        check_refused(&serving, members[i], json_integer(-1));
    }
    check_refused(&serving, "format", json_integer(2));
    check_refused(&serving, "owner", json_string("../../../../../.."));
    check_refused(&serving, "instance", json_string("0123456789AB"));
    check_refused(&serving, "concurrency", json_integer(0));
    check_refused(&serving, "concurrency", json_integer(1025));
    check_refused(&serving, "container", json_string(""));
    check_refused(&serving, "process", json_integer(INT64_C(1) << 40));
    check_refused(&prewarmed, "concurrency", json_integer(1));
    check_refused(&prewarmed, "was_prewarmed", json_false());
    check_refused(&prewarmed, "address", json_string("127.0.0.1"));
}

/* A process by its number and its begin. */
static void another_start_of_the_container_is_seen(void **state)
{
    (void)state;
    struct instance_record record = {.first_process = getpid(), .first_began = process_began(getpid())};
    assert_true(record.first_began > 0);
    assert_true(instance_record_is_of_this_start(&record));
    record.first_began++;
    assert_false(instance_record_is_of_this_start(&record));
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    record = (struct instance_record){.first_process = child, .first_began = process_began(child)};
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(process_began(child), 0);
    assert_false(instance_record_is_of_this_start(&record));
    record = (struct instance_record){0}; /* nobody can tell */
    assert_true(instance_record_is_of_this_start(&record));
}

/* As on a full disk: here a folder is in its place. */
static void one_that_cannot_be_written_leaves_nothing(void **state)
{
    (void)state;
    char dir[] = "/tmp/berth-record-XXXXXX";
    struct error err;
    assert_non_null(mkdtemp(dir));
    cleanup_free char *path = xasprintf("%s/0123456789ab" INSTANCE_RECORD_SUFFIX, dir);
    cleanup_free char *next = xasprintf("%s.new", path);
    assert_int_equal(fs_make_dirs(path, 0700, &err), 0);
    instance_record_write(dir, &serving);
    assert_int_equal(access(next, F_OK), -1);
    assert_int_equal(fs_remove_tree(dir, &err), 0);
}

/* It has nothing to give back, so it is soon one that its parent has yet to hear of. */
static void a_process_is_seen_to_end(void **state)
{
    (void)state;
    assert_false(process_is_ending(getpid()));
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_true(process_is_ending(child));
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_false(process_is_ending(child));
    assert_false(process_is_ending(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(each_byte_counts),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(another_start_of_the_container_is_seen),
        cmocka_unit_test(one_that_cannot_be_written_leaves_nothing),
        cmocka_unit_test(a_process_is_seen_to_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
