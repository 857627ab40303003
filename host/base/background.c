#include "base/background.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mailbox.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

/* One piece of work: first in the queue, then in the mailbox. */
struct task {
    struct mail mail;
    struct task *next;
    void (*work)(void *context);
    void (*done)(void *context, bool ran);
    void *context;
};

struct background {
    pthread_t thread;
    pthread_mutex_t lock; /* of the queue and `stopping` */
    pthread_cond_t wake;
    struct task *first, **last;
    bool stopping;
    struct mailbox finished;
    struct event *event; /* finished.fd is readable */
};

static void deliver(struct mail *mail, void *owner)
{
    (void)owner;
    struct task *task = (struct task *)mail; /* its first member */
    task->done(task->context, true);
    free(task);
}

static void on_finished(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct background *background = context;
    mailbox_deliver(&background->finished, background);
}

/* The next piece of work; NULL when the thread is to end. */
static struct task *take(struct background *background)
{
    pthread_mutex_lock(&background->lock);
    while (!background->first && !background->stopping)
        pthread_cond_wait(&background->wake, &background->lock);
    struct task *task = background->stopping ? NULL : background->first;
    if (task) {
        background->first = task->next;
        if (!background->first)
            background->last = &background->first;
    }
    pthread_mutex_unlock(&background->lock);
    return task;
}

static void *run(void *context)
{
    struct background *background = context;
    for (struct task *task; (task = take(background));) {
        task->work(task->context);
        mailbox_post(&background->finished, &task->mail);
    }
    return NULL;
}

/* The thread takes no signals: they are the main thread's. */
static int start_thread(struct background *background)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int errnum = pthread_create(&background->thread, NULL, run, background);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return errnum;
}

int background_create(struct event_base *base, struct background **ret_background, struct error *err)
{
    struct background *background = xcalloc(1, sizeof(*background));
    background->last = &background->first;
    if (mailbox_init(&background->finished, err) < 0) {
        free(background);
        return -1;
    }
    pthread_mutex_init(&background->lock, NULL);
    pthread_cond_init(&background->wake, NULL);
    background->event =
        event_new(base, background->finished.fd, EV_READ | EV_PERSIST, on_finished, background);
    int errnum = background->event && event_add(background->event, NULL) == 0 ? 0 : ENOMEM;
    if (errnum == 0)
        errnum = start_thread(background);
    if (errnum != 0) {
        if (background->event)
            event_free(background->event);
        pthread_cond_destroy(&background->wake);
        pthread_mutex_destroy(&background->lock);
        mailbox_clear(&background->finished);
        free(background);
        return error_errno(err, COMPONENT_BUILD, errnum, "cannot start the thread for file work");
    }
    *ret_background = background;
    return 0;
}

void background_destroy(struct background *background)
{
    if (!background)
        return;
    pthread_mutex_lock(&background->lock);
    background->stopping = true;
    pthread_cond_signal(&background->wake);
    pthread_mutex_unlock(&background->lock);
    pthread_join(background->thread, NULL);

    while (mailbox_deliver(&background->finished, background))
        ;
    for (struct task *task; (task = background->first);) {
        background->first = task->next;
        task->done(task->context, false);
        free(task);
    }
    event_free(background->event);
    mailbox_clear(&background->finished);
    pthread_cond_destroy(&background->wake);
    pthread_mutex_destroy(&background->lock);
    free(background);
}

void background_run(struct background *background, void (*work)(void *context),
                    void (*done)(void *context, bool ran), void *context)
{
    struct task *task = xcalloc(1, sizeof(*task));
    *task = (struct task){.mail.deliver = deliver, .work = work, .done = done, .context = context};
    pthread_mutex_lock(&background->lock);
    *background->last = task;
    background->last = &task->next;
    pthread_cond_signal(&background->wake);
    pthread_mutex_unlock(&background->lock);
}

static void remove_work(void *context)
{
    struct error err;
    if (fs_remove_tree(context, &err) < 0)
        log_warning("build.remove_failed", LOG_STR("path", context), LOG_ERR(&err));
}

static void remove_done(void *context, bool ran)
{
    (void)ran;
    free(context);
}

void background_remove_tree(struct background *background, const char *path)
{
    background_run(background, remove_work, remove_done, xstrdup(path));
}
