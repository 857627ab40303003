#include "admin/image_deployment.h"

#include "admin/call_annotations.h"
#include "admin/quantity.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/go_duration.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_MIN        (8.0 * 1024 * 1024)
#define CPUS_MIN          0.01
#define CONCURRENCY_MAX   1024
#define TIMEOUT_MAX_MS    (24 * 3600 * 1000u)
#define ZERO_DURATION_MS  (15 * 60 * 1000u)
#define SCALE_DEFAULT_MAX 20
#define SCALE_MOST        1000
#define HEALTH_PATH       "/_/health"
#define SCALE(name)       "com.openfaas.scale." name

enum shape { SHAPE_TEXT, SHAPE_BOOLEAN, SHAPE_TEXTS, SHAPE_PAIRS };

/* What is kept of a request. */
static const struct {
    const char *name;
    enum shape shape;
    const char *is; /* for messages */
} members[] = {
    {"service", SHAPE_TEXT, "a text"},
    {"image", SHAPE_TEXT, "a text"},
    {"envProcess", SHAPE_TEXT, "a text"},
    {"envVars", SHAPE_PAIRS, "an object of texts"},
    {"constraints", SHAPE_TEXTS, "a list of texts"},
    {"secrets", SHAPE_TEXTS, "a list of texts"},
    {"labels", SHAPE_PAIRS, "an object of texts"},
    {"annotations", SHAPE_PAIRS, "an object of texts"},
    {"limits", SHAPE_PAIRS, "an object of texts"},
    {"requests", SHAPE_PAIRS, "an object of texts"},
    {"readOnlyRootFilesystem", SHAPE_BOOLEAN, "true or false"},
};

#define MEMBER_COUNT (sizeof(members) / sizeof(*members))

/* --- what was given --- */

static bool are_texts(const json_t *list)
{
    const json_t *value;
    size_t i;
    json_array_foreach(list, i, value)
    {
        if (!json_is_string(value))
            return false;
    }
    return json_is_array(list);
}

static bool are_pairs(const json_t *object)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        if (!json_is_string(value))
            return false;
    }
    return json_is_object(object);
}

static bool has_shape(const json_t *value, enum shape shape)
{
    switch (shape) {
    case SHAPE_TEXT:
        return json_is_string(value);
    case SHAPE_BOOLEAN:
        return json_is_boolean(value);
    case SHAPE_TEXTS:
        return are_texts(value);
    case SHAPE_PAIRS:
        return are_pairs(value);
    }
    return false;
}

/* A null is the same as nothing. */
static int take_members(const json_t *request, json_t *given, struct error *err)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        json_t *value = json_object_get(request, members[i].name);
        if (!value || json_is_null(value))
            continue;
        if (!has_shape(value, members[i].shape))
            return error_set(err, ERROR_BAD_CALL, "\"%s\" must be %s", members[i].name, members[i].is);
        json_object_set(given, members[i].name, value);
    }
    for (size_t i = 0; i < 2; i++) {
        const char *text = json_string_value(json_object_get(given, members[i].name));
        if (!text || !*text)
            return error_set(err, ERROR_BAD_CALL, "\"%s\" is missing", members[i].name);
    }
    return 0;
}

/* --- what it means --- */

static const char *pair(const json_t *given, const char *member, const char *name)
{
    return json_string_value(json_object_get(json_object_get(given, member), name));
}

static void set_text(json_t *configuration, const char *key, char *text)
{
    json_object_set_new(configuration, key, json_string(text));
    free(text);
}

static void set_environment(const json_t *given, json_t *configuration)
{
    json_t *variables = json_copy(json_object_get(given, "envVars"));
    json_t *process = json_object_get(given, "envProcess");
    if (!variables)
        variables = json_object();
    if (process && *json_string_value(process) && !json_object_get(variables, "fprocess"))
        json_object_set(variables, "fprocess", process);
    json_object_set_new(configuration, "environment", variables);
}

/* A limit below the least that there is becomes that. */
static int set_limits(const json_t *given, json_t *configuration, struct error *err)
{
    const char *memory = pair(given, "limits", "memory"), *cpu = pair(given, "limits", "cpu");
    double bytes, cores;
    if (memory && *memory) {
        if (quantity_read(memory, &bytes) < 0 || bytes > 1e15)
            return error_set(err, ERROR_BAD_CALL, "the limit of memory \"%.64s\" is no quantity", memory);
        set_text(configuration, "memory", xasprintf("%.0f", bytes < MEMORY_MIN ? MEMORY_MIN : bytes));
    }
    if (cpu && *cpu) {
        if (quantity_read(cpu, &cores) < 0 || cores > 1e3)
            return error_set(err, ERROR_BAD_CALL, "the limit of cpu \"%.64s\" is no quantity", cpu);
        set_text(configuration, "cpus", xasprintf("%.6f", cores < CPUS_MIN ? CPUS_MIN : cores));
    }
    return 0;
}

/* What the watchdogs of images read from their environment, and cannot be, counts for nothing there either.
 */
static void set_timeout(const json_t *given, json_t *configuration)
{
    const char *text = pair(given, "envVars", "exec_timeout");
    uint64_t ms;
    if (!text || !*text)
        text = pair(given, "envVars", "write_timeout");
    if (text && go_duration_read(text, &ms) == 0 && ms > 0)
        set_text(configuration, "timeout",
                 xasprintf("%llums", (unsigned long long)(ms > TIMEOUT_MAX_MS ? TIMEOUT_MAX_MS : ms)));
}

