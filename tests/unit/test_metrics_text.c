/* The text format of metrics: labels, numbers, histograms. */
#include "admin/metrics_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct strbuf out;
static struct metrics_text text;

static int begin(void **state)
{
    (void)state;
    strbuf_init(&out, 1 << 20);
    metrics_text_init(&text, &out);
    return 0;
}

static int end(void **state)
{
    (void)state;
    strbuf_clear(&out);
    return 0;
}

static void values_of_labels_are_escaped(void **state)
{
    (void)state;
    static const struct metric metric = {"berth_a", METRIC_GAUGE, "What it is."};
    static const struct metric_labels labels = {.more = {{"one", "a\"b\\c\nd"}, {"two", ""}}};
    text.sink.begin(&text.sink, &metric);
    text.sink.number(&text.sink, &labels, 3);
    assert_string_equal(strbuf_text(&out), "# HELP berth_a What it is.\n# TYPE berth_a gauge\n"
                                           "berth_a{one=\"a\\\"b\\\\c\\nd\",two=\"\"} 3\n");
}

static void what_linters_refuse_has_no_type(void **state)
{
    (void)state;
    static const struct metric metrics[] = {
        {"a_total", METRIC_COUNTER, "."}, {"a_started", METRIC_COUNTER, "."}, {"a_count", METRIC_GAUGE, "."}};
    for (size_t i = 0; i < 3; i++)
        text.sink.begin(&text.sink, &metrics[i]);
    assert_non_null(strstr(strbuf_text(&out), "# TYPE a_total counter\n"));
    assert_non_null(strstr(strbuf_text(&out), "# TYPE a_started untyped\n"));
    assert_non_null(strstr(strbuf_text(&out), "# TYPE a_count untyped\n"));
}

static void numbers_are_whole_where_they_are(void **state)
{
    (void)state;
    static const struct metric metric = {"a", METRIC_GAUGE, "."};
    static const struct metric_labels none = {0}, function = {.function = "hello"};
    text.sink.begin(&text.sink, &metric);
    strbuf_reset(&out);
    text.sink.number(&text.sink, &none, 9007199254740991.0);
    text.sink.number(&text.sink, &function, 0.25);
    assert_string_equal(strbuf_text(&out), "a 9007199254740991\n"
                                           "a{function_name=\"hello.openfaas-fn\"} 0.25\n");
}

static void a_histogram_has_buckets_sum_and_count(void **state)
{
    (void)state;
    static const struct metric metric = {"a_seconds", METRIC_HISTOGRAM, "."};
    static const struct metric_labels labels = {.function = "f", .more = {{"code", "200"}}};
    struct histogram *histogram = NULL;
    histogram_add(&histogram, 3000000);
    histogram_add(&histogram, UINT64_C(90000000000));
    text.sink.begin(&text.sink, &metric);
    text.sink.histogram(&text.sink, &labels, histogram);
    free(histogram);
    static const char *const lines[] = {
        "\na_seconds_bucket{function_name=\"f.openfaas-fn\",code=\"200\",le=\"0.001\"} 0\n",
        "\na_seconds_bucket{function_name=\"f.openfaas-fn\",code=\"200\",le=\"0.003\"} 1\n",
        "\na_seconds_bucket{function_name=\"f.openfaas-fn\",code=\"200\",le=\"60\"} 1\n",
        "\na_seconds_bucket{function_name=\"f.openfaas-fn\",code=\"200\",le=\"+Inf\"} 2\n",
        "\na_seconds_sum{function_name=\"f.openfaas-fn\",code=\"200\"} 90.003\n",
        "\na_seconds_count{function_name=\"f.openfaas-fn\",code=\"200\"} 2\n",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (!strstr(strbuf_text(&out), lines[i]))
            fail_msg("%s is missing in %s", lines[i], strbuf_text(&out));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_of_labels_are_escaped, begin, end),
        cmocka_unit_test_setup_teardown(what_linters_refuse_has_no_type, begin, end),
        cmocka_unit_test_setup_teardown(numbers_are_whole_where_they_are, begin, end),
        cmocka_unit_test_setup_teardown(a_histogram_has_buckets_sum_and_count, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
