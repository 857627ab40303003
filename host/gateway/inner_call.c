#include "gateway/inner_call.h"

#include "base/alloc.h"
#include "gateway/fail.h"

#include <stdio.h>
#include <string.h>

/* The id of the trace that a request says it belongs to. False: it names none, or not as it should. */
static bool find_trace(const struct http_head *head, struct http_text *ret_trace)
{
    const struct http_header *header = http_head_find(head, HTTP_HEADER_TRACEPARENT);
    return header && !http_head_next(head, header) &&
           traceparent_read(http_head_value(head, header), ret_trace);
}

/* A call without a trace goes on with the one that it surely belongs to, or begins one. */
static void make_trace(struct exchange *exchange)
{
    struct inner_call *inner = exchange->inner;
    struct call_chain *chain = &inner->entry.chain;
    char span[REQUEST_ID_MADE];
    if (!*chain->trace)
        request_id_make(chain->trace, loop_random(exchange->loop), loop_random(exchange->loop));
    request_id_make(span, loop_random(exchange->loop), loop_random(exchange->loop));
    snprintf(inner->traceparent, sizeof(inner->traceparent), "00-%s-%.16s-01", chain->trace, span);
}

static int fail_too_deep(struct exchange *exchange)
{
    const struct call_chain *chain = &exchange->inner->entry.chain;
    struct http_text name = exchange->target.name;
    struct error error;
    error_set(&error, ERROR_CALL_DEPTH, "Functions have called each other %u times in a row: %s > %.*s.",
              chain->depth, chain->names, (int)name.length, name.data);
    error_hint(&error,
               "They seem to go round in a circle. The limit is call_depth: %u in the section `host`.",
               exchange->limits.call_depth);
    exchange_fail(exchange, &error);
    return -1;
}

int inner_call_begin(struct exchange *exchange)
{
    const struct entrance *entrance = exchange->client->entrance;
    struct http_text trace;
    if (exchange->inner)
        return 0;
    exchange->inner = xcalloc(1, sizeof(*exchange->inner));
    struct call_chain *chain = &exchange->inner->entry.chain;
    bool has_trace = find_trace(&exchange->request, &trace);
    call_book_follow(entrance->calls, has_trace ? trace.data : NULL, entrance->function, chain);
    if (has_trace)
        memcpy(chain->trace, trace.data, TRACE_ID_DIGITS);
    else
        make_trace(exchange);
    return chain->depth > exchange->limits.call_depth ? fail_too_deep(exchange) : 0;
}

bool inner_call_waits_for_itself(const struct exchange *exchange)
{
    const struct http_text name = exchange->target.name;
    return exchange->inner && call_chain_has(&exchange->inner->entry.chain, name.data, name.length);
}