/* -1: it is no number of at least 1. */
static int read_count(const json_t *given, const char *label, unsigned *ret_count, struct error *err)
{
    const char *text = pair(given, "labels", label);
    char *end;
    if (!text || !*text)
        return 0;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || number < 1)
        return error_set(err, ERROR_BAD_CALL, "the label %s must be a number of 1 at least, not \"%.64s\"",
                         label, text);
    *ret_count = number > SCALE_MOST ? SCALE_MOST : (unsigned)number;
    return 0;
}

/* Requests that an instance takes at the same time: what its watchdog takes, or the load that it is to have.
 */
static int set_concurrency(const json_t *given, json_t *configuration, struct error *err)
{
    const char *in_flight = pair(given, "envVars", "max_inflight");
    const char *type = pair(given, "labels", SCALE("type"));
    unsigned target = 0;
    if (read_count(given, SCALE("target"), &target, err) < 0)
        return -1;
    long most = in_flight ? strtol(in_flight, NULL, 10) : 0;
    if (most <= 0 && type && strcmp(type, "capacity") == 0)
        most = target;
    if (most > 0)
        json_object_set_new(configuration, "concurrency",
                            json_integer(most > CONCURRENCY_MAX ? CONCURRENCY_MAX : most));
    return 0;
}

/* Of the contract this is never 0: there is another label for that. */
static int read_least(const json_t *given, unsigned *ret_min, struct error *err)
{
    const char *text = pair(given, "labels", SCALE("min"));
    return text && strcmp(text, "0") == 0 ? 0 : read_count(given, SCALE("min"), ret_min, err);
}

static int set_scale(const json_t *given, json_t *configuration, struct error *err)
{
    unsigned min = 1, max = SCALE_DEFAULT_MAX;
    const char *zero = pair(given, "labels", SCALE("zero"));
    const char *duration = pair(given, "labels", SCALE("zero-duration"));
    uint64_t idle_ms = ZERO_DURATION_MS;
    if (read_least(given, &min, err) < 0 || read_count(given, SCALE("max"), &max, err) < 0)
        return -1;
    if (min > max && pair(given, "labels", SCALE("max")))
        return error_set(err, ERROR_BAD_CALL, "the label %s is above %s", SCALE("min"), SCALE("max"));
    if (duration && *duration && (go_duration_read(duration, &idle_ms) < 0 || idle_ms < 100))
        return error_set(err, ERROR_BAD_CALL, "the label %s must be a duration, not \"%.64s\"",
                         SCALE("zero-duration"), duration);
    bool goes_to_zero = zero && strcmp(zero, "true") == 0;
    json_object_set_new(configuration, "min_scale", json_integer(goes_to_zero ? 0 : min));
    json_object_set_new(configuration, "max_scale", json_integer(max < min ? min : max));
    if (goes_to_zero)
        set_text(
            configuration, "idle_timeout",
            xasprintf("%llums", (unsigned long long)(idle_ms > TIMEOUT_MAX_MS ? TIMEOUT_MAX_MS : idle_ms)));
    return 0;
}

static void set_ready(const json_t *given, json_t *configuration)
{
    const char *path = pair(given, "annotations", "com.openfaas.ready.http.path");
    if (!path || !*path)
        path = pair(given, "annotations", "com.openfaas.health.http.path");
    json_object_set_new(configuration, "ready", json_string(path && *path ? path : HEALTH_PATH));
}

static int make_configuration(const json_t *given, json_t *configuration, struct error *err)
{
    json_t *secrets = json_object_get(given, "secrets");
    json_object_set_new(configuration, "programing_language", json_string(IMAGE_LANGUAGE));
    json_object_set(configuration, "image", json_object_get(given, "image"));
    json_object_set_new(configuration, "user", json_string("image"));
    json_object_set_new(configuration, "read_only",
                        json_boolean(json_is_true(json_object_get(given, "readOnlyRootFilesystem"))));
    if (json_array_size(secrets) > 0)
        json_object_set(configuration, "secrets", secrets);
    set_environment(given, configuration);
    set_timeout(given, configuration);
    set_ready(given, configuration);
    if (set_limits(given, configuration, err) < 0 || set_concurrency(given, configuration, err) < 0 ||
        call_annotations_read(json_object_get(given, "annotations"), configuration, err) < 0)
        return -1;
    return set_scale(given, configuration, err);
}

int image_deployment_read(const json_t *request, json_t **ret_deployment, struct error *err)
{
    json_t *given = json_object(), *configuration = json_object();
    int rc = take_members(request, given, err);
    if (rc == 0)
        rc = make_configuration(given, configuration, err);
    if (rc == 0)
        *ret_deployment = json_pack("{s:O, s:O}", "given", given, "configuration", configuration);
    json_decref(given);
    json_decref(configuration);
    return rc;
}

/* --- what is told of it --- */

const json_t *image_deployment_given(const json_t *deployment)
{
    return json_object_get(deployment, "given");
}

static bool is_empty(const json_t *value)
{
    return json_is_object(value) ? json_object_size(value) == 0
                                 : json_is_array(value) && json_array_size(value) == 0;
}

void image_deployment_tell(const json_t *given, const char *name, json_t *status)
{
    for (size_t i = 1; i < MEMBER_COUNT; i++) {
        json_t *value = json_object_get(given, members[i].name);
        if (value && !is_empty(value))
            json_object_set_new(status, members[i].name, json_deep_copy(value));
    }
    json_t *labels = json_object_get(status, "labels");
    json_object_set_new(labels, "faas_function", json_string(name));
}
