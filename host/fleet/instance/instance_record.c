#include "fleet/instance/instance_record.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/process.h"
#include "prepare/store/sealed_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORMAT    1
#define DIGITS    "0123456789abcdef"

#define SLOTS_MAX 1024 /* of an instance */

char *instance_record_text(const struct instance_record *record)
{
    const struct instance_times *times = &record->times;
    json_t *json = json_pack(
        "{s:i, s:s, s:s, s:s, s:s*, s:s, s:b, s:I, s:{s:I, s:f, s:I}, s:s*, s:I, s:I, s:{s:I, s:I}, s:{s:I, "
        "s:I, s:I, s:I, s:I}}",
        "format", FORMAT, "owner", record->owner, "instance", record->instance, "container",
        record->container, "function", record->function, "digest", record->digest, "was_prewarmed",
        record->was_prewarmed, "concurrency", (json_int_t)record->concurrency, "limits", "memory",
        (json_int_t)record->limits.memory_bytes, "cpus", record->limits.cpus, "pids",
        (json_int_t)record->limits.pids, "address", record->address, "process", (json_int_t)record->process,
        "user", (json_int_t)record->user, "first", "process", (json_int_t)record->first_process, "began",
        (json_int_t)record->first_began, "times", "created", (json_int_t)times->created_ms, "create",
        (json_int_t)times->create_ms, "start", (json_int_t)times->start_ms, "load",
        (json_int_t)times->load_ms, "ready", (json_int_t)record->ready_ms);
    char *text = sealed_text(json);
    json_decref(json);
    return text;
}

void instance_record_clear(struct instance_record *record)
{
    free(record->container);
    free(record->function);
    free(record->address);
    *record = (struct instance_record){0};
}

/* --- reading --- */

static int read_digits(const json_t *object, const char *member, size_t digits, char *ret_text)
{
    const char *text = json_string_value(json_object_get(object, member));
    if (!text || strlen(text) != digits || strspn(text, DIGITS) != digits)
        return -1;
    memcpy(ret_text, text, digits + 1);
    return 0;
}

/* A number from 0 to `max`. */
static int read_number(const json_t *object, const char *member, json_int_t max, uint64_t *ret_value)
{
    const json_t *number = json_object_get(object, member);
    if (!json_is_integer(number) || json_integer_value(number) < 0 || json_integer_value(number) > max)
        return -1;
    *ret_value = (uint64_t)json_integer_value(number);
    return 0;
}

static int read_small(const json_t *object, const char *member, unsigned *ret_value)
{
    uint64_t value;
    if (read_number(object, member, UINT_MAX, &value) < 0)
        return -1;
    *ret_value = (unsigned)value;
    return 0;
}

static int read_process(const json_t *object, const char *member, pid_t *ret_process)
{
    uint64_t value;
    if (read_number(object, member, INT_MAX, &value) < 0)
        return -1;
    *ret_process = (pid_t)value;
    return 0;
}

static int read_limits(const json_t *object, struct container_limits *limits)
{
    limits->cpus = json_number_value(json_object_get(object, "cpus"));
    return limits->cpus >= 0 && read_small(object, "pids", &limits->pids) == 0
               ? read_number(object, "memory", LLONG_MAX, &limits->memory_bytes)
               : -1;
}

static int read_times(const json_t *object, struct instance_record *record)
{
    struct instance_times *times = &record->times;
    if (read_number(object, "created", LLONG_MAX, &times->created_ms) < 0 ||
        read_number(object, "ready", LLONG_MAX, &record->ready_ms) < 0 ||
        read_small(object, "create", &times->create_ms) < 0 ||
        read_small(object, "start", &times->start_ms) < 0)
        return -1;
    return read_small(object, "load", &times->load_ms);
}

static int read_all(const json_t *json, struct instance_record *record)
{
    const json_t *first = json_object_get(json, "first");
    record->container = json_text_copy(json, "container");
    record->function = json_text_copy(json, "function");
    record->address = json_text_copy(json, "address");
    record->was_prewarmed = json_is_true(json_object_get(json, "was_prewarmed"));
    if (!record->container || !*record->container ||
        read_digits(json, "owner", OWNER_ID_DIGITS, record->owner) < 0 ||
        read_digits(json, "instance", INSTANCE_ID_DIGITS, record->instance) < 0 ||
        read_digits(json, "digest", HASH_HEX_SIZE - 1, record->digest) < 0 ||
        read_small(json, "concurrency", &record->concurrency) < 0 ||
        read_limits(json_object_get(json, "limits"), &record->limits) < 0 ||
        read_process(json, "process", &record->process) < 0 || read_small(json, "user", &record->user) < 0 ||
        read_process(first, "process", &record->first_process) < 0 ||
        read_number(first, "began", LLONG_MAX, &record->first_began) < 0)
        return -1;
    return read_times(json_object_get(json, "times"), record);
}

/* One that serves a function has slots, and one that is prewarmed has neither. */
static bool is_sound(const struct instance_record *record)
{
    if (!record->function)
        return record->was_prewarmed && record->concurrency == 0 && !record->address;
    return record->concurrency > 0 && record->concurrency <= SLOTS_MAX && record->ready_ms > 0;
}

int instance_record_parse(const char *text, size_t size, struct instance_record *ret_record,
                          struct error *err)
{
    struct instance_record record = {0};
    json_t *json;
    if (sealed_parse(text, size, &json, err) < 0)
        return -1;
    bool is_known = json_integer_value(json_object_get(json, "format")) == FORMAT;
    int rc = is_known ? read_all(json, &record) : -1;
    json_decref(json);
    if (rc == 0 && is_sound(&record)) {
        *ret_record = record;
        return 0;
    }
    instance_record_clear(&record);
    return sealed_damaged(err,
                          is_known ? "it does not hold what it should" : "another version has written it");
}

/* --- the file --- */

static char *path_of(const char *dir, const char *instance)
{
    return xasprintf("%s/%s" INSTANCE_RECORD_SUFFIX, dir, instance);
}

static int write_whole(const char *path, const char *text, struct error *err)
{
    cleanup_free char *next = xasprintf("%s.new", path);
    cleanup_close int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd >= 0 && fs_write_all(fd, text, strlen(text)) == 0 && rename(next, path) == 0)
        return 0;
    int errnum = errno;
    unlink(next);
    return error_errno(err, COMPONENT_FLEET, errnum, "cannot write %s", path);
}

void instance_record_write(const char *dir, const struct instance_record *record)
{
    struct error err;
    cleanup_free char *path = path_of(dir, record->instance);
    cleanup_free char *text = instance_record_text(record);
    if (text && write_whole(path, text, &err) < 0)
        log_warning("instance.record-failed", LOG_STR("instance", record->instance), LOG_ERR(&err));
}

int instance_record_read(const char *dir, const char *instance, struct instance_record *ret_record,
                         struct error *err)
{
    cleanup_free char *path = path_of(dir, instance);
    cleanup_free char *text = NULL;
    size_t size;
    struct instance_record record;
    if (fs_read_file(path, INSTANCE_RECORD_MAX, &text, &size, err) < 0 ||
        instance_record_parse(text, size, &record, err) < 0)
        return -1;
    if (strcmp(record.instance, instance) == 0) {
        *ret_record = record;
        return 0;
    }
    instance_record_clear(&record);
    return sealed_damaged(err, "it is of another instance");
}

void instance_record_remove(const char *dir, const char *instance)
{
    cleanup_free char *path = path_of(dir, instance);
    unlink(path);
}

bool instance_record_is_of_this_start(const struct instance_record *record)
{
    return record->first_began == 0 || process_began(record->first_process) == record->first_began;
}
