#include "calls/call_plan.h"

#include "base/alloc.h"
#include "base/table.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define WAIT_LONGEST_MS (24 * 3600 * 1000) /* that settings can ask for */
#define CLOCK_SLACK_MS  (60 * 1000) /* clocks are adjusted a little all the time */

struct entry {
    struct call_plan_function function;
    UT_hash_handle hh;
    char name[];
};

/* What callbacks are signed with. */
struct key {
    LIST_ENTRY(key) link;
    char *secret;
    struct locked value;
};

struct call_plan {
    struct entry *by_name;
    struct entry **entries;
    size_t count;
    LIST_HEAD(, key) keys;
};

struct call_plan *call_plan_create(void)
{
    return xcalloc(1, sizeof(struct call_plan));
}

static char *copy(const char *text)
{
    return text ? xstrdup(text) : NULL;
}

static void entry_free(struct entry *entry)
{
    free(entry->function.settings.on_success);
    free(entry->function.settings.on_failure);
    free(entry->function.settings.callback_secret);
    schedules_free(entry->function.schedules, entry->function.schedule_count);
    free(entry);
}

static void free_keys(struct call_plan *plan)
{
    struct key *key;
    while ((key = LIST_FIRST(&plan->keys))) {
        LIST_REMOVE(key, link);
        locked_clear(&key->value);
        free(key->secret);
        free(key);
    }
}

void call_plan_destroy(struct call_plan *plan)
{
    if (!plan)
        return;
    free_keys(plan);
    HASH_CLEAR(hh, plan->by_name);
    for (size_t i = 0; i < plan->count; i++)
        entry_free(plan->entries[i]);
    free(plan->entries);
    free(plan);
}

void call_plan_add(struct call_plan *plan, const char *name, const struct call_settings *settings)
{
    size_t size = strlen(name) + 1;
    struct entry *entry = xcalloc(1, sizeof(*entry) + size);
    memcpy(entry->name, name, size);
    entry->function.name = entry->name;
    entry->function.settings = *settings;
    entry->function.settings.on_success = copy(settings->on_success);
    entry->function.settings.on_failure = copy(settings->on_failure);
    entry->function.settings.callback_secret = copy(settings->callback_secret);
    plan->entries = xgrow(plan->entries, plan->count, sizeof(struct entry *));
    plan->entries[plan->count++] = entry;
    HASH_ADD_KEYPTR(hh, plan->by_name, entry->name, size - 1, entry);
}

void call_plan_add_schedules(struct call_plan *plan, const struct function_schedule *schedules, size_t count)
{
    struct call_plan_function *function = &plan->entries[plan->count - 1]->function;
    function->schedules = schedules_copy(schedules, count);
    function->schedule_count = count;
}

void call_plan_add_key(struct call_plan *plan, const char *secret, struct locked *value)
{
    struct key *key = xcalloc(1, sizeof(*key));
    key->secret = xstrdup(secret);
    key->value = *value;
    *value = (struct locked){0};
    LIST_INSERT_HEAD(&plan->keys, key, link);
}

const struct locked *call_plan_find_key(const struct call_plan *plan, const char *secret)
{
    const struct key *key;
    LIST_FOREACH(key, &plan->keys, link)
    {
        if (strcmp(key->secret, secret) == 0)
            return &key->value;
    }
    return NULL;
}

const struct call_plan_function *call_plan_find(const struct call_plan *plan, const char *name)
{
    struct entry *entry;
    HASH_FIND_STR(plan->by_name, name, entry);
    return entry ? &entry->function : NULL;
}

/* For the calls that a function leaves behind which is there no more. */
static const struct call_settings usual = {.concurrency = 1,
                                           .retry_wait_ms = 1000,
                                           .retry_wait_max_ms = 600 * 1000,
                                           .max_age_ms = 24 * 3600 * 1000,
                                           .result_ttl_ms = 3600 * 1000};

const struct call_settings *call_plan_settings(const struct call_plan *plan, const char *name)
{
    const struct call_plan_function *function = plan ? call_plan_find(plan, name) : NULL;
    return function ? &function->settings : &usual;
}

uint64_t call_plan_longest_wait_ms(const struct call_plan *plan, const char *name)
{
    const struct call_plan_function *function = call_plan_find(plan, name);
    if (!function)
        return WAIT_LONGEST_MS + CLOCK_SLACK_MS;
    uint64_t longest_ms = function->settings.retry_wait_max_ms;
    for (size_t i = 0; i < function->schedule_count; i++) {
        if (function->schedules[i].jitter_ms > longest_ms)
            longest_ms = function->schedules[i].jitter_ms;
    }
    return longest_ms + CLOCK_SLACK_MS;
}

size_t call_plan_count(const struct call_plan *plan)
{
    return plan->count;
}

const struct call_plan_function *call_plan_at(const struct call_plan *plan, size_t index)
{
    return &plan->entries[index]->function;
}
