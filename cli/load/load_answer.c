#include "cli/load/load_answer.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#define OTHER_NAME SIZE_MAX /* in the place of name_at: it is another header */

static const char id_name[] = "x-request-id";

/* Only of an answer that went wrong: that one can be asked about. */
static bool is_asked_about(const llhttp_t *parser)
{
    return parser->status_code >= 400;
}

static bool is_interim(const llhttp_t *parser)
{
    return parser->status_code < 200 && parser->status_code != 101;
}

static int on_header_field(llhttp_t *parser, const char *at, size_t length)
{
    struct load_answer *answer = parser->data;
    if (!is_asked_about(parser))
        return 0;
    if (answer->in_value)
        answer->name_at = 0;
    answer->in_value = false;
    for (size_t i = 0; i < length && answer->name_at != OTHER_NAME; i++) {
        const bool matches =
            answer->name_at < strlen(id_name) && tolower((unsigned char)at[i]) == id_name[answer->name_at];
        answer->name_at = matches ? answer->name_at + 1 : OTHER_NAME;
    }
    return 0;
}

static int on_header_value(llhttp_t *parser, const char *at, size_t length)
{
    struct load_answer *answer = parser->data;
    answer->in_value = true;
    if (!is_asked_about(parser) || answer->name_at != strlen(id_name))
        return 0;
    for (size_t i = 0; i < length && answer->id_length + 1 < sizeof(answer->request_id); i++)
        answer->request_id[answer->id_length++] = at[i];
    return 0;
}

/* 1: there is no body, whatever the head says. */
static int on_headers_complete(llhttp_t *parser)
{
    const struct load_answer *answer = parser->data;
    return answer->has_no_body && !is_interim(parser);
}

/* Pauses, so that nothing of what may follow is taken for this answer's. */
static int on_message_complete(llhttp_t *parser)
{
    struct load_answer *answer = parser->data;
    if (is_interim(parser))
        return 0;
    answer->is_done = true;
    answer->is_kept = llhttp_should_keep_alive(parser);
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_message_complete = on_message_complete,
};

void load_answer_begin(struct load_answer *answer, bool has_no_body)
{
    *answer = (struct load_answer){.has_no_body = has_no_body};
    llhttp_init(&answer->parser, HTTP_RESPONSE, &settings);
    answer->parser.data = answer;
}

enum load_reading load_answer_take(struct load_answer *answer, const char *bytes, size_t size)
{
    const enum llhttp_errno code = llhttp_execute(&answer->parser, bytes, size);
    if (!answer->is_done)
        return code == HPE_OK ? LOAD_READING_MORE : LOAD_READING_MALFORMED;
    if (llhttp_get_error_pos(&answer->parser) != bytes + size)
        answer->is_kept = false;
    return LOAD_READING_DONE;
}

enum load_reading load_answer_finish(struct load_answer *answer)
{
    const enum llhttp_errno code = llhttp_finish(&answer->parser);
    answer->is_kept = false;
    if (answer->is_done)
        return LOAD_READING_DONE;
    return code == HPE_OK ? LOAD_READING_MORE : LOAD_READING_MALFORMED;
}

unsigned load_answer_status(const struct load_answer *answer)
{
    return answer->parser.status_code;
}

const char *load_answer_problem(const struct load_answer *answer)
{
    const char *reason = llhttp_get_error_reason(&answer->parser);
    return reason ? reason : "it is no HTTP";
}
