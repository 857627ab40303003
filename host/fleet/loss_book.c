#include "fleet/loss_book.h"

#include "base/strbuf.h"

#include <pthread.h>
#include <stdlib.h>

#define ENTRIES_MAX 32

struct loss {
    uint64_t instance;
    struct error *cause;
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

void loss_book_add(struct loss_book *book, uint64_t instance, const struct error *cause)
{
    struct error *copy = xmalloc(sizeof(*copy));
    *copy = *cause;
    pthread_mutex_lock(&book->lock);
    struct loss *loss = &book->losses[book->next++ % ENTRIES_MAX];
    free(loss->cause);
    *loss = (struct loss){.instance = instance, .cause = copy};
    pthread_mutex_unlock(&book->lock);
}

bool loss_book_find(struct loss_book *book, uint64_t instance, struct error *ret_cause)
{
    bool found = false;
    pthread_mutex_lock(&book->lock);
    for (unsigned i = 0; i < ENTRIES_MAX && !found; i++) {
        found = book->losses[i].cause && book->losses[i].instance == instance;
        if (found)
            *ret_cause = *book->losses[i].cause;
    }
    pthread_mutex_unlock(&book->lock);
    return found;
}
