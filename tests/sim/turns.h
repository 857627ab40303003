/* Time passes: the daemon's event loop turns, and what is due happens. */
#ifndef SIM_TURNS_H
#define SIM_TURNS_H

#include <stdbool.h>

/* Whether something holds. `text` says why it does not. */
typedef bool until_fn(char *text, unsigned size);

void turns_one(void);

/* Until it holds, which must be within so long; `what` says what that is: "answered". */
void turns_until(until_fn *holds, unsigned limit_ms, const char *what);

void turns_let_pass(unsigned ms);

#endif
