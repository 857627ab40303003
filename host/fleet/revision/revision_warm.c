#include "fleet/revision/revision_inside.h"

#include "config/schedule_times.h"

#define LATE_MS 10000 /* that a scheduled call may be, after which the next one counts */

static uint64_t find_due(const struct revision *revision, uint64_t now_ms)
{
    uint64_t due_ms = 0;
    const struct function_settings *settings = revision->applied;
    for (size_t i = 0; i < settings->schedule_count; i++) {
        uint64_t next_ms = schedule_next_run(settings->name, &settings->schedules[i], now_ms);
        if (next_ms > 0 && (due_ms == 0 || next_ms < due_ms))
            due_ms = next_ms;
    }
    return due_ms;
}

/* When a schedule calls it next; 0: none does. To find that takes reading the zones' files, so it is done
 * once for each time, and again when a clock has been set back. */
static uint64_t due(struct revision *revision, uint64_t now_ms)
{
    struct next_due *next = &revision->next_due;
    bool is_past = next->due_ms > 0 && now_ms > next->due_ms + LATE_MS;
    if (next->found_ms == 0 || now_ms < next->found_ms || is_past)
        *next = (struct next_due){.found_ms = now_ms, .due_ms = find_due(revision, now_ms)};
    return next->due_ms;
}

/* Until there has been a prewarmed one, what an instance used that had loaded them with its function. */
static uint64_t memory_of(const struct revision *revision)
{
    uint64_t prewarmed_bytes = revision->modules->memory_bytes;
    return prewarmed_bytes > 0 ? prewarmed_bytes : revision->loaded_bytes;
}

static void describe(void *owner, struct warm_need *ret_need, uint64_t now_ms)
{
    struct revision *revision = owner;
    unsigned present = revision_count_in(revision, INSTANCE_READY) + revision_starting_count(revision);
    unsigned most = revision->scale.max_scale;
    *ret_need = (struct warm_need){.function = revision->settings->name,
                                   .use = {.cold_starts = &revision->shared->cold_starts,
                                           .deployed_ms = revision->shared->deployed_ms,
                                           .due_ms = due(revision, now_ms),
                                           .most = most,
                                           .room = most > present ? most - present : 0},
                                   .saved_ms = module_profile_saved_ms(revision->modules),
                                   .memory_bytes = memory_of(revision)};
}

void revision_keep_warm(struct revision *revision)
{
    revision->warm =
        (struct warm_member){.pool = revision->libraries, .describe = describe, .owner = revision};
    warm_keeper_join(revision->env->warm, &revision->warm);
}

void revision_keep_no_longer_warm(struct revision *revision)
{
    warm_keeper_leave(revision->env->warm, &revision->warm);
}

void revision_look_at_warmth(struct revision *revision)
{
    if (revision->libraries)
        warm_keeper_look(revision->env->warm);
}

const struct warm_share *revision_warm_share(const struct revision *revision)
{
    return revision->libraries && revision->warm.is_planned ? &revision->warm.share : NULL;
}

unsigned revision_warm_ready(const struct revision *revision)
{
    return revision->libraries ? prewarm_ready(revision->libraries) : 0;
}
