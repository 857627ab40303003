#include "cli/load/load_watch.h"

#include "base/alloc.h"
#include "base/background.h"
#include "base/cleanup.h"
#include "cli/client.h"
#include "cli/members.h"

#include <stdlib.h>

struct load_watch {
    const struct arguments *arguments;
    const char *function;
    struct background *background;
    bool is_asking;
    struct function_state state;
    unsigned most;
};

/* A question on its way: the thread's, until it is done. */
struct question {
    struct load_watch *watch;
    struct function_state state;
};

struct function_state function_state_ask(const struct arguments *arguments, const char *function)
{
    cleanup_free char *path = client_path("/berth/functions/%s", function);
    json_t *answer;
    struct function_state state = {0};
    if (client_poll(arguments, path, &answer) != CLIENT_POLL_ANSWERED)
        return state;
    state = (struct function_state){.is_known = true,
                                    .instances = (unsigned)member_number(answer, "instances"),
                                    .ready = (unsigned)member_number(answer, "ready"),
                                    .busy = (unsigned)member_number(answer, "busy"),
                                    .waiting = (unsigned)member_number(answer, "waiting"),
                                    .invocations = (uint64_t)member_number(answer, "invocations"),
                                    .failed = (uint64_t)member_number(answer, "failed"),
                                    .cold_starts = (uint64_t)member_number(answer, "cold_starts")};
    json_decref(answer);
    return state;
}

static void ask(void *context)
{
    struct question *question = context;
    question->state = function_state_ask(question->watch->arguments, question->watch->function);
}

static void take_answer(void *context, bool ran)
{
    struct question *question = context;
    struct load_watch *watch = question->watch;
    if (ran) {
        watch->is_asking = false;
        watch->state = question->state;
        if (watch->state.instances > watch->most)
            watch->most = watch->state.instances;
    }
    free(question);
}

int load_watch_create(struct event_base *base, const struct arguments *arguments, const char *function,
                      struct load_watch **ret_watch, struct error *err)
{
    struct load_watch *watch = xcalloc(1, sizeof(*watch));
    watch->arguments = arguments;
    watch->function = function;
    if (background_create(base, &watch->background, err) < 0) {
        free(watch);
        return -1;
    }
    *ret_watch = watch;
    return 0;
}

void load_watch_ask(struct load_watch *watch)
{
    if (watch->is_asking)
        return;
    struct question *question = xcalloc(1, sizeof(*question));
    question->watch = watch;
    watch->is_asking = true;
    background_run(watch->background, ask, take_answer, question);
}

const struct function_state *load_watch_now(const struct load_watch *watch)
{
    return &watch->state;
}

unsigned load_watch_most(const struct load_watch *watch)
{
    return watch->most;
}

void load_watch_destroy(struct load_watch *watch)
{
    if (!watch)
        return;
    background_destroy(watch->background);
    free(watch);
}
