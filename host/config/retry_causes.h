/* What a call is tried again for: how its last attempt has failed. Plain data, without padding: equal ones
 * have equal bytes. */
#ifndef CONFIG_RETRY_CAUSES_H
#define CONFIG_RETRY_CAUSES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RETRY_STATUS_FIRST 400
#define RETRY_STATUS_LAST  599

/* Zero-initialised is nothing. */
struct retry_causes {
    bool timeout; /* the function took longer than it may */
    bool connection; /* its instance went away before its answer was whole */
    uint8_t statuses[(RETRY_STATUS_LAST - RETRY_STATUS_FIRST + 8) / 8]; /* a bit each, from the first on */
};

/* Adds what a word names: "timeout", "connection", "4xx", "5xx" or a status from 400 to 599. False: it is
 * none. */
bool retry_causes_add(struct retry_causes *causes, const char *word, size_t length);

/* Whether an answer with this status is one. */
bool retry_causes_have_status(const struct retry_causes *causes, int status);

/* As a list of the words that name them, as few as there can be. The caller owns the result. */
json_t *retry_causes_json(const struct retry_causes *causes);

#endif
