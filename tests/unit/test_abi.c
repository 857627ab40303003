/*
 * The plugin ABI as it is frozen: sizes and offsets by numbers, and a plugin made with the header of 1.0. Who
 * appends a member adds a row here and changes none.
 */
#include "prepare/job/abi.h"
#include "prepare/job/description.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PIN(type, member, offset)                                                                            \
    _Static_assert(offsetof(struct type, member) == (offset), #type "." #member " has moved")

/* That it has no padding at its end, which a later member could fall into: an older plugin would seem to have
 * it. */
#define PIN_SIZE(type, last, size)                                                                           \
    _Static_assert(sizeof(struct type) == (size) && ABI_SIZE(type, last) == (size),                          \
                   "the size of " #type " is another, or not that up to " #last)

/* The sizes of 1.0, with the last members of then. */
_Static_assert(ABI_OPTION_LEAST == 56, "of 1.0");
_Static_assert(ABI_DIAGNOSTIC_LEAST == 48, "of 1.0");
_Static_assert(ABI_DEPENDENCIES_LEAST == 32, "of 1.0");
_Static_assert(ABI_LAUNCH_LEAST == 56, "of 1.0");
_Static_assert(ABI_PLUGIN_LEAST == 88, "of 1.0");

/* A number of an enum is an int's. */
_Static_assert(sizeof(enum berth_option_type) == 4 && sizeof(enum berth_severity) == 4 &&
                   sizeof(enum berth_transport) == 4 && sizeof(enum berth_option_flags) == 4,
               "enums have changed their size");

PIN(berth_error, struct_size, 0);
PIN(berth_error, message, 8);
PIN(berth_error, hint, 520);
PIN_SIZE(berth_error, hint, 776);

PIN(berth_option, name, 0);
PIN(berth_option, aliases, 8);
PIN(berth_option, type, 16);
PIN(berth_option, default_value, 24);
PIN(berth_option, min, 32);
PIN(berth_option, max, 40);
PIN(berth_option, help, 48);
PIN(berth_option, flags, 56);
PIN_SIZE(berth_option, flags, 64);

PIN(berth_function, struct_size, 0);
PIN(berth_function, name, 8);
PIN(berth_function, folder, 16);
PIN(berth_function, file, 24);
PIN(berth_function, dependencies, 32);
PIN(berth_function, base, 40);
PIN_SIZE(berth_function, base, 48);

PIN(berth_diagnostic, struct_size, 0);
PIN(berth_diagnostic, severity, 8);
PIN(berth_diagnostic, file, 16);
PIN(berth_diagnostic, line, 24);
PIN(berth_diagnostic, column, 28);
PIN(berth_diagnostic, message, 32);
PIN(berth_diagnostic, hint, 40);
PIN(berth_diagnostic, option, 48);
PIN_SIZE(berth_diagnostic, option, 56);

PIN(berth_dependencies, struct_size, 0);
PIN(berth_dependencies, key, 8);
PIN(berth_dependencies, argv, 16);
PIN(berth_dependencies, environment, 24);
PIN(berth_dependencies, reads, 32);
PIN_SIZE(berth_dependencies, reads, 40);

PIN(berth_launch, struct_size, 0);
PIN(berth_launch, image, 8);
PIN(berth_launch, command, 16);
PIN(berth_launch, environment, 24);
PIN(berth_launch, concurrency, 32);
PIN(berth_launch, transport, 36);
PIN(berth_launch, port, 40);
PIN(berth_launch, runtime, 48);
PIN(berth_launch, ready_path, 56);
PIN(berth_launch, dockerfile, 64);
PIN_SIZE(berth_launch, dockerfile, 72);

PIN(berth_host, struct_size, 0);
PIN(berth_host, abi_minor, 8);
PIN(berth_host, report, 16);
PIN(berth_host, option, 24);
PIN(berth_host, add_file, 32);
PIN(berth_host, add_folder, 40);
PIN(berth_host, set_dependencies, 48);
PIN(berth_host, set_launch, 56);
PIN(berth_host, add_build_context, 64);
PIN_SIZE(berth_host, add_build_context, 72);

PIN(berth_plugin, struct_size, 0);
PIN(berth_plugin, abi_major, 8);
PIN(berth_plugin, abi_minor, 12);
PIN(berth_plugin, name, 16);
PIN(berth_plugin, version, 24);
PIN(berth_plugin, aliases, 32);
PIN(berth_plugin, options, 40);
PIN(berth_plugin, option_count, 48);
PIN(berth_plugin, validate, 56);
PIN(berth_plugin, package, 64);
PIN(berth_plugin, launch, 72);
PIN(berth_plugin, scaffold, 80);
PIN(berth_plugin, option_size, 88);
PIN_SIZE(berth_plugin, option_size, 96);

/* Of plugins/oldest.c, which the compiler has seen with the header of 1.0. */
static void test_plugin_of_1_0_is_read(void **state)
{
    (void)state;
    struct berth_plugin plugin;
    struct error err;
    const struct berth_plugin *given = berth_plugin_entry();
    assert_int_equal(given->abi_minor, 0);
    assert_int_equal(given->struct_size, ABI_PLUGIN_LEAST);
    assert_int_equal(description_read(given, &plugin, &err), 0);
    assert_int_equal(plugin.option_size, 0);
    assert_ptr_equal(plugin.scaffold, given->scaffold);
    assert_string_equal(abi_option(&plugin, 1).name, "width");
    assert_string_equal(abi_option(&plugin, 2).default_value, "0.5");
    json_t *json = description_to_json(&plugin);
    assert_int_equal(json_array_size(json_object_get(json, "options")), 3);
    json_decref(json);
}

/* Another minor version's options, with a member more. */
struct grown_option {
    struct berth_option known;
    long more;
};

static struct berth_plugin grown_plugin(const struct grown_option *options, size_t count)
{
    struct berth_plugin plugin = *berth_plugin_entry();
    plugin.struct_size = sizeof(plugin);
    plugin.options = &options->known;
    plugin.option_count = count;
    plugin.option_size = sizeof(*options);
    return plugin;
}

static void test_options_of_another_size_are_read(void **state)
{
    static const struct grown_option options[] = {
        {{.name = "first", .type = BERTH_OPTION_STRING, .help = "One."}, 7},
        {{.name = "second", .type = BERTH_OPTION_BOOLEAN, .default_value = "true", .help = "Two."}, 8},
    };
    (void)state;
    struct berth_plugin plugin, given = grown_plugin(options, 2);
    struct error err;
    assert_int_equal(description_read(&given, &plugin, &err), 0);
    assert_string_equal(abi_option(&plugin, 1).name, "second");
    assert_string_equal(abi_option(&plugin, 1).default_value, "true");
}

static void test_sizes_of_options_that_cannot_be_are_refused(void **state)
{
    static const size_t sizes[] = {1, 55, 57, 60, 1 << 20};
    static const struct grown_option options[] = {
        {{.name = "first", .type = BERTH_OPTION_STRING, .help = "One."}, 7},
    };
    (void)state;
    struct berth_plugin plugin, given = grown_plugin(options, 1);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        struct error err;
        given.option_size = sizes[i];
        assert_int_equal(description_read(&given, &plugin, &err), -1);
        assert_non_null(strstr(err.message, "option_size is "));
    }
}

static void test_what_a_struct_has_not_is_zero(void **state)
{
    struct {
        size_t struct_size;
        long known, unknown;
    } given = {offsetof(struct berth_launch, command), 5, 6};
    struct berth_launch launch;
    (void)state;
    abi_copy(&launch, sizeof(launch), &given);
    assert_int_equal((uintptr_t)launch.image, 5);
    assert_null(launch.command);
    assert_null(launch.ready_path);
}

/* A plugin's struct may be larger than this host's. */
static void test_what_this_host_does_not_know_is_left(void **state)
{
    struct {
        struct berth_launch known;
        long more;
    } given = {.known = {.struct_size = sizeof(given), .ready_path = "/"}, .more = -1};
    struct {
        struct berth_launch launch;
        long after;
    } taken = {.after = 3};
    (void)state;
    abi_copy(&taken.launch, sizeof(taken.launch), &given);
    assert_string_equal(taken.launch.ready_path, "/");
    assert_int_equal(taken.after, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plugin_of_1_0_is_read),
        cmocka_unit_test(test_options_of_another_size_are_read),
        cmocka_unit_test(test_sizes_of_options_that_cannot_be_are_refused),
        cmocka_unit_test(test_what_a_struct_has_not_is_zero),
        cmocka_unit_test(test_what_this_host_does_not_know_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
