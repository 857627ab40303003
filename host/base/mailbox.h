/*
 * A mailbox: how one thread hands work to another. Any thread may post; one thread owns the box and collects.
 * Posting to an empty box makes `fd` readable (an eventfd), so that the owner's event loop wakes up; further
 * posts cost no system call.
 */
#ifndef BASE_MAILBOX_H
#define BASE_MAILBOX_H

#include "base/error.h"

#include <pthread.h>
#include <stdbool.h>

/* Embedded in whatever is sent; whoever collects it owns the whole. */
struct mail {
    struct mail *next;
    void (*deliver)(struct mail *mail, void *owner); /* called by mailbox_deliver on the owner's thread */
};

struct mailbox {
    pthread_mutex_t lock;
    struct mail *first, **last;
    int fd; /* readable while there is mail */
};

int mailbox_init(struct mailbox *box, struct error *err);

/* Mail that was never collected is lost: the owner delivers before it clears. */
void mailbox_clear(struct mailbox *box);

/* Adds one piece of mail at the end. Any thread. The mail belongs to the box until it is delivered. */
void mailbox_post(struct mailbox *box, struct mail *mail);

/* Calls deliver(mail, owner) for all mail posted so far, oldest first; what is posted meanwhile waits for the
 * next call. Owner's thread only. Returns whether there was any. */
bool mailbox_deliver(struct mailbox *box, void *owner);

#endif
