/* Why connections to instances were lost lately, for the requests that were under way on them. Any thread. */
#ifndef FLEET_INSTANCE_LOSS_BOOK_H
#define FLEET_INSTANCE_LOSS_BOOK_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define LOSS_FOR_GOOD UINT64_MAX

struct loss_book;

struct loss_book *loss_book_create(void);

/* NULL is fine. */
void loss_book_destroy(struct loss_book *book);

/* Keeps a copy of the cause, in the place of the oldest when the book is full. It explains every loss up to
 * `until_ms` (clock_ms()), LOSS_FOR_GOOD when the instance has ended. */
void loss_book_add(struct loss_book *book, uint64_t instance, uint64_t until_ms, const struct error *cause);

/* The cause of a loss at `lost_ms`: of those that explain it, the one for the shortest while, and the newest
 * of equals. False: nothing is known of it. */
bool loss_book_find(struct loss_book *book, uint64_t instance, uint64_t lost_ms, struct error *ret_cause);

#endif
