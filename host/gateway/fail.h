/* The end of an exchange by an answer that the gateway makes. The exchange may be over afterwards. */
#ifndef GATEWAY_FAIL_H
#define GATEWAY_FAIL_H

#include "base/error.h"
#include "gateway/exchange.h"

/* Answers with an error and its code's status, or, when the answer's head has gone out already, cuts the
 * connection. */
void exchange_fail(struct exchange *exchange, const struct error *error);

/* The same for an instance, or its start, that failed with this request: a 502, whatever the cause. */
void exchange_fail_instance(struct exchange *exchange, const struct error *cause);

/* The desk, which is asked in the place of a function, is not there or fails: what it does is `how`. */
void exchange_fail_desk(struct exchange *exchange, const char *how);

/* The request is not HTTP as it should be, `code` as its parser gives it; its client's connection ends. */
void exchange_fail_problem(struct exchange *exchange, enum error_code code);

/* The request's body is malformed or too large. */
void exchange_fail_body(struct exchange *exchange);

/* The memory for slow clients is used up. */
void exchange_fail_no_memory(struct exchange *exchange);

/* Answers OPTIONS in the place of a function. */
void exchange_answer_options(struct exchange *exchange);

#endif
