/* What groups have used, from files as the kernel writes them. */
#include "base/alloc.h"
#include "base/cgroup.h"
#include "base/cleanup.h"
#include "base/fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char two_versions[] =
    "9:name=systemd:/\n5:memory:/docker/a1\n2:cpu,cpuacct:/docker/a1\n0::/other\n";
static const char unified[] = "0::/system.slice/docker-a1.scope\n";

static int make_folder(void **state)
{
    *state = xstrdup("/tmp/cgroup-XXXXXX");
    return mkdtemp(*state) ? 0 : -1;
}

static int remove_folder(void **state)
{
    struct error err;
    int result = fs_remove_tree(*state, &err);
    free(*state);
    return result;
}

static void put(const char *folder, const char *group, const char *file, const char *text)
{
    struct error err;
    cleanup_free char *dir = xasprintf("%s/%s", folder, group), *path = xasprintf("%s/%s", dir, file);
    assert_int_equal(fs_make_dirs(dir, 0755, &err), 0);
    cleanup_file FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    assert_true(fputs(text, stream) >= 0);
}

static void version_1_has_a_folder_for_each_controller(void **state)
{
    struct cgroup_usage usage;
    put(*state, "cpuacct/docker/a1", "cpuacct.usage", "1234567890\n");
    put(*state, "memory/docker/a1", "memory.usage_in_bytes", "5000000\n");
    assert_int_equal(cgroup_usage_read(two_versions, *state, &usage), -1);
    put(*state, "memory/docker/a1", "memory.stat", "inactive_file 7\ntotal_inactive_file 1000000\n");
    assert_int_equal(cgroup_usage_read(two_versions, *state, &usage), 0);
    assert_int_equal(usage.cpu_ns, 1234567890);
    assert_int_equal(usage.memory_bytes, 4000000);
}

static void version_2_has_one(void **state)
{
    struct cgroup_usage usage;
    put(*state, "system.slice/docker-a1.scope", "cpu.stat", "user_usec 1\nusage_usec 2500\nsystem_usec 1\n");
    put(*state, "system.slice/docker-a1.scope", "memory.current", "100\n");
    put(*state, "system.slice/docker-a1.scope", "memory.stat", "anon 3\ninactive_file 300\n");
    assert_int_equal(cgroup_usage_read(unified, *state, &usage), 0);
    assert_int_equal(usage.cpu_ns, 2500000);
    assert_int_equal(usage.memory_bytes, 0);
}

static void what_is_not_there_is_not_known(void **state)
{
    static const char *const texts[] = {"",     "\n", "::", "0:", "x", "4:memory:/a\n", "1:cpuset,cpu:/\n",
                                        unified};
    struct cgroup_usage usage;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(cgroup_usage_read(texts[i], *state, &usage), -1);
    put(*state, "system.slice/docker-a1.scope", "cpu.stat", "usage_usec none\n");
    assert_int_equal(cgroup_usage_read(unified, *state, &usage), -1);
    assert_int_equal(cgroup_usage_of_process(0, &usage), -1);
}

static void this_process_is_counted(void **state)
{
    (void)state;
    struct cgroup_usage usage = {0};
    if (cgroup_usage_of_process(getpid(), &usage) < 0)
        skip();
    assert_true(usage.cpu_ns > 0);
    assert_true(usage.memory_bytes > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(version_1_has_a_folder_for_each_controller, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(version_2_has_one, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(what_is_not_there_is_not_known, make_folder, remove_folder),
        cmocka_unit_test(this_process_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
