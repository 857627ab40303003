#include "calls/delivery.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/rfc3339.h"
#include "base/strbuf.h"
#include "calls/call_head.h"
#include "calls/calls_env.h"
#include "calls/spool.h"
#include "http/hop.h"
#include "http/status.h"
#include "outgoing/outgoing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS  10000 /* to the gateway, whose backlog may be full */
#define MESSAGE_MAX 512

/* Of an answer, but not the function's. */
#define NOT_KEPT                                                                                             \
    (HTTP_HOP_BY_HOP | HTTP_HEADER_BIT(HTTP_HEADER_X_REQUEST_ID) | HTTP_HEADER_BIT(HTTP_HEADER_X_CALL_ID) |  \
     HTTP_HEADER_BIT(HTTP_HEADER_X_START_TIME) | HTTP_HEADER_BIT(HTTP_HEADER_X_SERVED_BY) |                  \
     HTTP_HEADER_BIT(HTTP_HEADER_SERVER_TIMING))

struct delivery {
    struct calls_env *env;
    struct outgoing_request *request; /* NULL: it has ended */
    int body_fd; /* -1: the body is in memory */
    bool keeps_result, served, cut;
    uint64_t begun_ms, retry_after_ms;
    int status;
    struct strbuf head;
    struct spool body;
    char message[MESSAGE_MAX];
    void (*ended)(void *owner, const struct delivery_result *result);
    void *owner;
};

void delivery_request_id(const char *call_id, unsigned attempt, char ret_id[REQUEST_ID_MAX])
{
    snprintf(ret_id, REQUEST_ID_MAX, "%s-%u", call_id, attempt);
}

/* --- the answer --- */

static void keep_header(void *context, const char *name, const char *value)
{
    struct delivery *delivery = context;
    enum http_header_id id = http_header_find(name, strlen(name));
    if (!(NOT_KEPT & HTTP_HEADER_BIT(id)))
        strbuf_append_format(&delivery->head, "%s: %s\r\n", name, value);
}

static int on_head(void *owner, int status)
{
    struct delivery *delivery = owner;
    const char *retry_after = outgoing_header(delivery->request, "Retry-After");
    delivery->status = status;
    delivery->served = outgoing_header(delivery->request, "X-Served-By") != NULL;
    delivery->retry_after_ms = retry_after ? retry_after_read(retry_after, wall_clock_ms()) : 0;
    outgoing_each_header(delivery->request, keep_header, delivery);
    return 0;
}

/* What cannot be kept is left: the function has done its work. */
static int on_body(void *owner, const char *bytes, size_t size)
{
    struct delivery *delivery = owner;
    struct error err;
    uint64_t total = delivery->body.size + size;
    bool fits =
        total <= CALL_INLINE_BYTES ||
        (delivery->keeps_result && total <= delivery->body.filed + calls_env_disk_left(delivery->env));
    if (delivery->cut || !fits || spool_add(&delivery->body, bytes, size, &err) < 0)
        delivery->cut = true;
    return 0;
}

static int on_send(void *owner, char *buffer, size_t size, size_t *ret_length)
{
    const struct delivery *delivery = owner;
    ssize_t length = read(delivery->body_fd, buffer, size);
    if (length < 0)
        return -1;
    *ret_length = (size_t)length;
    return 0;
}

/* --- the end --- */

/* An error of this host's, as answer.c of the gateway writes it; its message is kept. */
static void read_error(struct delivery *delivery, struct attempt_answer *answer)
{
    json_t *json = json_loadb(delivery->body.bytes ? delivery->body.bytes : "", delivery->body.size, 0, NULL);
    const char *component, *reason, *message;
    if (json_unpack(json, "{s:{s:s, s:s, s:s}}", "error", "component", &component, "reason", &reason,
                    "message", &message) == 0) {
        error_code_find(component, reason, &answer->component, &answer->code);
        snprintf(delivery->message, sizeof(delivery->message), "%s", message);
    }
    json_decref(json);
}

static void judge_answer(struct delivery *delivery, struct delivery_result *result)
{
    struct attempt_answer answer = {.status = delivery->status, .served = delivery->served};
    if (!answer.served)
        read_error(delivery, &answer);
    result->kind = attempt_judge(&answer);
    result->status = answer.status;
    if (answer.served)
        return;
    result->reason = answer.code != ERROR_NONE ? error_code_slug(answer.code) : "not-served";
    result->message = delivery->message;
    if (!*delivery->message)
        snprintf(delivery->message, sizeof(delivery->message), "Berth answered with %d %s.", answer.status,
                 http_status_reason(answer.status).data);
}

static void judge_failure(struct delivery *delivery, const struct outgoing_end *end,
                          struct delivery_result *result)
{
    bool unreachable = end->outcome == OUTGOING_UNREACHABLE || end->outcome == OUTGOING_TIMED_OUT;
    result->kind = unreachable ? ATTEMPT_NOT_MADE : ATTEMPT_BROKEN;
    result->reason = unreachable ? "gateway-unreachable" : "connection";
    result->message = delivery->message;
    snprintf(delivery->message, sizeof(delivery->message),
             unreachable ? "The gateway was not to be reached: %s."
                         : "The connection ended before the answer did: %s.",
             end->text);
}

