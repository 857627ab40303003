/* Why the instances that were lost last were lost, for requests that were under way in them. Any thread. */
#ifndef FLEET_LOSS_BOOK_H
#define FLEET_LOSS_BOOK_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct loss_book;

struct loss_book *loss_book_create(void);

/* NULL is fine. */
void loss_book_destroy(struct loss_book *book);

/* Keeps a copy of the cause, in the place of the oldest when the book is full. */
void loss_book_add(struct loss_book *book, uint64_t instance, const struct error *cause);

/* False: nothing is known of that instance. */
bool loss_book_find(struct loss_book *book, uint64_t instance, struct error *ret_cause);

#endif
