#include "store/log_store.h"

#include "base/alloc.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "store/log_writer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Lines are left to come together for this time, so that a write is worth its while. */
#define GATHER_MS 50

struct log_store {
    char *dir;
    struct log_writer *writer; /* the thread's */
    pthread_t thread;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t wake;
    struct strbuf queue; /* of lines, each with what is in `struct queued` before it */
    struct strbuf spare; /* the thread's: what it has written last; keeps its memory */
    uint64_t dropped, told; /* lines; those of them that the log has told of */
    bool stopping;
};

/* Then come the function's name, with its NUL, and the form of the line. */
struct queued {
    uint32_t name_size, form_size;
};

/* --- the thread --- */

static void add_milliseconds(struct timespec *time, long ms)
{
    time->tv_nsec += ms * 1000000;
    time->tv_sec += time->tv_nsec / 1000000000;
    time->tv_nsec %= 1000000000;
}

/* Waits for lines, and for others that may follow them. */
static void wait_for_lines(struct log_store *store)
{
    struct timespec until;
    while (store->queue.length == 0 && !store->stopping)
        pthread_cond_wait(&store->wake, &store->lock);
    clock_gettime(CLOCK_MONOTONIC, &until);
    add_milliseconds(&until, GATHER_MS);
    while (!store->stopping && store->queue.length < LOG_STORE_QUEUE_BYTES / 4 &&
           pthread_cond_timedwait(&store->wake, &store->lock, &until) != ETIMEDOUT)
        continue;
}

/* Returns how many lines were lost. */
static size_t write_lines(struct log_writer *writer, const struct strbuf *lines)
{
    struct queued queued;
    for (size_t at = 0; at < lines->length; at += queued.name_size + queued.form_size) {
        memcpy(&queued, lines->data + at, sizeof(queued));
        at += sizeof(queued);
        const char *name = lines->data + at;
        log_writer_add(writer, name, name + queued.name_size, queued.form_size);
    }
    return log_writer_flush(writer);
}

static void tell_dropped(struct log_store *store)
{
    if (store->dropped == store->told)
        return;
    log_warning("logs.dropped", LOG_INT("lines", store->dropped - store->told),
                LOG_STR("hint", "functions write more than this host's disk takes"));
    store->told = store->dropped;
}

static void *run(void *context)
{
    struct log_store *store = context;
    pthread_mutex_lock(&store->lock);
    for (;;) {
        wait_for_lines(store);
        if (store->queue.length == 0)
            break;
        struct strbuf lines = store->queue;
        store->queue = store->spare;
        pthread_mutex_unlock(&store->lock);
        size_t lost = write_lines(store->writer, &lines);
        strbuf_reset(&lines);
        pthread_mutex_lock(&store->lock);
        store->spare = lines;
        store->dropped += lost;
        tell_dropped(store);
    }
    pthread_mutex_unlock(&store->lock);
    return NULL;
}

/* --- life --- */

/* Signals are for the control thread. */
static int start_thread(struct log_store *store)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int errnum = pthread_create(&store->thread, NULL, run, store);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return errnum;
}

static void free_store(struct log_store *store)
{
    pthread_mutex_destroy(&store->lock);
    pthread_cond_destroy(&store->wake);
    strbuf_clear(&store->queue);
    strbuf_clear(&store->spare);
    log_writer_destroy(store->writer);
    free(store->dir);
    free(store);
}

int log_store_open(const char *dir, uint64_t max_bytes, struct log_store **ret_store, struct error *err)
{
    pthread_condattr_t monotonic;
    if (fs_make_dirs(dir, 0700, err) < 0)
        return -1;
    struct log_store *store = xcalloc(1, sizeof(*store));
    store->dir = xstrdup(dir);
    strbuf_init(&store->queue, LOG_STORE_QUEUE_BYTES);
    strbuf_init(&store->spare, LOG_STORE_QUEUE_BYTES);
    pthread_mutex_init(&store->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&store->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    store->writer = log_writer_create(dir, max_bytes);
    int errnum = start_thread(store);
    if (errnum != 0) {
        free_store(store);
        return error_errno(err, COMPONENT_BASE, errnum, "cannot start the thread that keeps logs");
    }
    *ret_store = store;
    return 0;
}

void log_store_close(struct log_store *store)
{
    if (!store)
        return;
    pthread_mutex_lock(&store->lock);
    store->stopping = true;
    pthread_cond_signal(&store->wake);
    pthread_mutex_unlock(&store->lock);
    pthread_join(store->thread, NULL);
    free_store(store);
}

/* --- lines --- */

/* The thread is woken for the first line; it looks at the time itself for those that follow. */
void log_store_add(struct log_store *store, const char *function, const struct log_line *line)
{
    static _Thread_local char form[LOG_LINE_MAX];
    if (!store)
        return;
    const struct queued queued = {.name_size = (uint32_t)strlen(function) + 1,
                                  .form_size = (uint32_t)log_line_write(line, form)};
    pthread_mutex_lock(&store->lock);
    struct strbuf *queue = &store->queue;
    bool was_empty = queue->length == 0;
    if (queue->length + sizeof(queued) + queued.name_size + queued.form_size > LOG_STORE_QUEUE_BYTES) {
        store->dropped++;
    } else {
        strbuf_append(queue, &queued, sizeof(queued));
        strbuf_append(queue, function, queued.name_size);
        strbuf_append(queue, form, queued.form_size);
    }
    if (was_empty || queue->length > LOG_STORE_QUEUE_BYTES / 4)
        pthread_cond_signal(&store->wake);
    pthread_mutex_unlock(&store->lock);
}

uint64_t log_store_dropped(struct log_store *store)
{
    if (!store)
        return 0;
    pthread_mutex_lock(&store->lock);
    uint64_t dropped = store->dropped;
    pthread_mutex_unlock(&store->lock);
    return dropped;
}

const char *log_store_dir(const struct log_store *store)
{
    return store->dir;
}
