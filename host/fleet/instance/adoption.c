#include "fleet/instance/adoption.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/queue.h"
#include "fleet/link/dial.h"
#include "fleet/link/doorway.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

/* One that waits to be claimed. */
struct candidate {
    TAILQ_ENTRY(candidate) link;
    struct instance_past *past;
    bool is_found; /* in the review that is under way */
};

struct adoption {
    struct fleet_env *env;
    TAILQ_HEAD(candidates, candidate) waiting; /* oldest first */
    struct instance **leaving;
    size_t leaving_count;
    bool reviewed;
};

/* --- what is being removed --- */

static void on_gone(struct instance *instance, void *owner)
{
    struct adoption *adoption = owner;
    for (size_t i = 0; i < adoption->leaving_count; i++) {
        if (adoption->leaving[i] == instance) {
            adoption->leaving[i] = adoption->leaving[--adoption->leaving_count];
            break;
        }
    }
    event_active(adoption->env->engine->budget.freed, EV_TIMEOUT, 0); /* a fleet that ends waits for it */
}

static void on_failed(struct instance *instance, const struct error *cause, void *owner)
{
    (void)instance, (void)cause, (void)owner; /* it is being removed whatever becomes of it */
}

static const struct instance_hooks leaving_hooks = {.failed = on_failed, .gone = on_gone};

/* Of one that waits no longer: whoever gets it counts its memory anew. */
static struct instance_past *forget(struct adoption *adoption, struct candidate *candidate)
{
    struct instance_past *past = candidate->past;
    if (past->counts)
        budget_give_back(&adoption->env->engine->budget, past->record.limits.memory_bytes);
    free(candidate);
    return past;
}

static struct instance_past *take_out(struct adoption *adoption, struct candidate *candidate)
{
    TAILQ_REMOVE(&adoption->waiting, candidate, link);
    return forget(adoption, candidate);
}

static void drop(struct adoption *adoption, struct candidate *candidate, const char *why)
{
    struct instance_past *past = take_out(adoption, candidate);
    adoption->leaving = xgrow(adoption->leaving, adoption->leaving_count, sizeof(*adoption->leaving));
    adoption->leaving[adoption->leaving_count++] =
        instance_discard(adoption->env, past, &leaving_hooks, adoption, why);
}

/* --- the records --- */

/* Oldest first. */
static void add(struct adoption *adoption, struct instance_past *past)
{
    struct candidate *candidate = xcalloc(1, sizeof(*candidate)), *later;
    candidate->past = past;
    TAILQ_FOREACH(later, &adoption->waiting, link)
    {
        if (later->past->record.times.created_ms > past->record.times.created_ms)
            break;
    }
    if (later)
        TAILQ_INSERT_BEFORE(later, candidate, link);
    else
        TAILQ_INSERT_TAIL(&adoption->waiting, candidate, link);
}

/* Whether all is there that a prewarmed one is given its function by: what is not there now was mounted
 * nevertheless, and nobody can put anything into it. */
static bool has_folders(const struct fleet_env *env, const struct instance_record *record)
{
    cleanup_free char *dir = xasprintf("%s/%s", env->run_dir, record->instance);
    cleanup_free char *code = xasprintf("%s.code", dir);
    return fs_is_dir(dir) && (record->function || fs_is_dir(code));
}

/* Those of another host are not ours to touch beyond this folder. */
static void read_record(struct adoption *adoption, const char *instance)
{
    const struct fleet_env *env = adoption->env;
    struct instance_record record;
    struct error err;
    if (instance_record_read(env->run_dir, instance, &record, &err) < 0) {
        log_warning("instance.record-unusable", LOG_STR("instance", instance), LOG_ERR(&err));
        return;
    }
    if (strcmp(record.owner, env->owner_id) != 0 || !has_folders(env, &record)) {
        instance_record_clear(&record);
        return;
    }
    struct instance_past *past = xcalloc(1, sizeof(*past));
    *past = (struct instance_past){.record = record, .handles = {-1, -1, -1, -1}};
    add(adoption, past);
}

