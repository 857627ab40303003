#include "calls/call_report.h"

#include "base/alloc.h"
#include "base/json.h"
#include "calls/call_head.h"

#include <stdlib.h>
#include <string.h>

#define STATUS_WITHOUT_ANSWER 503

struct call_ended call_ended_of(const struct call_record *record)
{
    return (struct call_ended){
        .id = record->id,
        .function = record->function,
        .status = record->status,
        .reason = record->reason,
        .message = record->message,
        .result_head = record->result_head,
        .result = {.bytes = record->result, .file = record->result_file, .size = record->result_size},
        .result_cut = record->result_cut,
        .accepted_ms = record->accepted_ms,
        .run_ms = record->run_ms};
}

/* As the gateway writes its errors. */
static char *error_text(const struct call_ended *end)
{
    json_t *json = json_pack("{s:{s:s, s:o, s:o, s:s}}", "error", "component", "calls", "reason",
                             json_text(end->reason ? end->reason : "no-result"), "message",
                             json_text(end->message ? end->message : "No result of the call is kept."),
                             "call_id", end->id);
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    return text;
}

void call_report_make(const struct call_ended *end, struct call_report *ret_report)
{
    struct call_report report = {.status = end->status > 0 ? end->status : STATUS_WITHOUT_ANSWER};
    if (end->result_head) {
        report.type = call_head_find(end->result_head, "Content-Type");
        report.encoding = call_head_find(end->result_head, "Content-Encoding");
        report.body = end->result;
    } else {
        report.type = xstrdup("application/json");
        report.text = error_text(end);
        report.body = (struct call_body){.bytes = report.text, .size = strlen(report.text)};
    }
    *ret_report = report;
}

void call_report_clear(struct call_report *report)
{
    free(report->type);
    free(report->encoding);
    free(report->text);
    *report = (struct call_report){0};
}

static void add_common(const struct call_report *report, const struct call_ended *end, struct strbuf *head)
{
    if (report->type)
        strbuf_append_format(head, "Content-Type: %s\r\n", report->type);
    if (report->encoding)
        strbuf_append_format(head, "Content-Encoding: %s\r\n", report->encoding);
    strbuf_append_format(head, "X-Function-Name: %s\r\nX-Function-Status: %d\r\n", end->function,
                         report->status);
    if (end->result_cut)
        strbuf_append_text(head, "X-Result-Cut: true\r\n");
}

void call_report_callback_head(const struct call_report *report, const struct call_ended *end,
                               struct strbuf *head)
{
    add_common(report, end, head);
    strbuf_append_format(head, "X-Call-Id: %s\r\nX-Duration-Seconds: %.6f\r\nX-Start-Time: %llu\r\n", end->id,
                         (double)end->run_ms / 1000, (unsigned long long)end->accepted_ms * 1000000);
}

void call_report_function_head(const struct call_report *report, const struct call_ended *end,
                               struct strbuf *head)
{
    add_common(report, end, head);
    strbuf_append_format(head, "X-Berth-Origin-Call: %s\r\n", end->id);
}
