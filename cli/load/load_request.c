#include "cli/load/load_request.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "cli/client.h"
#include "cli/say.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define BODY_MAX    (64u << 20)
#define REQUEST_MAX (BODY_MAX + (1u << 20))

/* --- the body: --body TEXT, @FILE, or - --- */

static int read_all(FILE *file, struct strbuf *body)
{
    char piece[65536];
    for (size_t size; (size = fread(piece, 1, sizeof(piece), file)) > 0;) {
        if (strbuf_append(body, piece, size) < 0) {
            say_wrong("the body has more than %u bytes", BODY_MAX);
            return -1;
        }
    }
    return 0;
}

static int read_body(const char *given, struct strbuf *body)
{
    if (strcmp(given, "-") == 0)
        return read_all(stdin, body);
    if (given[0] != '@') {
        strbuf_append_text(body, given);
        return 0;
    }
    cleanup_file FILE *file = fopen(given + 1, "re");
    if (!file) {
        say_wrong("cannot read %s: %s", given + 1, strerror(errno));
        return -1;
    }
    return read_all(file, body);
}

/* --- what may stand in a head --- */

static bool has_control(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return true;
    }
    return false;
}

static bool is_token(const char *text)
{
    return *text &&
           text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!")] == '\0';
}

static bool header_is(const char *header, const char *name)
{
    size_t length = strlen(name);
    return strncasecmp(header, name, length) == 0 && header[length] == ':';
}

static int check_header(const char *header)
{
    const char *colon = strchr(header, ':');
    cleanup_free char *name = xstrndup(header, colon ? (size_t)(colon - header) : 0);
    if (!is_token(name) || has_control(header)) {
        say_wrong("\"%s\" is no header", header);
        say_next("write -H 'Name: value'");
        return -1;
    }
    if (header_is(header, "Content-Length") || header_is(header, "Transfer-Encoding")) {
        say_wrong("%s comes from the body", name);
        say_next("leave it out; --body says what is sent");
        return -1;
    }
    return 0;
}

static int check_target(const char *path, const char *method)
{
    if (has_control(path) || strchr(path, ' ') || strchr(path, '#')) {
        say_wrong("\"%s\" cannot stand in a request as it is", path);
        say_next("write a space as %%20 and # as %%23");
        return -1;
    }
    if (!is_token(method)) {
        say_wrong("\"%s\" is no method", method);
        return -1;
    }
    return 0;
}

/* --- the whole --- */

static int add_headers(const struct arguments *arguments, const char *host, struct strbuf *request)
{
    size_t at = 0;
    bool has_host = false;
    for (const char *header; (header = arguments_next(arguments, "header", &at));) {
        if (check_header(header) < 0)
            return -1;
        strbuf_append_format(request, "%s\r\n", header);
        has_host = has_host || header_is(header, "Host");
    }
    if (!has_host)
        strbuf_append_format(request, "Host: %s\r\n", host);
    return 0;
}

static bool expects_body(const char *method)
{
    return strcasecmp(method, "POST") == 0 || strcasecmp(method, "PUT") == 0 ||
           strcasecmp(method, "PATCH") == 0;
}

static int write_request(const struct arguments *arguments, const struct load_plan *plan, const char *base,
                         const struct strbuf *body, struct strbuf *request)
{
    strbuf_append_format(request,
                         "%s %s HTTP/1.1\r\nUser-Agent: berth-load/" BERTH_VERSION "\r\nAccept: */*\r\n",
                         plan->method, plan->url + strlen(base));
    if (add_headers(arguments, base + strlen("http://"), request) < 0)
        return -1;
    if (body->length > 0 || expects_body(plan->method))
        strbuf_append_format(request, "Content-Length: %zu\r\n", body->length);
    strbuf_append_text(request, "\r\n");
    strbuf_append(request, strbuf_text(body), body->length);
    return request->overflowed ? -1 : 0;
}

int load_request_make(const struct arguments *arguments, const char *base, struct load_plan *plan)
{
    const char *path = arguments_operand(arguments, 1), *given = arguments_value(arguments, "body");
    const char *method = arguments_value(arguments, "request");
    cleanup_strbuf struct strbuf body, request;
    strbuf_init(&body, BODY_MAX);
    strbuf_init(&request, REQUEST_MAX);
    plan->method = method ? method : given ? "POST" : "GET";
    plan->is_head = strcasecmp(plan->method, "HEAD") == 0;
    if (check_target(path ? path : "", plan->method) < 0)
        return STATUS_USAGE;
    if (given && read_body(given, &body) < 0)
        return STATUS_FAILED;
    cleanup_free char *function = client_path("/%s", plan->function);
    plan->url = xasprintf("%s%s%s%s", base, function, path && path[0] != '/' && path[0] != '?' ? "/" : "",
                          path ? path : "");
    if (write_request(arguments, plan, base, &body, &request) < 0)
        return STATUS_USAGE;
    plan->request_bytes = request.length;
    plan->request = strbuf_steal(&request);
    return STATUS_OK;
}