/* The id that the name of an entry begins with, when `suffix` is the rest. */
static bool has_id(const char *name, const char *suffix, char ret_id[INSTANCE_ID_DIGITS + 1])
{
    size_t digits = strspn(name, "0123456789abcdef");
    if (digits != INSTANCE_ID_DIGITS || strcmp(name + digits, suffix) != 0)
        return false;
    memcpy(ret_id, name, INSTANCE_ID_DIGITS);
    ret_id[INSTANCE_ID_DIGITS] = '\0';
    return true;
}

static bool belongs(const struct adoption *adoption, const char *name)
{
    static const char *const suffixes[] = {"", ".code", INSTANCE_RECORD_SUFFIX};
    char id[INSTANCE_ID_DIGITS + 1];
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
        if (has_id(name, suffixes[i], id))
            return adoption_has(adoption, id);
    }
    return false;
}

static void each_entry(struct adoption *adoption, void (*visit)(struct adoption *adoption, const char *name))
{
    cleanup_dir DIR *dir = opendir(adoption->env->run_dir);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            visit(adoption, entry->d_name);
    }
}

static void read_entry(struct adoption *adoption, const char *name)
{
    char id[INSTANCE_ID_DIGITS + 1];
    if (has_id(name, INSTANCE_RECORD_SUFFIX, id))
        read_record(adoption, id);
}

static void clean_entry(struct adoption *adoption, const char *name)
{
    cleanup_free char *path = xasprintf("%s/%s", adoption->env->run_dir, name);
    struct error err;
    if (!belongs(adoption, name) && fs_remove_tree(path, &err) < 0)
        log_warning("instance.folder-left", LOG_STR("path", path), LOG_ERR(&err));
}

struct adoption *adoption_create(struct fleet_env *env)
{
    struct adoption *adoption = xcalloc(1, sizeof(*adoption));
    adoption->env = env;
    TAILQ_INIT(&adoption->waiting);
    each_entry(adoption, read_entry);
    each_entry(adoption, clean_entry);
    return adoption;
}

void adoption_leave(struct adoption *adoption)
{
    for (struct candidate *candidate; (candidate = queue_take_first(&adoption->waiting, link));)
        instance_past_free(forget(adoption, candidate));
}

void adoption_destroy(struct adoption *adoption)
{
    if (!adoption)
        return;
    for (struct candidate *candidate; (candidate = queue_take_first(&adoption->waiting, link));) {
        instance_past_free(candidate->past);
        free(candidate);
    }
    free(adoption->leaving);
    free(adoption);
}

/* --- what the engine tells --- */

static struct candidate *find(const struct adoption *adoption, const char *instance)
{
    struct candidate *candidate;
    TAILQ_FOREACH(candidate, &adoption->waiting, link)
    {
        if (strcmp(candidate->past->record.instance, instance) == 0)
            return candidate;
    }
    return NULL;
}

bool adoption_has(const struct adoption *adoption, const char *instance)
{
    return find(adoption, instance) != NULL;
}

void adoption_give_handles(struct adoption *adoption, const char *instance,
                           const struct instance_handles *handles)
{
    struct candidate *candidate = find(adoption, instance);
    struct instance_handles stranger = *handles;
    if (candidate)
        candidate->past->handles = *handles;
    else
        instance_handles_close(&stranger);
}

/* Somebody may have restarted the container: then its runner has no function any more. */
void adoption_note_found(struct adoption *adoption, const char *instance, const char *container,
                         const char *name, bool runs)
{
    struct candidate *candidate = find(adoption, instance);
    if (!candidate || strcmp(candidate->past->record.container, container) != 0)
        return;
    candidate->is_found = true;
    candidate->past->runs = runs && instance_record_is_of_this_start(&candidate->past->record);
    candidate->past->is_there = runs;
    free(candidate->past->name);
    candidate->past->name = xstrdup(name);
}

/* A runner that dials meanwhile waits to be accepted, which saves it a pause, and so does who is called by
 * the function's door, once the first process has made that. Failures are seen later. */
static void listen_early(struct adoption *adoption, struct instance_past *past)
{
    struct error err;
    cleanup_free char *dir = xasprintf("%s/%s", adoption->env->run_dir, past->record.instance);
    if (past->handles.dial < 0 && !past->record.address)
        (void)dial_listen(dir, &past->handles.dial, &err);
    if (past->handles.line < 0 && past->record.first_process > 0)
        (void)doorway_call(dir, &past->handles.doorway, &err);
}

