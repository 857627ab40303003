#include "calls/desk_reply.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/public_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void answer_text(struct desk_request *request, int status, const char *head, const char *text)
{
    desk_request_answer(request, &(struct desk_answer){.status = status,
                                                       .head = head,
                                                       .content_type = "application/json",
                                                       .body = {.bytes = text, .size = strlen(text)}});
}

void desk_reply_json(struct desk_request *request, uint64_t retry_after_s, json_t *body)
{
    char head[128] = "Cache-Control: no-store\r\n";
    size_t length = strlen(head);
    if (retry_after_s > 0)
        snprintf(head + length, sizeof(head) - length, "Retry-After: %llu\r\n",
                 (unsigned long long)retry_after_s);
    cleanup_free char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    answer_text(request, 200, head, text ? text : "{}");
}

void desk_reply_error(struct desk_request *request, const struct error *err)
{
    struct error shown = {.code = err->code, .component = err->component};
    int status = error_code_status(err->code);
    const char *request_id = desk_request_ask(request)->request_id;
    public_text(err->message, shown.message, sizeof(shown.message));
    public_text(err->hint, shown.hint, sizeof(shown.hint));
    json_t *error = json_error(&shown);
    json_object_set_new(error, "request_id", json_text(request_id ? request_id : ""));
    json_t *body = json_pack("{s:o}", "error", error);
    cleanup_free char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    answer_text(request, status, status == 503 ? "Retry-After: 1\r\n" : NULL, text ? text : "{}");
}

/* The name of a function needs no escape. */
void desk_reply_accepted(struct desk_request *request, const char *id, bool replayed)
{
    char head[256], body[512];
    snprintf(head, sizeof(head), "Location: /async/%s\r\nX-Call-Id: %s\r\n%s", id, id,
             replayed ? "Idempotency-Replayed: true\r\n" : "");
    snprintf(body, sizeof(body),
             "{\"id\":\"%s\",\"function\":\"%s\",\"state\":\"waiting\",\"location\":\"/async/%s\"}\n", id,
             desk_request_ask(request)->function, id);
    answer_text(request, 202, head, body);
}
