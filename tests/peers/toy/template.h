/* The toy language: a program is the text of its answer, in which {method}, {path}, {query} and {body} stand
 * for parts of the request and {{ for a brace. Lines that begin with # are comments. */
#ifndef TOY_TEMPLATE_H
#define TOY_TEMPLATE_H

#include <stddef.h>

enum toy_part { TOY_METHOD, TOY_PATH, TOY_QUERY, TOY_BODY, TOY_PARTS };

/* One step through a program. */
enum toy_kind { TOY_END, TOY_TEXT, TOY_REQUEST_PART, TOY_MISTAKE };

struct toy_step {
    enum toy_kind kind;
    const char *at; /* the text, or where the mistake is */
    size_t length;
    enum toy_part part;
};

/* The next step from *position on, which it moves. */
struct toy_step toy_next(const char *program, size_t *position);

#endif