/* Functions come before prewarmed instances. */
static void count_all(struct adoption *adoption, bool prewarmed)
{
    struct budget *budget = &adoption->env->engine->budget;
    struct candidate *next;
    for (struct candidate *candidate = TAILQ_FIRST(&adoption->waiting); candidate; candidate = next) {
        const struct instance_record *record = &candidate->past->record;
        next = TAILQ_NEXT(candidate, link);
        if ((record->function == NULL) != prewarmed)
            continue;
        if (!candidate->past->runs) {
            drop(adoption, candidate, "its container has ended meanwhile");
        } else if (candidate->past->counts) {
            continue; /* since an earlier review */
        } else if (budget_room(budget, record->limits.memory_bytes) == 0) {
            drop(adoption, candidate, "the host has no room for it any more");
        } else {
            budget_take(budget, record->limits.memory_bytes);
            candidate->past->counts = true;
            listen_early(adoption, candidate->past);
        }
    }
}

/* An engine that was away does not tell of what has ended meanwhile, and has nothing of what was removed. */
static void forget_lost(struct adoption *adoption)
{
    struct candidate *candidate;
    TAILQ_FOREACH(candidate, &adoption->waiting, link)
    {
        if (!candidate->is_found)
            candidate->past->runs = candidate->past->is_there = false;
        candidate->is_found = false;
    }
}

void adoption_note_reviewed(struct adoption *adoption)
{
    adoption->reviewed = true;
    forget_lost(adoption);
    count_all(adoption, false);
    count_all(adoption, true);
}

void adoption_note_died(struct adoption *adoption, const char *instance)
{
    struct candidate *candidate = find(adoption, instance);
    if (!candidate)
        return;
    candidate->past->runs = false;
    if (adoption->reviewed)
        drop(adoption, candidate, "its container has ended");
}

bool adoption_awaits(const struct adoption *adoption, const char *instance)
{
    const struct candidate *candidate = find(adoption, instance);
    return candidate && candidate->past->is_there;
}

/* --- who wants them --- */

static bool matches(const struct instance_record *record, const char *function, const char *digest,
                    unsigned concurrency)
{
    if (strcmp(record->digest, digest) != 0)
        return false;
    if (!function)
        return !record->function;
    return record->function && strcmp(record->function, function) == 0 && record->concurrency == concurrency;
}

struct instance_past *adoption_claim(struct adoption *adoption, const char *function, const char *digest,
                                     unsigned concurrency)
{
    struct candidate *candidate;
    if (!adoption)
        return NULL;
    TAILQ_FOREACH(candidate, &adoption->waiting, link)
    {
        if (candidate->past->counts && matches(&candidate->past->record, function, digest, concurrency))
            return take_out(adoption, candidate);
    }
    return NULL;
}

/* Nothing before the review: nobody knows yet what there is. */
void adoption_sweep(struct adoption *adoption, bool (*is_awaited)(const void *context, const char *function),
                    const void *context, const char *why)
{
    struct candidate *next;
    for (struct candidate *candidate = TAILQ_FIRST(&adoption->waiting); candidate; candidate = next) {
        next = TAILQ_NEXT(candidate, link);
        if (adoption->reviewed && !is_awaited(context, candidate->past->record.function))
            drop(adoption, candidate, why);
    }
}

bool adoption_is_open(const struct adoption *adoption)
{
    return !TAILQ_EMPTY(&adoption->waiting);
}

bool adoption_is_through(const struct adoption *adoption)
{
    return adoption->leaving_count == 0;
}

void adoption_counted(const struct adoption *adoption, unsigned *ret_instances, uint64_t *ret_memory_bytes)
{
    const struct candidate *candidate;
    *ret_instances = 0;
    *ret_memory_bytes = 0;
    TAILQ_FOREACH(candidate, &adoption->waiting, link)
    {
        *ret_instances += candidate->past->counts;
        *ret_memory_bytes += candidate->past->counts ? candidate->past->record.limits.memory_bytes : 0;
    }
}

void adoption_each_instance(const struct adoption *adoption,
                            void (*visit)(struct instance *instance, void *context), void *context)
{
    for (size_t i = 0; i < adoption->leaving_count; i++)
        visit(adoption->leaving[i], context);
}
