#include "cgi_variables.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

struct builder {
    char **list; /* room for CGI_VARIABLES_MAX and the NULL */
    size_t count;
    bool failed;
};

__attribute__((format(printf, 2, 3))) static void add(struct builder *builder, const char *format, ...)
{
    char *text;
    va_list arguments;
    if (builder->failed || builder->count == CGI_VARIABLES_MAX)
        return;
    va_start(arguments, format);
    int rc = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (rc < 0)
        builder->failed = true;
    else
        builder->list[builder->count++] = text;
}

static const char *header_or(const struct berth_request *request, const char *name, const char *fallback)
{
    const char *value = berth_request_header(request, name);
    return value ? value : fallback;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes percent-encoding. False when a NUL comes out. */
static bool decode(const char *text, size_t length, char *decoded)
{
    for (size_t i = 0; i < length; i++) {
        int high = text[i] == '%' && i + 2 < length ? hex_digit(text[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
        *decoded = low >= 0 ? (char)(high * 16 + low) : text[i];
        if (*decoded++ == '\0')
            return false;
        i += low >= 0 ? 2 : 0;
    }
    *decoded = '\0';
    return true;
}

static int add_path(struct builder *builder, const struct berth_request *request)
{
    const char *prefix = header_or(request, "X-Forwarded-Prefix", "");
    size_t length;
    const char *path = berth_request_path(request, &length);
    char *decoded = malloc(length + 1);
    if (!decoded)
        return -1;
    bool valid = decode(path, length, decoded);
    add(builder, "SCRIPT_NAME=%s", prefix);
    add(builder, "PATH_INFO=%s", decoded);
    add(builder, "REQUEST_URI=%s%s", prefix, berth_request_target(request));
    free(decoded);
    if (!valid)
        errno = EINVAL;
    return valid ? 0 : -1;
}

/* SERVER_NAME and SERVER_PORT out of "name", "name:port" or "[address]:port". */
static void add_server(struct builder *builder, const struct berth_request *request)
{
    const char *scheme = header_or(request, "X-Forwarded-Proto", "http");
    const char *host = header_or(request, "Host", "");
    bool is_https = strcmp(scheme, "https") == 0;
    size_t length = host[0] == '[' ? strcspn(host, "]") : strcspn(host, ":");
    length += host[length] == ']';
    const char *port = host[length] == ':' && host[length + 1] ? host + length + 1 : is_https ? "443" : "80";
    add(builder, "SERVER_NAME=%.*s", (int)length, host);
    add(builder, "SERVER_PORT=%s", port);
    add(builder, "REQUEST_SCHEME=%s", scheme);
    if (is_https)
        add(builder, "HTTPS=on");
}

/* HTTP_PROXY is how many programs are told to use a proxy, so no client may set it. Names with anything but
 * letters, digits and hyphens are left out: they could pose as others. */
static bool is_passed(const struct berth_header *header)
{
    static const char *const others[] = {"content-type", "content-length", "proxy", "connection", "expect"};
    for (size_t i = 0; i < header->name_length; i++)
        if (!isalnum((unsigned char)header->name[i]) && header->name[i] != '-')
            return false;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (strcasecmp(header->name, others[i]) == 0)
            return false;
    return true;
}

/* The variable of that header if it is there already: a header may come more than once. */
static char **find_variable(const struct builder *builder, const char *name, size_t length)
{
    for (size_t i = 0; i < builder->count; i++)
        if (strncmp(builder->list[i], name, length) == 0 && builder->list[i][length] == '=')
            return &builder->list[i];
    return NULL;
}

static void add_header(struct builder *builder, const struct berth_header *header)
{
    char *name;
    if (asprintf(&name, "HTTP_%s", header->name) < 0) {
        builder->failed = true;
        return;
    }
    for (char *c = name; *c; c++)
        *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
    char **known = find_variable(builder, name, strlen(name));
    if (known) {
        char *joined;
        const char *separator = strcasecmp(header->name, "cookie") == 0 ? "; " : ", ";
        if (asprintf(&joined, "%s%s%s", *known, separator, header->value) < 0) {
            builder->failed = true;
        } else {
            free(*known);
            *known = joined;
        }
    } else {
        add(builder, "%s=%s", name, header->value);
    }
    free(name);
}

static void add_headers(struct builder *builder, const struct berth_request *request)
{
    size_t count;
    const struct berth_header *headers = berth_request_headers(request, &count);
    for (size_t i = 0; i < count; i++)
        if (is_passed(&headers[i]))
            add_header(builder, &headers[i]);
}

static void add_body(struct builder *builder, const struct berth_request *request)
{
    const char *type = berth_request_header(request, "Content-Type");
    int64_t length = berth_request_content_length(request);
    if (type)
        add(builder, "CONTENT_TYPE=%s", type);
    if (length > 0 || (length == 0 && berth_request_header(request, "Content-Length")))
        add(builder, "CONTENT_LENGTH=%lld", (long long)length);
}

/* This process's own variables, but for those of the runner and those that the request sets. */
static void add_own(struct builder *builder)
{
    static const char *const cgi[] = {
        "CONTENT_TYPE=", "CONTENT_LENGTH=", "HTTPS=", "BERTH_SOCKET=", "BERTH_CONCURRENCY="};
    for (char **own = environ; *own; own++) {
        bool skip = find_variable(builder, *own, strcspn(*own, "=")) != NULL;
        for (size_t i = 0; i < sizeof(cgi) / sizeof(cgi[0]); i++)
            skip = skip || strncmp(*own, cgi[i], strlen(cgi[i])) == 0;
        if (!skip)
            add(builder, "%s", *own);
    }
}

char **cgi_variables(const struct berth_request *request)
{
    struct builder builder = {.list = calloc(CGI_VARIABLES_MAX + 1, sizeof(char *))};
    const char *query = berth_request_query(request);
    if (!builder.list)
        return NULL;
    add(&builder, "GATEWAY_INTERFACE=CGI/1.1");
    add(&builder, "SERVER_PROTOCOL=HTTP/1.1");
    add(&builder, "SERVER_SOFTWARE=berth/%s", RUNNER_VERSION);
    add(&builder, "REQUEST_METHOD=%s", berth_request_method(request));
    add(&builder, "QUERY_STRING=%s", query ? query : "");
    int rc = add_path(&builder, request);
    int errnum = errno;
    add(&builder, "REMOTE_ADDR=%s", header_or(request, "X-Real-IP", ""));
    add_server(&builder, request);
    add_body(&builder, request);
    add_headers(&builder, request);
    add_own(&builder);
    if (rc == 0 && !builder.failed)
        return builder.list;
    cgi_variables_free(builder.list);
    errno = builder.failed ? ENOMEM : errnum;
    return NULL;
}

void cgi_variables_free(char **variables)
{
    for (char **variable = variables; variable && *variable; variable++)
        free(*variable);
    free(variables);
}
