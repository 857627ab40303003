/* Schedules of functions as users write them: what they mean, what is said about wrong ones, what is kept of
 * them. */
#include "base/alloc.h"
#include "base/cleanup.h"
#include "config/function_schedules.h"
#include "config/function_settings.h"
#include "config/schedule_times.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct registry *parse(const char *schedule)
{
    cleanup_free char *text =
        xasprintf("hello:\n  configuration:\n    language: python\n    schedule: %s\n", schedule);
    return registry_parse("r.yml", text, strlen(text), NULL, 0);
}

static struct registry *parse_right(const char *schedule)
{
    struct registry *registry = parse(schedule);
    if (registry->diagnostics.count > 0)
        fail_msg("%s: %s", schedule, registry->diagnostics.items[0].message);
    return registry;
}

static void test_a_text(void **state)
{
    (void)state;
    struct registry *registry = parse_right("\" */5  * * * *\"");
    const struct function_settings *settings = &registry->functions[0];
    assert_int_equal(settings->schedule_count, 1);
    const struct function_schedule *schedule = &settings->schedules[0];
    assert_string_equal(schedule->name, "*/5 * * * *");
    assert_string_equal(schedule->expression, "*/5 * * * *");
    assert_null(schedule->time_zone);
    assert_int_equal(schedule->overlap, OVERLAP_SKIP);
    assert_int_equal(schedule->catch_up, CATCH_UP_NONE);
    assert_int_equal(schedule->catch_up_window_ms, 3600000);
    assert_int_equal(schedule->jitter_ms, 0);
    assert_null(schedule->path);
    assert_null(schedule->body);
    assert_true(schedule->cron.goes_round);
    assert_int_equal(schedule->line, 4);
    registry_destroy(registry);
}

static void test_a_mapping(void **state)
{
    (void)state;
    struct registry *registry = parse_right(
        "{cron: 0 3 * * *, time_zone: Europe/Berlin, overlap: queue, catch_up: all, catch_up_window: 2h,\n"
        "      jitter: 5s, name: nightly, path: \"/reports?of=today\", body: \"{}\"}");
    const struct function_schedule *schedule = &registry->functions[0].schedules[0];
    assert_string_equal(schedule->name, "nightly");
    assert_string_equal(schedule->expression, "0 3 * * *");
    assert_string_equal(schedule->time_zone, "Europe/Berlin");
    assert_int_equal(schedule->overlap, OVERLAP_QUEUE);
    assert_int_equal(schedule->catch_up, CATCH_UP_ALL);
    assert_int_equal(schedule->catch_up_window_ms, 7200000);
    assert_int_equal(schedule->jitter_ms, 5000);
    assert_string_equal(schedule->path, "/reports?of=today");
    assert_string_equal(schedule->body, "{}");
    registry_destroy(registry);
}

static void test_a_list(void **state)
{
    (void)state;
    struct registry *registry = parse_right("[\"@daily\", {schedule: \"@every 30s\", timezone: UTC},\n"
                                            "      CRON_TZ=Asia/Tokyo 0 9 * * 1-5, TZ=UTC @hourly]");
    const struct function_settings *settings = &registry->functions[0];
    assert_int_equal(settings->schedule_count, 4);
    assert_string_equal(settings->schedules[1].name, "@every 30s");
    assert_string_equal(settings->schedules[1].time_zone, "UTC");
    assert_int_equal(settings->schedules[1].cron.every_ms, 30000);
    assert_string_equal(settings->schedules[2].name, "0 9 * * 1-5");
    assert_string_equal(settings->schedules[2].time_zone, "Asia/Tokyo");
    assert_string_equal(settings->schedules[3].time_zone, "UTC");
    registry_destroy(registry);
}

static void test_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "[]", "''", "{}"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct registry *registry = parse_right(texts[i]);
        assert_int_equal(registry->functions[0].schedule_count, 0);
        registry_destroy(registry);
    }
}

