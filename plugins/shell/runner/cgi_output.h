/*
 * The headers that a script may write before its body (RFC 3875, section 6).
 *
 * The output begins with headers when, and only when,
 *   - every line up to the first empty one is `name: value`, the name a token of HTTP;
 *   - one of them, whichever, has a value and a name that answers have and prose has not: one of CGI itself
 *     (`Status`, `Content-Type`, `Location`), another usual header of an answer, or one that begins with
 * `X-`;
 *   - a Status is three digits from 200 to 599, alone or followed by a space and a text.
 * Everything else is the body from its first byte. So text that merely has a colon stays text.
 */
#ifndef SHELL_CGI_OUTPUT_H
#define SHELL_CGI_OUTPUT_H

#include <berth/runner.h>

#include <stdbool.h>

#define CGI_HEADERS_MAX 64

struct cgi_head {
    int status; /* 200 when the script names none; 302 with a Location */
    int64_t content_length; /* what the script says, or -1 */
    bool has_type;
    bool has_location;
    struct berth_header headers[CGI_HEADERS_MAX]; /* the others, pointing into the output */
    size_t count;
    size_t size; /* where the body begins */
    size_t lines; /* how many were looked at: the last one decided when this is a body */
    bool is_doubtful; /* a body that looks like headers at first */
};

enum cgi_verdict {
    CGI_UNDECIDED, /* more output is needed to tell; so far it is rather text */
    CGI_HEAD_BEGUN, /* more output is needed to tell; so far it is rather headers */
    CGI_BODY, /* no headers: *ret_head is that of a plain body */
    CGI_HEAD,
};

/* Looks at what the script has written so far. `is_all`: nothing more will be waited for, so the verdict is
 * CGI_BODY or CGI_HEAD. */
enum cgi_verdict cgi_output_parse(const char *text, size_t size, bool is_all, struct cgi_head *ret_head);

#endif
