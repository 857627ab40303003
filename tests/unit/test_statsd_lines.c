/* Metrics as StatsD has them: what is told, when, and in how large pieces. */
#include "admin/statsd_lines.h"

#include "base/strbuf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct statsd_lines *lines;
static struct strbuf sent; /* every line with a newline behind it */
static unsigned datagrams;

static void on_send(void *context, const char *datagram, size_t size)
{
    assert_ptr_equal(context, &sent);
    assert_in_range(size, 1, STATSD_DATAGRAM_MAX);
    strbuf_append(&sent, datagram, size);
    strbuf_append_text(&sent, "\n");
    datagrams++;
}

static int begin(void **state)
{
    (void)state;
    strbuf_init(&sent, 1 << 20);
    lines = statsd_lines_create("host", on_send, &sent);
    datagrams = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    statsd_lines_destroy(lines);
    strbuf_clear(&sent);
    return 0;
}

static const struct metric counter = {"berth_things_total", METRIC_COUNTER, "."};
static const struct metric gauge = {"gateway_things", METRIC_GAUGE, "."};

/* A pass with one sample. Returns what was sent. */
static const char *pass(const struct metric *metric, const char *function, double value)
{
    struct metric_sink *sink = statsd_lines_sink(lines);
    const struct metric_labels labels = {.function = function};
    strbuf_reset(&sent);
    sink->begin(sink, metric);
    sink->number(sink, &labels, value);
    statsd_lines_end(lines);
    return strbuf_text(&sent);
}

static void counters_tell_what_was_added(void **state)
{
    (void)state;
    assert_string_equal(pass(&counter, NULL, 3), "host.things_total:3|c\n");
    assert_string_equal(pass(&counter, NULL, 3), "");
    assert_string_equal(pass(&counter, NULL, 5.5), "host.things_total:2.5|c\n");
    assert_string_equal(pass(&counter, NULL, 1), "host.things_total:1|c\n");
}

static void gauges_are_told_when_they_change_and_now_and_then(void **state)
{
    (void)state;
    assert_string_equal(pass(&gauge, "f", 0), "host.gateway_things.f:0|g\n");
    for (unsigned i = 1; i < STATSD_REPEAT; i++)
        assert_string_equal(pass(&gauge, "f", 0), "");
    assert_string_equal(pass(&gauge, "f", 0), "host.gateway_things.f:0|g\n");
    assert_string_equal(pass(&gauge, "f", 7), "host.gateway_things.f:7|g\n");
    assert_string_equal(pass(&gauge, "f", 0), "host.gateway_things.f:0|g\n");
}

static void what_is_no_more_is_forgotten(void **state)
{
    (void)state;
    pass(&gauge, "old", 4);
    assert_string_equal(pass(&gauge, "new", 1), "host.gateway_things.new:1|g\nhost.gateway_things.old:0|g\n");
    assert_string_equal(pass(&gauge, "new", 1), "");
    assert_string_equal(pass(&gauge, "old", 4), "host.gateway_things.old:4|g\nhost.gateway_things.new:0|g\n");
}

static void names_have_no_signs_that_mean_something(void **state)
{
    (void)state;
    struct metric_sink *sink = statsd_lines_sink(lines);
    const struct metric_labels labels = {.function = "a.b-c", .more = {{"one", "x:y|z@ \n"}, {"two", "4xx"}}};
    sink->begin(sink, &counter);
    sink->number(sink, &labels, 1);
    statsd_lines_end(lines);
    assert_string_equal(strbuf_text(&sent), "host.things_total.a_b-c.x_y_z___.4xx:1|c\n");
}

static void datagrams_have_an_end(void **state)
{
    (void)state;
    struct metric_sink *sink = statsd_lines_sink(lines);
    sink->begin(sink, &counter);
    char name[2000];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    const struct metric_labels longest = {.function = name};
    sink->number(sink, &longest, 1);
    for (unsigned i = 0; i < 500; i++) {
        snprintf(name, sizeof(name), "function-%u", i);
        const struct metric_labels labels = {.function = name};
        sink->number(sink, &labels, 1);
    }
    statsd_lines_end(lines);
    assert_in_range(datagrams, 10, 30);
    size_t count = 0;
    for (const char *p = strbuf_text(&sent); (p = strchr(p, '\n')); p++)
        count++;
    assert_int_equal(count, 501);
}

static void requests_are_sampled_evenly(void **state)
{
    (void)state;
    static struct request_sample sample;
    request_sample_add(&sample, "f", 1500000);
    statsd_lines_sample(lines, &sample);
    statsd_lines_end(lines);
    assert_string_equal(strbuf_text(&sent), "host.request_duration.f:1.500|ms\n");
    request_sample_clear(&sample);
    for (unsigned i = 0; i < 10000; i++)
        request_sample_add(&sample, "f", i);
    assert_int_equal(sample.stride, 64);
    assert_int_equal(sample.count, (10000 + 63) / 64);
    for (size_t i = 0; i < sample.count; i++)
        assert_int_equal(sample.kept[i].duration_ns, i * 64);
    strbuf_reset(&sent);
    statsd_lines_sample(lines, &sample);
    statsd_lines_end(lines);
    assert_non_null(strstr(strbuf_text(&sent), "host.request_duration.f:0.010|ms|@0.015625\n"));
    request_sample_clear(&sample);
    request_sample_add(&sample, "f", 1);
    assert_int_equal(sample.stride, 1);
    request_sample_clear(&sample);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(counters_tell_what_was_added, begin, end),
        cmocka_unit_test_setup_teardown(gauges_are_told_when_they_change_and_now_and_then, begin, end),
        cmocka_unit_test_setup_teardown(what_is_no_more_is_forgotten, begin, end),
        cmocka_unit_test_setup_teardown(names_have_no_signs_that_mean_something, begin, end),
        cmocka_unit_test_setup_teardown(datagrams_have_an_end, begin, end),
        cmocka_unit_test_setup_teardown(requests_are_sampled_evenly, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
