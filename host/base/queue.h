/*
 * Lists are those of <sys/queue.h>: LIST where the order does not matter, TAILQ where it does.
 */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include <sys/queue.h>

/* Takes the first of a TAILQ out of it; NULL when it is empty. */
#define queue_take_first(head, link)                                                                         \
    ({                                                                                                       \
        __typeof__((head)->tqh_first) first_ = TAILQ_FIRST(head);                                            \
        if (first_) {                                                                                        \
            (head)->tqh_first = TAILQ_NEXT(first_, link);                                                    \
            if ((head)->tqh_first)                                                                           \
                (head)->tqh_first->link.tqe_prev = &(head)->tqh_first;                                       \
            else                                                                                             \
                (head)->tqh_last = &(head)->tqh_first;                                                       \
        }                                                                                                    \
        first_;                                                                                              \
    })

#endif
