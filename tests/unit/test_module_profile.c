/* What a runner reports of modules, what is learnt of it, and what is none. */
#include "fleet/scale/module_profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define REPORT                                                                                               \
    "{'loaded': true, 'modules': [{'name': 'requests', 'ms': 40.5}, {'name': 'ddtrace', 'ms': 9}, "          \
    "{'name': 'flask.views', 'ms': 0}]}"

/* With ' for ". The caller gives it back. */
static json_t *parse(const char *text)
{
    char bytes[1024];
    size_t i = 0;
    for (; text[i]; i++)
        bytes[i] = text[i] == '\'' ? '"' : text[i];
    bytes[i] = '\0';
    json_t *json = json_loads(bytes, 0, NULL);
    assert_non_null(json);
    return json;
}

static struct module_profile *profile_of(const char *text)
{
    json_t *report = parse(text);
    struct module_profile *profile = module_profile_of_report(report);
    json_decref(report);
    return profile;
}

static void expect_names(const struct module_profile *profile, const char *expected)
{
    json_t *names = module_profile_names(profile), *list = parse(expected);
    assert_true(json_equal(names, list));
    json_decref(names);
    json_decref(list);
}

static bool leave(struct module_profile *profile, const char *text)
{
    json_t *report = parse(text);
    bool is_new = module_profile_leave(profile, report);
    json_decref(report);
    return is_new;
}

/* What is not in the report, or takes longer now, or is no time, stays as it was; what differs by little is
 * no news. */
static void the_least_time_of_a_module_counts(void **state)
{
    (void)state;
    struct module_profile *profile = profile_of(REPORT);
    static const struct {
        const char *report;
        double saved_ms;
        bool is_other;
    } steps[] = {
        {"{'modules': [{'name': 'requests', 'ms': 20.5}, {'name': 'ddtrace', 'ms': 90}]}", 29.5, true},
        {"{'modules': [{'name': 'requests', 'ms': 30}, {'name': 'other', 'ms': 1}]}", 29.5, false},
        {"{'modules': [{'name': 'requests', 'ms': -1}, {'name': 'ddtrace', 'ms': 'x'}]}", 29.5, false},
        {"{'modules': [{'name': 'requests'}, {'name': 'requests', 'ms': 20}]}", 29, false},
        {"{'modules': [{'name': 'ddtrace', 'ms': 0}, 7]}", 20, true},
        {"{'effects': []}", 20, false},
        {"[]", 20, false},
    };
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        json_t *report = parse(steps[i].report);
        assert_int_equal(module_profile_note_times(profile, report), steps[i].is_other);
        assert_true(module_profile_saved_ms(profile) == steps[i].saved_ms);
        json_decref(report);
    }
    module_profile_free(profile);
}

/* Nor is memory that could not be seen any other. */
static void memory_that_differs_by_little_is_the_same(void **state)
{
    (void)state;
    struct module_profile *profile = profile_of(REPORT);
    static const struct {
        uint64_t seen, known;
        bool is_other;
    } steps[] = {{0, 0, false},    {800, 800, true}, {900, 800, false}, {700, 800, false},
                 {901, 901, true}, {700, 700, true}, {0, 700, false},   {1, 1, true}};
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        assert_int_equal(module_profile_note_memory(profile, steps[i].seen), steps[i].is_other);
        assert_int_equal(profile->memory_bytes, steps[i].known);
    }
    module_profile_free(profile);
}

static void modules_keep_their_order(void **state)
{
    (void)state;
    struct module_profile *profile = profile_of(REPORT);
    expect_names(profile, "['requests', 'ddtrace', 'flask.views']");
    assert_true(module_profile_saved_ms(profile) == 49.5);
    module_profile_free(profile);
}

static void what_does_more_than_load_is_left(void **state)
{
    (void)state;
    struct module_profile *profile = profile_of(REPORT);
    assert_true(leave(profile, "{'effects': [{'module': 'ddtrace', 'effect': 'starts a thread'}]}"));
    expect_names(profile, "['requests', 'flask.views']");
    assert_true(module_profile_saved_ms(profile) == 40.5);
    module_profile_free(profile);
}

/* Else the next attempt would be the same, and the one after it. */
static void nothing_is_learnt_of_effects_of_others(void **state)
{
    (void)state;
    static const char *const reports[] = {"{}",
                                          "{'effects': 1}",
                                          "{'effects': []}",
                                          "{'effects': [{'module': 'os', 'effect': 'x'}]}",
                                          "{'effects': [{'module': 'ddtrace'}]}",
                                          "{'effects': [{'effect': 'x'}]}"};
    struct module_profile *profile = profile_of(REPORT);
    for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++)
        assert_false(leave(profile, reports[i]));
    assert_true(leave(profile, "{'effects': [{'module': 'ddtrace', 'effect': 'x'}]}"));
    assert_false(leave(profile, "{'effects': [{'module': 'ddtrace', 'effect': 'x'}]}"));
    module_profile_free(profile);
}

static void it_is_kept_whole(void **state)
{
    (void)state;
    struct module_profile *profile = profile_of(REPORT);
    assert_true(leave(profile, "{'effects': [{'module': 'ddtrace', 'effect': 'starts a thread'}]}"));
    profile->memory_bytes = 123;
    json_t *json = module_profile_to_json(profile);
    struct module_profile *again = module_profile_from_json(json);
    json_decref(json);
    assert_true(json_equal(again->modules, profile->modules) && json_equal(again->left, profile->left));
    assert_int_equal(again->memory_bytes, 123);
    module_profile_free(profile);
    module_profile_free(again);
}

static void what_is_none_is_none(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "[]",
        "{'modules': {}}",
        "{'modules': ['requests']}",
        "{'modules': [{'name': 'a'}]}",
        "{'modules': [{'name': '', 'ms': 1}]}",
        "{'modules': [{'name': 'a', 'ms': -1}]}",
        "{'modules': [{'name': 'a', 'ms': '1'}]}",
        "{'modules': [{'name': 1, 'ms': 1}]}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_null(profile_of(texts[i]));
    assert_null(module_profile_of_report(NULL));
    assert_null(module_profile_from_json(NULL));
}

static void there_may_not_be_too_many(void **state)
{
    (void)state;
    json_t *list = json_array(), *report = json_pack("{s:o}", "modules", list);
    for (unsigned i = 0; i < MODULES_MAX; i++)
        json_array_append_new(list, json_pack("{s:s, s:i}", "name", "a", "ms", 1));
    struct module_profile *profile = module_profile_of_report(report);
    assert_non_null(profile);
    module_profile_free(profile);
    json_array_append_new(list, json_pack("{s:s, s:i}", "name", "a", "ms", 1));
    assert_null(module_profile_of_report(report));
    json_decref(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modules_keep_their_order),
        cmocka_unit_test(the_least_time_of_a_module_counts),
        cmocka_unit_test(memory_that_differs_by_little_is_the_same),
        cmocka_unit_test(what_does_more_than_load_is_left),
        cmocka_unit_test(nothing_is_learnt_of_effects_of_others),
        cmocka_unit_test(it_is_kept_whole),
        cmocka_unit_test(what_is_none_is_none),
        cmocka_unit_test(there_may_not_be_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
