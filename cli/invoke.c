#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "cli/client.h"
#include "cli/members.h"
#include "cli/run_commands.h"
#include "cli/say.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define ACCEPTED     202
#define ACCEPTED_MAX (1u << 20) /* bytes of what is answered to an async call */

struct call {
    const struct arguments *arguments;
    char *address, *socket; /* where it is called; the unix socket to connect to, or NULL */
    const char *folder; /* that the function's name follows */
    FILE *body; /* to be sent; or NULL */
    bool shows_head, is_async;
    struct strbuf accepted; /* with `is_async` the answer's body */
    char request_id[128];
    char last_byte; /* of the answer's body; 0: none */
    long status;
};

/* --- the body: -d TEXT, -d @FILE, -d -, or what is piped in --- */

static bool is_piped(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISREG(status.st_mode));
}

static int open_body(struct call *call)
{
    const char *data = arguments_value(call->arguments, "data");
    if (!data) {
        call->body = is_piped(STDIN_FILENO) ? stdin : NULL;
        return 0;
    }
    if (strcmp(data, "-") == 0) {
        call->body = stdin;
        return 0;
    }
    call->body = data[0] == '@' ? fopen(data + 1, "re") : fmemopen((void *)data, strlen(data), "r");
    if (call->body)
        return 0;
    say_wrong("cannot read %s: %s", data + 1, strerror(errno));
    return -1;
}

static size_t on_read(char *buffer, size_t size, size_t count, void *context)
{
    struct call *call = context;
    return fread(buffer, size, count, call->body);
}

/* --- the answer --- */

static size_t on_head(char *line, size_t size, size_t count, void *context)
{
    struct call *call = context;
    static const char name[] = "X-Request-Id:";
    size_t length = size * count;
    if (length > strlen(name) && strncasecmp(line, name, strlen(name)) == 0) {
        const char *value = line + strlen(name) + strspn(line + strlen(name), " ");
        snprintf(call->request_id, sizeof(call->request_id), "%.*s", (int)strcspn(value, "\r\n"), value);
    }
    if (call->shows_head)
        fwrite(line, 1, length, stdout);
    return length;
}

/* At once, for answers that come in pieces. */
static size_t on_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct call *call = context;
    if (call->is_async)
        return strbuf_append(&call->accepted, bytes, size * count) < 0 ? 0 : size * count;
    if (size * count > 0)
        call->last_byte = bytes[size * count - 1];
    size_t written = fwrite(bytes, 1, size * count, stdout);
    return fflush(stdout) == 0 ? written : 0;
}

/* --- the call --- */

static void set_body(CURL *curl, struct call *call)
{
    const char *data = arguments_value(call->arguments, "data");
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(curl, CURLOPT_READDATA, call);
    bool is_text = data && data[0] != '@' && strcmp(data, "-") != 0;
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(is_text ? (long)strlen(data) : -1));
}

static struct curl_slist *headers_of(const struct call *call)
{
    struct curl_slist *headers = NULL;
    size_t at = 0;
    for (const char *header; (header = arguments_next(call->arguments, "header", &at));)
        headers = curl_slist_append(headers, header);
    return curl_slist_append(headers, "Expect:");
}

static CURLcode perform(struct call *call, const char *url)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = headers_of(call);
    const char *method = arguments_value(call->arguments, "request");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, call->socket);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, call);
    if (call->body)
        set_body(curl, call);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    if (method && strcasecmp(method, "HEAD") == 0)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    if (method)
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &call->status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    return code;
}

/* What an async call is told by: its id, and what to do with it. Other answers are printed as they are. */
static void print_accepted(const struct call *call)
{
    json_t *json = call->status == ACCEPTED ? json_loads(strbuf_text(&call->accepted), 0, NULL) : NULL;
    const char *id = member_text(json, "id");
    if (!*id) {
        fputs(strbuf_text(&call->accepted), stdout);
    } else if (arguments_has(call->arguments, "json")) {
        print_json(json);
    } else {
        printf("%s\n", id);
        say_next("what comes of it: berth why %s", id);
        say_next("to take it back:  berth calls cancel %s", id);
    }
    json_decref(json);
}

/* What comes next on a terminal begins a line of its own; elsewhere the answer stays as it is. */
static void end_line(const struct call *call)
{
    bool is_open = call->last_byte && call->last_byte != '\n';
    if (is_open && isatty(STDOUT_FILENO))
        puts("");
    fflush(stdout);
}

static int judge(const struct call *call, const char *url, CURLcode code)
{
    const char *name = arguments_operand(call->arguments, 0);
    if (code != CURLE_OK && call->status == 0) {
        say_wrong("%s: %s", url, curl_easy_strerror(code));
        return STATUS_FAILED;
    }
    if (code != CURLE_OK) {
        say_wrong("the answer of %s was cut off: %s", name, curl_easy_strerror(code));
        if (call->request_id[0])
            say_next("berth why %s", call->request_id);
        return STATUS_FAILED;
    }
    if (call->status < 400)
        return STATUS_OK;
    say_wrong("%s answered with status %ld (request %s)", name, call->status, call->request_id);
    say_next("berth why %s", call->request_id);
    return STATUS_FAILED;
}

/* --- where --- */

static bool is_private(const struct arguments *arguments)
{
    cleanup_free char *path = client_path("/berth/functions/%s", arguments_operand(arguments, 0));
    json_t *function = NULL;
    if (client_poll(arguments, path, &function) != CLIENT_POLL_ANSWERED)
        return false;
    bool is = json_is_false(json_object_get(json_object_get(function, "settings"), "public"));
    json_decref(function);
    return is;
}

/* The public port, for all that it serves: that is how everybody else calls them. */
static int find_address(struct call *call)
{
    call->folder = call->is_async ? "async-function/" : "";
    if (!is_private(call->arguments))
        return client_functions_address(call->arguments, &call->address);
    call->folder = call->is_async ? "async-function/" : "function/";
    client_management_address(call->arguments, &call->address, &call->socket);
    return STATUS_OK;
}

static int call_function(struct call *call)
{
    const char *name = arguments_operand(call->arguments, 0), *path = arguments_operand(call->arguments, 1);
    if (open_body(call) < 0)
        return STATUS_FAILED;
    cleanup_free char *url = xasprintf("%s/%s%s%s%s", call->address, call->folder, name,
                                       path && path[0] != '/' && path[0] != '?' ? "/" : "", path ? path : "");
    CURLcode code = perform(call, url);
    if (call->body && call->body != stdin)
        fclose(call->body);
    if (call->is_async)
        print_accepted(call);
    end_line(call);
    return judge(call, url, code);
}

int run_invoke(const struct arguments *arguments)
{
    struct call call = {.arguments = arguments,
                        .shows_head = arguments_has(arguments, "include"),
                        .is_async = arguments_has(arguments, "async")};
    strbuf_init(&call.accepted, ACCEPTED_MAX);
    int status = find_address(&call);
    if (status == STATUS_OK)
        status = call_function(&call);
    strbuf_clear(&call.accepted);
    free(call.address);
    free(call.socket);
    return status;
}
