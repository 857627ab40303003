#include "gateway/bad_answer.h"

#include "http/explain.h"
#include "http/problem.h"

#include <stdio.h>
#include <string.h>

#define QUOTED_MAX 80

/* "HTTP/1.1 999": only the number was chosen by the function. */
static bool is_about_status(struct http_text line)
{
    return line.length > 9 && memcmp(line.data, "HTTP/1.", 7) == 0 && line.data[8] == ' ';
}

static bool is_about_headers(enum error_code code)
{
    switch (code) {
    case ERROR_BARE_CR:
    case ERROR_LINE_END:
    case ERROR_HEADER_FOLDING:
    case ERROR_HEADER_MALFORMED:
    case ERROR_HEADER_NAME:
    case ERROR_HEADER_NAME_SPACE:
    case ERROR_HEADER_VALUE:
    case ERROR_HEAD_TOO_LARGE:
    case ERROR_TOO_MANY_HEADERS:
        return true;
    default:
        return false;
    }
}

/* ` ("the line")`, or nothing. */
static void quote(struct http_text line, char *text, size_t size)
{
    char shown[QUOTED_MAX + 1];
    size_t length = line.length < QUOTED_MAX ? line.length : QUOTED_MAX;
    while (length > 0 && line.data[length - 1] == '\r')
        length--;
    for (size_t i = 0; i < length; i++)
        shown[i] = line.data[i] < ' ' || line.data[i] > '~' ? '?' : line.data[i];
    shown[length] = '\0';
    snprintf(text, size, length > 0 ? " (\"%s\")" : "%s", shown);
}

void bad_answer_describe(const struct http_head_parser *parser, size_t size, struct error *ret_error)
{
    enum error_code code = parser->code;
    struct http_text first = http_text_first_line(http_text_make(parser->head->bytes, size));
    bool status = code == ERROR_STATUS_LINE_MALFORMED && is_about_status(first);
    struct http_text at_fault = status ? first : HTTP_TEXT("");
    if (is_about_headers(code))
        at_fault = http_explain_header_line(parser, (uint32_t)size);
    char quoted[QUOTED_MAX + 8];
    quote(at_fault, quoted, sizeof(quoted));
    bool functions = status || is_about_headers(code);
    error_set_in(ret_error, functions ? COMPONENT_FUNCTION : COMPONENT_RUNNER, code,
                 "The %s's answer is not valid HTTP: %s%s", functions ? "function" : "runner",
                 http_problem(code)->message, quoted);
    error_hint(ret_error, functions ? "Correct the status and the headers that the function sets."
                                    : "docs/runner-protocol.md says what a runner may answer.");
}
