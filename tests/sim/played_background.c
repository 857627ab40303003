/* In the place of base/background.c: the same work, done on the event loop after a while. */
#include "base/background.h"

#include "agenda.h"
#include "base/alloc.h"
#include "base/fs.h"
#include "sim.h"

#include <stdlib.h>
#include <sys/queue.h>

struct task {
    TAILQ_ENTRY(task) link;
    struct background *background;
    void (*work)(void *context);
    void (*done)(void *context, bool ran);
    void *context;
};

struct background {
    TAILQ_HEAD(, task) tasks; /* the first one is at work */
    struct agenda_item *turn;
};

int background_create(struct event_base *base, struct background **ret_background, struct error *err)
{
    (void)base, (void)err;
    *ret_background = xcalloc(1, sizeof(**ret_background));
    TAILQ_INIT(&(*ret_background)->tasks);
    return 0;
}

void background_destroy(struct background *background)
{
    if (!background)
        return;
    agenda_strike(background->turn);
    for (struct task *task; (task = TAILQ_FIRST(&background->tasks));) {
        TAILQ_REMOVE(&background->tasks, task, link);
        task->done(task->context, false);
        free(task);
    }
    free(background);
}

static void take_turn(void *context);

static void begin_next(struct background *background)
{
    if (!TAILQ_EMPTY(&background->tasks))
        background->turn = agenda_add_daemons(chance_skewed(&sim.chance, 0, 30), take_turn, background);
}

static void take_turn(void *context)
{
    struct background *background = context;
    struct task *task = TAILQ_FIRST(&background->tasks);
    TAILQ_REMOVE(&background->tasks, task, link);
    background->turn = NULL;
    task->work(task->context);
    begin_next(background);
    task->done(task->context, true);
    free(task);
}

void background_run(struct background *background, void (*work)(void *context),
                    void (*done)(void *context, bool ran), void *context)
{
    struct task *task = xcalloc(1, sizeof(*task));
    *task = (struct task){.background = background, .work = work, .done = done, .context = context};
    TAILQ_INSERT_TAIL(&background->tasks, task, link);
    if (!background->turn)
        begin_next(background);
}

static void remove_tree(void *context)
{
    struct error err;
    fs_remove_tree(context, &err);
}

static void forget_path(void *context, bool ran)
{
    (void)ran;
    free(context);
}

void background_remove_tree(struct background *background, const char *path)
{
    background_run(background, remove_tree, forget_path, xstrdup(path));
}