static void test_mistakes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
        unsigned line, column;
    } cases[] = {
        {"\"*/5 * * * 9\"", "\"9\" is no weekday", 4, 26},
        {"0 25 * * *", "\"25\" is no hour", 4, 17},
        {"CRON_TZ=UTC 0 25 * * *", "\"25\" is no hour", 4, 29},
        {"0 0 30 2 *", "no day is ever one", 4, 15},
        {"[\"@daily\", \"* * *\"]", "not 3", 4, 27},
        {"[[]]", "a text or a mapping, not a list", 4, 16},
        {"{cron: \"@reboot\"}", "\"@reboot\" is no schedule", 4, 23},
        {"{time_zone: UTC}", "a schedule needs \"cron\"", 4, 15},
        {"{cron: \"@daily\", time_zone: Europe/Atlantis}", "there is no time zone \"Europe/Atlantis\"", 4,
         43},
        {"CRON_TZ=Nowhere @daily", "there is no time zone \"Nowhere\"", 4, 15},
        {"{cron: TZ=UTC @daily, time_zone: UTC}", "two time zones", 4, 22},
        {"{cron: \"@daily\", overlap: wait}", "\"overlap\" must be \"skip\", \"queue\" or \"allow\"", 4, 41},
        {"{cron: \"@daily\", catchup: all}", "unknown key \"catchup\" in a schedule", 4, 32},
        {"{cron: \"@daily\", path: reports}", "the path of a schedule begins with \"/\"", 4, 38},
        {"{cron: \"@daily\", path: /a b}", "has no blanks", 4, 38},
        {"{cron: \"@daily\", name: a b}", "\"a b\" cannot be the name", 4, 38},
        {"[\"@daily\", \"@daily\"]", "two schedules are called \"@daily\": the other one stands on line 4", 4,
         26},
        {"[{cron: \"@daily\", name: x}, {cron: \"@hourly\", name: x}]", "two schedules are called \"x\"", 4,
         67},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct registry *registry = parse(cases[i].text);
        assert_true(registry->diagnostics.count > 0);
        const struct diagnostic *item = &registry->diagnostics.items[0];
        if (!strstr(item->message, cases[i].message))
            fail_msg("%s: %s", cases[i].text, item->message);
        assert_int_equal(item->line, cases[i].line);
        if (item->column != cases[i].column)
            fail_msg("%s: column %u", cases[i].text, item->column);
        assert_true(registry->functions[0].broken);
        registry_destroy(registry);
    }
}

static void test_too_many(void **state)
{
    (void)state;
    struct strbuf text;
    strbuf_init(&text, 1 << 16);
    strbuf_append_text(&text, "[");
    for (int i = 0; i <= FUNCTION_SCHEDULES_MAX; i++)
        strbuf_append_format(&text, "%d %d * * *, ", i % 60, i / 60);
    strbuf_append_text(&text, "]");
    struct registry *registry = parse(strbuf_text(&text));
    assert_non_null(
        strstr(registry->diagnostics.items[0].message, "\"schedule\" has 65 schedules; 64 are possible"));
    registry_destroy(registry);
    strbuf_clear(&text);
}

static void test_kept_and_recalled(void **state)
{
    (void)state;
    struct error err;
    struct registry *again,
        *registry = parse_right("[\"@daily\", {cron: 1 2 * * *, name: x, time_zone: UTC, jitter: 1s}]");
    struct registry *other = parse_right("[\"@daily\", {cron: 1 3 * * *, name: x}, \"@hourly\"]");
    json_t *kept = function_settings_keep(&registry->functions[0]);
    json_t *kept_other = function_settings_keep(&other->functions[0]);
    assert_int_equal(registry_of_kept("r.yml", kept, &again, &err), 0);
    json_t *shown = function_schedules_json(&registry->functions[0]);
    json_t *shown_again = function_schedules_json(&again->functions[0]);
    assert_true(json_equal(shown, shown_again));
    assert_int_equal(json_integer_value(json_object_get(json_array_get(shown, 1), "jitter_ms")), 1000);
    assert_int_equal(again->functions[0].schedules[1].cron.minutes, 2);
    json_t *changed = function_settings_changed(kept, kept_other);
    json_t *expected = json_pack("[s, s]", "schedule.x", "schedule.@hourly");
    assert_true(json_equal(changed, expected));
    function_settings_keep_applied(kept, kept_other);
    assert_int_equal(json_object_size(json_object_get(kept, "schedules")), 3);
    json_object_set_new(json_object_get(json_object_get(kept, "schedules"), "x"), "cron",
                        json_string("later"));
    registry_destroy(again);
    assert_int_equal(registry_of_kept("r.yml", kept, &again, &err), -1);
    json_t *const all[] = {kept, kept_other, shown, shown_again, changed, expected};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        json_decref(all[i]);
    registry_destroy(registry);
    registry_destroy(other);
}