static void on_done(void *owner, const struct outgoing_end *end)
{
    struct delivery *delivery = owner;
    uint64_t now_ms = wall_clock_ms();
    struct delivery_result result = {.ended_ms = now_ms};
    delivery->request = NULL;
    if (now_ms > delivery->begun_ms)
        result.run_ms = now_ms - delivery->begun_ms;
    if (end->outcome == OUTGOING_ANSWERED)
        judge_answer(delivery, &result);
    else
        judge_failure(delivery, end, &result);
    if (result.kind == ATTEMPT_ANSWERED) {
        result.retry_after_ms = delivery->retry_after_ms;
        result.head = strbuf_text(&delivery->head);
        result.body = spool_body(&delivery->body);
        result.cut = delivery->cut;
    }
    delivery->ended(delivery->owner, &result);
}

static const struct outgoing_callbacks callbacks = {.head = on_head, .body = on_body, .done = on_done};
static const struct outgoing_callbacks sending = {
    .head = on_head, .body = on_body, .send = on_send, .done = on_done};

/* --- the beginning --- */

#define OWN_HEADERS 4

/* The headers of a delivery. */
struct header_list {
    char **accepted; /* those that came with the call */
    const char **headers; /* all */
    char call_id[CALL_ID_DIGITS + 16], request_id[REQUEST_ID_MAX + 16], attempt[32], start_time[48];
};

static void make_headers(struct header_list *list, const struct delivery_spec *spec)
{
    const struct call_record *record = spec->record;
    char request_id[REQUEST_ID_MAX];
    delivery_request_id(record->id, spec->attempt, request_id);
    size_t count = 0;
    list->accepted = call_head_split(record->head ? record->head : "");
    while (list->accepted[count])
        count++;
    list->headers = xcalloc(count + OWN_HEADERS + 1, sizeof(*list->headers));
    snprintf(list->call_id, sizeof(list->call_id), "X-Call-Id: %s", record->id);
    snprintf(list->request_id, sizeof(list->request_id), "X-Request-Id: %s", request_id);
    snprintf(list->attempt, sizeof(list->attempt), "X-Attempt: %u", spec->attempt);
    snprintf(list->start_time, sizeof(list->start_time), "X-Start-Time: %llu",
             (unsigned long long)record->accepted_ms * 1000000);
    const char *const own[OWN_HEADERS] = {list->call_id, list->request_id, list->attempt, list->start_time};
    memcpy(list->headers, list->accepted, count * sizeof(*list->headers));
    memcpy(list->headers + count, own, sizeof(own));
}

static void header_list_clear(struct header_list *list)
{
    texts_free(list->accepted);
    free(list->headers);
}

static int open_body(struct delivery *delivery, const struct call_record *record, struct error *err)
{
    delivery->body_fd = -1;
    if (!record->body_file)
        return 0;
    return fs_open_plain(AT_FDCWD, record->body_file, 0, &delivery->body_fd, NULL, err);
}

/* A body that is empty is sent with its length of 0, but with methods that mostly have none. */
static bool has_body(const struct call_record *record)
{
    static const char *const without[] = {"GET", "HEAD", "DELETE", "OPTIONS", "TRACE"};
    if (record->body_size > 0)
        return true;
    for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
        if (strcmp(record->method, without[i]) == 0)
            return false;
    }
    return true;
}

static void start(struct delivery *delivery, const struct delivery_spec *spec)
{
    const struct call_record *record = spec->record;
    struct header_list list = {0};
    cleanup_free char *target = xasprintf("/function/%s%s", record->function, record->target);
    make_headers(&list, spec);
    struct outgoing_spec outgoing = {.method = record->method,
                                     .url = "http://localhost/",
                                     .target = target,
                                     .socket_path = spec->env->door_path,
                                     .headers = list.headers,
                                     .exact = true,
                                     .connect_ms = CONNECT_MS,
                                     .callbacks = delivery->body_fd >= 0 ? &sending : &callbacks,
                                     .owner = delivery};
    if (delivery->body_fd >= 0) {
        outgoing.send_size = record->body_size;
    } else if (has_body(record)) {
        outgoing.body = record->body ? record->body : "";
        outgoing.body_size = record->body_size;
    }
    delivery->request = outgoing_start(spec->env->outgoing, &outgoing);
    header_list_clear(&list);
}

int delivery_start(const struct delivery_spec *spec, struct delivery **ret_delivery, struct error *err)
{
    struct delivery *delivery = xcalloc(1, sizeof(*delivery));
    if (open_body(delivery, spec->record, err) < 0) {
        free(delivery);
        return -1;
    }
    delivery->env = spec->env;
    delivery->keeps_result = spec->keeps_result;
    delivery->begun_ms = wall_clock_ms();
    delivery->ended = spec->ended;
    delivery->owner = spec->owner;
    strbuf_init(&delivery->head, 2 * OUTGOING_HEAD_MAX);
    spool_init(&delivery->body, &spec->env->room);
    start(delivery, spec);
    *ret_delivery = delivery;
    return 0;
}

void delivery_destroy(struct delivery *delivery)
{
    if (!delivery)
        return;
    outgoing_cancel(delivery->request);
    if (delivery->body_fd >= 0)
        close(delivery->body_fd);
    strbuf_clear(&delivery->head);
    spool_clear(&delivery->body);
    free(delivery);
}
