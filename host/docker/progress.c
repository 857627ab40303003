#include "docker/progress.h"

#include "base/strbuf.h"
#include "docker/answer.h"

#include <string.h>

#define LINE_MAX_BYTES 16384

static void report_line(struct progress *progress)
{
    const char *text = strbuf_text(&progress->text);
    if (strncmp(text, "Step ", 5) == 0)
        snprintf(progress->step, sizeof(progress->step), "%s", text);
    if (progress->line && *text && !progress->call->cancelled)
        progress->line(progress->call->owner, text);
    strbuf_reset(&progress->text);
}

/* Output comes in pieces; lines over the maximum are broken. */
static void take_text(struct progress *progress, const char *text)
{
    while (*text) {
        size_t length = strcspn(text, "\r\n");
        size_t room = LINE_MAX_BYTES - progress->text.length;
        size_t part = length < room ? length : room;
        strbuf_append(&progress->text, text, part);
        text += part;
        if (part < length) {
            report_line(progress);
        } else if (*text) {
            report_line(progress);
            text++;
        }
    }
}

/* The pull of an image, or of a build's base: "<layer>: <what> <how far>". */
static void take_status(struct progress *progress, const json_t *object, const char *status)
{
    const char *layer = answer_text(object, "id");
    const char *how_far = answer_text(object, "progress");
    strbuf_append_format(&progress->text, "%s%s%s%s%s", layer, *layer ? ": " : "", status,
                         *how_far ? " " : "", how_far);
    report_line(progress);
}

static int fail(struct progress *progress, const json_t *object, struct error *err)
{
    const char *words = answer_text(json_object_get(object, "errorDetail"), "message");
    const struct docker_call *call = progress->call;
    report_line(progress);
    return error_set(err, progress->failure, "cannot %s %s: %s%s%s", call->kind->verb, call->subject,
                     progress->step, *progress->step ? ": " : "",
                     *words ? words : answer_text(object, "error"));
}

static int take_message(void *owner, const json_t *object, struct error *err)
{
    struct progress *progress = owner;
    if (json_object_get(object, "error") || json_object_get(object, "errorDetail"))
        return fail(progress, object, err);
    const char *id = answer_text(json_object_get(object, "aux"), "ID");
    if (*id)
        snprintf(progress->id, sizeof(progress->id), "%s", id);
    const char *status = answer_text(object, "status");
    if (*status)
        take_status(progress, object, status);
    take_text(progress, answer_text(object, "stream"));
    return 0;
}

void progress_init(struct progress *progress, struct docker_call *call, enum error_code failure,
                   docker_progress_fn *line)
{
    *progress = (struct progress){.call = call, .failure = failure, .line = line};
    strbuf_init(&progress->text, LINE_MAX_BYTES);
    json_lines_init(&progress->messages, take_message, progress);
}

void progress_clear(struct progress *progress)
{
    json_lines_clear(&progress->messages);
    strbuf_clear(&progress->text);
}

int progress_receive(struct docker_call *call, const char *bytes, size_t size, struct error *err)
{
    struct progress *progress = call->state;
    return json_lines_feed(&progress->messages, bytes, size, err);
}

int progress_end(struct progress *progress, struct error *err)
{
    if (json_lines_end(&progress->messages, err) < 0)
        return -1;
    report_line(progress);
    return 0;
}

void progress_finish(struct docker_call *call, const struct error *err)
{
    struct progress *progress = call->state;
    struct error end_err;
    if (!err && progress_end(progress, &end_err) < 0)
        err = &end_err;
    if (!call->cancelled)
        call->callback.built(call->owner, err, err ? NULL : progress->id);
}
