#include "fleet/revision/revision_inside.h"

#include "base/clock.h"

#define NEWS_MS 500

/* The start that has got furthest, the first of equals; NULL: none is under way. */
static const struct instance *foremost_start(const struct revision *revision)
{
    const struct instance *foremost = NULL;
    for (size_t i = 0; i < revision->count; i++) {
        enum instance_state state = instance_current_state(revision->instances[i]);
        bool starts = state <= INSTANCE_STARTING || state == INSTANCE_LOADING;
        if (starts && (!foremost || state > instance_current_state(foremost)))
            foremost = revision->instances[i];
    }
    return foremost;
}

static void describe_start(const struct instance *instance, struct error *news)
{
    uint64_t since_ms;
    const char *phase = instance_start_phase(instance, &since_ms);
    error_set(news, ERROR_STARTING, "an instance is being started, for %llu s: %s",
              (unsigned long long)(clock_ms() - since_ms) / 1000, phase);
}

static void describe_room(const struct revision *revision, struct error *news)
{
    const struct budget *budget = &revision->env->engine->budget;
    error_set(news, ERROR_NO_ROOM,
              "there is no room for an instance: it needs %llu MiB, and of %llu MiB and %u instances that "
              "all functions may have together, %llu MiB and %u instances are taken",
              (unsigned long long)revision->settings->memory_bytes >> 20,
              (unsigned long long)budget->max_memory_bytes >> 20, budget->max_instances,
              (unsigned long long)budget->memory_bytes >> 20, budget->instances);
    error_hint(news, "Try again later; the limits are max_memory and max_instances in the section `host`.");
}

/* What a function without any slot waits for that could be prepared. */
static bool describe_first_instance(const struct revision *revision, struct error *news)
{
    const struct instance *start = foremost_start(revision);
    if (start)
        describe_start(start, news);
    else if (revision->package_changed)
        error_set(news, ERROR_PACKAGING,
                  "its package was changed on this host's disk, and is made anew from its files");
    else if (revision->denied > 0)
        describe_room(revision, news);
    else
        return false;
    return true;
}

static bool failed_last(const struct revision *revision)
{
    return revision->problem && (revision->failures > 0 || clock_ms() < revision->retry_at_ms);
}

/* What a request that waits in vain is told: what keeps Docker from starting anything, or instances from
 * coming up, or what has to be done first. NULL: it waits for a free slot. */
static const struct error *find_news(const struct revision *revision, const struct slot_counts *counts,
                                     struct error *text)
{
    *text = (struct error){0};
    if (engine_is_away(revision->env->engine))
        return &revision->env->engine->trouble;
    if (revision->preparation)
        preparation_describe(revision->preparation, text);
    else if (failed_last(revision))
        error_recall(revision->problem, text);
    else if (counts->instances > 0 || !describe_first_instance(revision, text))
        return NULL;
    return text;
}

/* The text has how long it takes, so it is told anew while it does. */
void revision_tell_news(struct revision *revision)
{
    struct error text;
    struct slot_counts counts;
    slot_pool_counts(revision->pool, &counts);
    slot_pool_set_trouble(revision->pool, find_news(revision, &counts, &text));
    bool goes_on =
        revision->preparation || (counts.instances == 0 && (counts.waiting > 0 || counts.starting > 0));
    if (goes_on)
        event_add(revision->news, &(struct timeval){.tv_usec = NEWS_MS * 1000});
    else
        event_del(revision->news);
}

void revision_on_news(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    revision_tell_news(context);
}
