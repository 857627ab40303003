/* Deployments of images as clients send them: what is kept of them, what they mean here, and what is told. */
#include "admin/image_deployment.h"
#include "admin/quantity.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/go_duration.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PLAIN "\"service\": \"fn\", \"image\": \"registry.example/functions/alpine:latest\""

/* The configuration that a request with these further members becomes, as one text in the order of names. */
static char *configure(const char *members)
{
    cleanup_free char *text = xasprintf("{" PLAIN "%s%s}", *members ? ", " : "", members);
    struct error err;
    json_t *deployment;
    json_t *request = json_loads(text, 0, NULL);
    assert_non_null(request);
    if (image_deployment_read(request, &deployment, &err) < 0)
        fail_msg("%s", err.message);
    char *made = json_dumps(json_object_get(deployment, "configuration"), JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(deployment);
    json_decref(request);
    return made;
}

static void assert_means(const char *members, const char *part)
{
    cleanup_free char *made = configure(members);
    if (!strstr(made, part))
        fail_msg("%s: %s is not in %s", members, part, made);
}

static void test_meaning(void **state)
{
    (void)state;
    cleanup_free char *plain = configure("");
    assert_string_equal(plain, "{\"environment\":{},\"image\":\"registry.example/functions/alpine:latest\","
                               "\"max_scale\":20,\"min_scale\":1,\"programing_language\":\"container\","
                               "\"read_only\":false,\"ready\":\"/_/health\",\"user\":\"image\"}");
    static const struct {
        const char *members, *part;
    } cases[] = {
        {"\"labels\": null, \"annotations\": null, \"unknown\": [1]", "\"environment\":{}"},
        {"\"readOnlyRootFilesystem\": true", "\"read_only\":true"},
        {"\"envProcess\": \"cat\", \"envVars\": {\"A\": \"1\"}", "{\"A\":\"1\",\"fprocess\":\"cat\"}"},
        {"\"envProcess\": \"cat\", \"envVars\": {\"fprocess\": \"wc\"}", "{\"fprocess\":\"wc\"}"},
        {"\"envVars\": {\"write_timeout\": \"1m30s\"}", "\"timeout\":\"90000ms\""},
        {"\"envVars\": {\"write_timeout\": \"9s\", \"exec_timeout\": \"5s\"}", "\"timeout\":\"5000ms\""},
        {"\"envVars\": {\"write_timeout\": \"300\"}", "\"timeout\":\"300000ms\""},
        {"\"envVars\": {\"max_inflight\": \"7\"}", "\"concurrency\":7"},
        {"\"labels\": {\"com.openfaas.scale.type\": \"capacity\", \"com.openfaas.scale.target\": \"4\"}",
         "\"concurrency\":4"},
        {"\"limits\": {\"memory\": \"20Mi\", \"cpu\": \"100m\"}", "\"cpus\":\"0.100000\""},
        {"\"limits\": {\"memory\": \"20Mi\"}", "\"memory\":\"20971520\""},
        {"\"limits\": {\"memory\": \"5Mi\"}", "\"memory\":\"8388608\""},
        {"\"secrets\": [\"a\", \"b\"]", "\"secrets\":[\"a\",\"b\"]"},
        {"\"labels\": {\"com.openfaas.scale.min\": \"2\", \"com.openfaas.scale.max\": \"3\"}",
         "\"max_scale\":3,\"min_scale\":2"},
        {"\"labels\": {\"com.openfaas.scale.min\": \"30\"}", "\"max_scale\":30,\"min_scale\":30"},
        {"\"labels\": {\"com.openfaas.scale.min\": \"0\"}", "\"max_scale\":20,\"min_scale\":1"},
        {"\"labels\": {\"com.openfaas.scale.zero\": \"true\"}", "\"idle_timeout\":\"900000ms\""},
        {"\"labels\": {\"com.openfaas.scale.zero\": \"true\", \"com.openfaas.scale.zero-duration\": \"30s\"}",
         "\"idle_timeout\":\"30000ms\",\"image\":\"registry.example/functions/"
         "alpine:latest\",\"max_scale\":20,"
         "\"min_scale\":0"},
        {"\"annotations\": {\"com.openfaas.health.http.path\": \"/up\"}", "\"ready\":\"/up\""},
        {"\"annotations\": {\"topic\": \"cron-function\", \"schedule\": \"*/5 * * * *\"}",
         "\"schedule\":\"*/5 * * * *\""},
        {"\"annotations\": {\"topic\": \"mail\", \"schedule\": \"@daily\"}",
         "\"ready\":\"/_/health\",\"user\""},
        {"\"annotations\": {\"topic\": \"mail,cron-function\", \"schedule\": \"@daily\"}",
         "\"schedule\":\"@daily\""},
        {"\"annotations\": {\"com.openfaas.retry.attempts\": \"10\"}", "\"retries\":10"},
        {"\"annotations\": {\"com.openfaas.retry.attempts\": \"1000\"}", "\"retries\":100"},
        {"\"annotations\": {\"com.openfaas.retry.codes\": \"429,500,502\"}",
         "\"retry_on\":\"429,500,502, timeout, connection\""},
        {"\"annotations\": {\"com.openfaas.retry.min_wait\": \"1m30s\", \"com.openfaas.retry.max_wait\": "
         "\"48h\"}",
         "\"retry_wait\":\"90000ms\",\"retry_wait_max\":\"86400000ms\""},
        {"\"annotations\": {\"com.openfaas.health.http.path\": \"/up\", \"com.openfaas.ready.http.path\": "
         "\"/go\"}",
         "\"ready\":\"/go\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        assert_means(cases[i].members, cases[i].part);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *request, *message;
    } cases[] = {
        {"{\"image\": \"x\"}", "\"service\" is missing"},
        {"{\"service\": \"fn\"}", "\"image\" is missing"},
        {"{\"service\": \"fn\", \"image\": \"\"}", "\"image\" is missing"},
        {"{\"service\": 1, \"image\": \"x\"}", "\"service\" must be a text"},
        {"{" PLAIN ", \"labels\": {\"a\": 1}}", "\"labels\" must be an object of texts"},
        {"{" PLAIN ", \"secrets\": \"a\"}", "\"secrets\" must be a list of texts"},
        {"{" PLAIN ", \"readOnlyRootFilesystem\": \"yes\"}",
         "\"readOnlyRootFilesystem\" must be true or false"},
        {"{" PLAIN ", \"limits\": {\"memory\": \"lots\"}}", "the limit of memory \"lots\" is no quantity"},
        {"{" PLAIN ", \"limits\": {\"cpu\": \"-1\"}}", "the limit of cpu \"-1\" is no quantity"},
        {"{" PLAIN ", \"labels\": {\"com.openfaas.scale.max\": \"0\"}}",
         "the label com.openfaas.scale.max must be a number of 1 at least, not \"0\""},
        {"{" PLAIN ", \"labels\": {\"com.openfaas.scale.min\": \"3\", \"com.openfaas.scale.max\": \"2\"}}",
         "the label com.openfaas.scale.min is above com.openfaas.scale.max"},
        {"{" PLAIN ", \"labels\": {\"com.openfaas.scale.zero-duration\": \"soon\"}}",
         "the label com.openfaas.scale.zero-duration must be a duration, not \"soon\""},
        {"{" PLAIN ", \"annotations\": {\"com.openfaas.retry.attempts\": \"-1\"}}",
         "the annotation com.openfaas.retry.attempts must be a number, not \"-1\""},
        {"{" PLAIN ", \"annotations\": {\"com.openfaas.retry.max_wait\": \"soon\"}}",
         "the annotation com.openfaas.retry.max_wait must be a duration, not \"soon\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct error err;
        json_t *deployment, *request = json_loads(cases[i].request, 0, NULL);
        assert_int_equal(image_deployment_read(request, &deployment, &err), -1);
        assert_string_equal(err.message, cases[i].message);
        json_decref(request);
    }
}

static void test_told(void **state)
{
    (void)state;
    struct error err;
    json_t *deployment;
    json_t *request = json_loads(
        "{" PLAIN ", \"envVars\": {}, \"limits\": {\"cpu\": \"100m\"}, \"registryAuth\": \"hidden\","
        " \"labels\": {\"a\": \"b\"}, \"constraints\": []}",
        0, NULL);
    assert_int_equal(image_deployment_read(request, &deployment, &err), 0);
    json_t *status = json_pack("{s:{}, s:{}}", "labels", "annotations");
    image_deployment_tell(image_deployment_given(deployment), "fn", status);
    cleanup_free char *text = json_dumps(status, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text,
                        "{\"annotations\":{},\"image\":\"registry.example/functions/alpine:latest\","
                        "\"labels\":{\"a\":\"b\",\"faas_function\":\"fn\"},\"limits\":{\"cpu\":\"100m\"}}");
    cleanup_free char *kept = json_dumps(deployment, 0);
    assert_null(strstr(kept, "hidden"));
    json_decref(status);
    json_decref(deployment);
    json_decref(request);
}

static void test_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t ms;
    } good[] = {{"10s", 10000}, {"1m30s", 90000}, {"1.5h", 5400000},
                {"250ms", 250}, {"60", 60000},    {"0s", 0}};
    static const char *const bad[] = {"", "s", "-1s", "1x", "1m30", "1 s", "1e3s", "nan", "999999h", "0x10s"};
    uint64_t ms;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        assert_int_equal(go_duration_read(good[i].text, &ms), 0);
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(go_duration_read(bad[i], &ms), -1);
}

static void test_quantities(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double number;
    } good[] = {{"20Mi", 20971520}, {"1G", 1e9}, {"100m", 0.1}, {"0.5", 0.5}, {"128974848", 128974848}};
    static const char *const bad[] = {"", "Mi", "-1", "1Xi", "1 Mi", "1e3", "inf", "0x1"};
    double number;
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
        assert_int_equal(quantity_read(good[i].text, &number), 0);
        assert_true(number == good[i].number);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_int_equal(quantity_read(bad[i], &number), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meaning),   cmocka_unit_test(test_refused),    cmocka_unit_test(test_told),
        cmocka_unit_test(test_durations), cmocka_unit_test(test_quantities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