static void digest(const char *schedule, char ret_digest[HASH_HEX_SIZE])
{
    struct registry *registry = parse_right(schedule);
    struct hash *hash = hash_create();
    function_settings_hash(&registry->functions[0], CHANGE_APPLIES, hash);
    hash_finish(hash, ret_digest);
    registry_destroy(registry);
}

static void test_a_change_applies(void **state)
{
    (void)state;
    static const char *const texts[] = {"\"@daily\"", "\"@hourly\"", "[\"@daily\", \"@hourly\"]",
                                        "{cron: \"@daily\", jitter: 1s}", "{cron: \"@daily\", body: x}"};
    char digests[5][HASH_HEX_SIZE];
    for (size_t i = 0; i < 5; i++) {
        digest(texts[i], digests[i]);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(digests[i], digests[j]);
    }
}

static void test_copies(void **state)
{
    (void)state;
    struct registry *registry =
        parse_right("[\"@daily\", {cron: 1 2 * * *, time_zone: UTC, path: /x, body: y}]");
    struct function_schedule *copy = schedules_copy(registry->functions[0].schedules, 2);
    registry_destroy(registry);
    assert_string_equal(copy[0].name, "@daily");
    assert_string_equal(copy[1].time_zone, "UTC");
    assert_string_equal(copy[1].path, "/x");
    assert_string_equal(copy[1].body, "y");
    schedules_free(copy, 2);
}

static void test_next_times(void **state)
{
    (void)state;
    struct registry *registry =
        parse_right("[{cron: 30 2 * * *, time_zone: Europe/Berlin}, {cron: 0 12 29 2 *, time_zone:"
                    " UTC, name: leap}]");
    struct diagnostics found = {0};
    registry_tell_schedules(registry, 1774656000000, &found); /* 2026-03-28T00:00:00Z */
    assert_int_equal(found.count, 2);
    assert_string_equal(
        found.items[0].message,
        "\"30 2 * * *\" runs next at Sat 2026-03-28 02:30:00 +01:00, Sun 2026-03-29 03:00:00 +02:00, Mon "
        "2026-03-30 02:30:00 +02:00, Tue 2026-03-31 02:30:00 +02:00, Wed 2026-04-01 02:30:00 +02:00");
    assert_int_equal(found.items[0].severity, SEVERITY_NOTE);
    assert_int_equal(found.items[0].line, 4);
    assert_string_equal(found.items[0].function, "hello");
    assert_non_null(strstr(found.items[1].message, "\"leap\" runs next at Tue 2028-02-29 12:00:00 +00:00, "));
    diagnostics_clear(&found);
    registry_destroy(registry);
    registry = parse("[\"@daily\", nonsense]");
    registry_tell_schedules(registry, 1774656000000, &found);
    assert_int_equal(found.count, 0);
    registry_destroy(registry);
}

/* The function's folder is there. */
static int enter_data(void **state)
{
    (void)state;
    return chdir(TEST_DATA_DIR "/registry");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_text),
        cmocka_unit_test(test_a_mapping),
        cmocka_unit_test(test_a_list),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_kept_and_recalled),
        cmocka_unit_test(test_a_change_applies),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_next_times),
    };
    return cmocka_run_group_tests(tests, enter_data, NULL);
}
