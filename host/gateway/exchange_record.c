#include "gateway/exchange_record.h"

#include "gateway/request_record.h"

#include <string.h>

static struct http_text text_of(const char *text)
{
    return http_text_make(text, strlen(text));
}

static void gather_texts(const struct exchange *exchange, struct http_text texts[REQUEST_TEXTS])
{
    const struct http_head *request = &exchange->request;
    const struct kept_error *problem = exchange->ending.problem;
    texts[REQUEST_ID] = exchange->id;
    texts[REQUEST_FUNCTION] = exchange->target.name;
    texts[REQUEST_CLIENT] = client_address(exchange->client);
    if (request->bytes) {
        texts[REQUEST_METHOD] = http_head_text(request, request->method_text);
        texts[REQUEST_TARGET] = http_head_text(request, request->target);
    }
    if (problem) {
        texts[REQUEST_MESSAGE] = text_of(problem->message);
        texts[REQUEST_HINT] = text_of(problem->hint);
    }
}

static uint64_t bytes_in(const struct exchange *exchange)
{
    return exchange->request.length + exchange->up.body.received;
}

static void fill(struct request_record *record, const struct exchange *exchange, enum request_end end)
{
    const struct ending *ending = &exchange->ending;
    *record = (struct request_record){
        .times = exchange->times,
        .waited_ns = exchange->queue.waited_ns,
        .instance = exchange->hold.instance,
        .revision = exchange->revision,
        .bytes_in = bytes_in(exchange),
        .bytes_out = exchange->down.written,
        .code = ending->code,
        .component = ending->problem ? ending->problem->component : error_code_component(ending->code),
        .status = exchange->status,
        .end = (uint8_t)end,
        .is_own = ending->is_own,
        .is_routed = exchange->is_routed,
        .is_cold = exchange->queue.cold,
        .is_stream = exchange->answering.is_stream,
    };
}

void exchange_record(const struct exchange *exchange, enum request_end end)
{
    struct exchanges *all = exchange->all;
    struct http_text texts[REQUEST_TEXTS] = {0};
    gather_texts(exchange, texts);
    struct request_record *record = record_ring_reserve(&all->records, request_record_size(texts));
    if (!record) {
        counter_add(&exchange->loop->counters, COUNTER_RECORDS_DROPPED, 1);
        return;
    }
    fill(record, exchange, end);
    request_record_set_texts(record, texts);
    if (record_ring_commit(&all->records) && all->hooks->records)
        all->hooks->records(all->hooks->context);
}
