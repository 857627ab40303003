#include "gateway/access_log.h"

#include "base/log.h"
#include "base/utf8.h"
#include "gateway/loop.h"

#include <string.h>

/* The texts that every line has, with an end. */
struct subject {
    char method[16];
    char name[128];
    char id[REQUEST_ID_MAX + 1];
};

static void copy_text(char *text, size_t size, struct http_text source)
{
    size_t length = source.length < size ? source.length : size - 1;
    if (length > 0)
        memcpy(text, source.data, length);
    text[length] = '\0';
    utf8_repair(text);
}

static struct subject subject_of(const struct exchange *exchange)
{
    struct subject subject;
    struct http_text method = HTTP_TEXT("");
    if (exchange->request.bytes)
        method = http_head_text(&exchange->request, exchange->request.method_text);
    copy_text(subject.method, sizeof(subject.method), method);
    copy_text(subject.name, sizeof(subject.name), exchange->target.name);
    copy_text(subject.id, sizeof(subject.id), exchange->id);
    return subject;
}

void access_log_request(const struct exchange *exchange)
{
    const struct subject subject = subject_of(exchange);
    log_debug("gateway.request", LOG_STR("method", subject.method), LOG_STR("function", subject.name),
              LOG_STR("client", exchange->client->address), LOG_INT("status", exchange->status),
              LOG_INT("bytes", exchange->down.written),
              LOG_DEC("ms", (double)(loop_now_ns(exchange->loop) - exchange->began_ns) / 1e6),
              LOG_STR("request_id", subject.id));
}

void access_log_error(const struct exchange *exchange, const struct error *error)
{
    const struct subject subject = subject_of(exchange);
    log_info("gateway.error", LOG_STR("function", subject.name[0] ? subject.name : NULL),
             LOG_STR("client", exchange->client->address), LOG_INT("status", exchange->status),
             LOG_STR("request_id", subject.id), LOG_ERR(error));
}

void access_log_function_error(const struct exchange *exchange)
{
    const struct subject subject = subject_of(exchange);
    log_info("gateway.function-error", LOG_STR("function", subject.name), LOG_STR("method", subject.method),
             LOG_INT("status", exchange->status), LOG_STR("request_id", subject.id));
}
