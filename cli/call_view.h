/* Async calls as people read them. */
#ifndef CLI_CALL_VIEW_H
#define CLI_CALL_VIEW_H

#include <jansson.h>

/* A page of them, as the API has it, newest first: printed the other way round, so that the newest is next to
 * the prompt. Not empty. */
void call_view_print_list(const json_t *calls);

/* All that is known of one: what it is, its attempts and what they waited for, what came of it, what is next.
 */
void call_view_print(const json_t *call);

#endif
