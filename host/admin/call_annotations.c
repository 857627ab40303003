#include "admin/call_annotations.h"

#include "base/go_duration.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define RETRY(name) "com.openfaas.retry." name
#define CRON_TOPIC  "cron-function"
#define RETRIES_MAX 100
#define WAIT_MIN_MS 1
#define WAIT_MAX_MS (24 * 3600 * 1000u)

/* NULL: there is no such annotation, or it is empty. */
static const char *find(const json_t *annotations, const char *name)
{
    const char *text = json_string_value(json_object_get(annotations, name));
    return text && *text ? text : NULL;
}

/* Topics stand behind each other with commas. */
static bool has_topic(const char *topics, const char *topic)
{
    while (topics && *topics) {
        topics += strspn(topics, ", ");
        size_t length = strcspn(topics, ", ");
        if (length == strlen(topic) && strncmp(topics, topic, length) == 0)
            return true;
        topics += length;
    }
    return false;
}

static int set_retries(const json_t *annotations, json_t *configuration, struct error *err)
{
    const char *text = find(annotations, RETRY("attempts"));
    if (!text)
        return 0;
    if (strspn(text, "0123456789") != strlen(text) || strlen(text) > 9)
        return error_set(err, ERROR_BAD_CALL, "the annotation %s must be a number, not \"%.64s\"",
                         RETRY("attempts"), text);
    long number = strtol(text, NULL, 10);
    json_object_set_new(configuration, "retries", json_integer(number > RETRIES_MAX ? RETRIES_MAX : number));
    return 0;
}

static int set_wait(const json_t *annotations, const char *name, const char *key, json_t *configuration,
                    struct error *err)
{
    const char *text = find(annotations, name);
    uint64_t ms;
    if (!text)
        return 0;
    if (go_duration_read(text, &ms) < 0)
        return error_set(err, ERROR_BAD_CALL, "the annotation %s must be a duration, not \"%.64s\"", name,
                         text);
    ms = ms < WAIT_MIN_MS ? WAIT_MIN_MS : ms > WAIT_MAX_MS ? WAIT_MAX_MS : ms;
    json_object_set_new(configuration, key, json_sprintf("%llums", (unsigned long long)ms));
    return 0;
}

int call_annotations_read(const json_t *annotations, json_t *configuration, struct error *err)
{
    const char *schedule = find(annotations, "schedule"), *codes = find(annotations, RETRY("codes"));
    if (schedule && has_topic(find(annotations, "topic"), CRON_TOPIC))
        json_object_set_new(configuration, "schedule", json_string(schedule));
    if (codes)
        json_object_set_new(configuration, "retry_on", json_sprintf("%s, timeout, connection", codes));
    if (set_retries(annotations, configuration, err) < 0 ||
        set_wait(annotations, RETRY("min_wait"), "retry_wait", configuration, err) < 0)
        return -1;
    return set_wait(annotations, RETRY("max_wait"), "retry_wait_max", configuration, err);
}
