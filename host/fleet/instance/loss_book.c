#include "fleet/instance/loss_book.h"

#include "base/alloc.h"

#include <pthread.h>
#include <stdlib.h>

#define ENTRIES_MAX 128

struct loss {
    uint64_t instance, until_ms;
    struct kept_error *cause;
};

struct loss_book {
    pthread_mutex_t lock;
    struct loss losses[ENTRIES_MAX];
    unsigned next;
};

struct loss_book *loss_book_create(void)
{
    struct loss_book *book = xcalloc(1, sizeof(*book));
    pthread_mutex_init(&book->lock, NULL);
    return book;
}

void loss_book_destroy(struct loss_book *book)
{
    if (!book)
        return;
    for (unsigned i = 0; i < ENTRIES_MAX; i++)
        free(book->losses[i].cause);
    pthread_mutex_destroy(&book->lock);
    free(book);
}

void loss_book_add(struct loss_book *book, uint64_t instance, uint64_t until_ms, const struct error *cause)
{
    struct kept_error *copy = error_keep(cause);
    pthread_mutex_lock(&book->lock);
    struct loss *loss = &book->losses[book->next++ % ENTRIES_MAX];
    free(loss->cause);
    *loss = (struct loss){.instance = instance, .until_ms = until_ms, .cause = copy};
    pthread_mutex_unlock(&book->lock);
}

/* The newest first, so that what was said last of the end of an instance is what is known of it. */
static const struct loss *find(const struct loss_book *book, uint64_t instance, uint64_t lost_ms)
{
    const struct loss *best = NULL;
    for (unsigned age = 1; age <= ENTRIES_MAX; age++) {
        const struct loss *loss = &book->losses[(book->next - age) % ENTRIES_MAX];
        bool explains = loss->cause && loss->instance == instance && lost_ms <= loss->until_ms;
        if (explains && (!best || loss->until_ms < best->until_ms))
            best = loss;
    }
    return best;
}

bool loss_book_find(struct loss_book *book, uint64_t instance, uint64_t lost_ms, struct error *ret_cause)
{
    pthread_mutex_lock(&book->lock);
    const struct loss *found = find(book, instance, lost_ms);
    if (found)
        error_recall(found->cause, ret_cause);
    pthread_mutex_unlock(&book->lock);
    return found != NULL;
}
