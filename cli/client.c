#include "cli/client.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/default_dir.h"
#include "base/fs.h"
#include "base/strbuf.h"
#include "base/suggest.h"
#include "cli/members.h"
#include "cli/say.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MAX      (64u << 20)
#define CONNECT_S       5L
#define POLL_S          5
#define NAMES_MAX       10000
#define PASSWORD_BYTES  512

#define MACHINE_RUN_DIR "/run/berth" /* of the daemon that the service manager runs */

/* --- where the daemon is --- */

struct place {
    char *shown; /* as people write it, without a password */
    char *host; /* that it is on, an address of IPv6 in brackets; NULL: this one */
    char *socket; /* or NULL */
    char *base; /* of URLs, without a slash at the end */
    char *password; /* to go with it; or NULL */
    long limit_s; /* for a whole answer; 0: none */
};

static char *read_password(void)
{
    const char *given = getenv("BERTH_PASSWORD_FILE");
    cleanup_free char *state_dir = default_state_dir();
    cleanup_free char *path = given ? xstrdup(given) : xasprintf("%s/admin-password", state_dir);
    char *text = NULL;
    struct error err;
    if (fs_read_file(path, PASSWORD_BYTES, &text, NULL, &err) < 0) {
        if (given)
            say_wrong("%s", err.message);
        return NULL;
    }
    text[strcspn(text, "\r\n")] = '\0';
    return text;
}

static void take_url(const char *url, struct place *ret_place)
{
    size_t length = strlen(url);
    while (length > 0 && url[length - 1] == '/')
        length--;
    ret_place->base = xstrndup(url, length);
    CURLU *parts = curl_url();
    char *host = NULL, *shown = NULL;
    if (curl_url_set(parts, CURLUPART_URL, ret_place->base, CURLU_DEFAULT_SCHEME) == CURLUE_OK) {
        curl_url_set(parts, CURLUPART_USER, NULL, 0);
        curl_url_set(parts, CURLUPART_PASSWORD, NULL, 0);
        curl_url_get(parts, CURLUPART_HOST, &host, 0);
        curl_url_get(parts, CURLUPART_URL, &shown, 0);
    }
    ret_place->host = host ? xstrdup(host) : NULL;
    ret_place->shown = xstrdup(shown ? shown : "that URL");
    curl_free(host);
    curl_free(shown);
    curl_url_cleanup(parts);
}

static void place_find(const struct arguments *arguments, struct place *ret_place)
{
    const char *url = arguments_value(arguments, "url");
    if (!url)
        url = getenv("BERTH_URL");
    *ret_place = (struct place){0};
    if (!url || !*url) {
        cleanup_free char *run_dir = default_run_dir();
        ret_place->socket = xasprintf("%s/admin.sock", run_dir);
    } else if (strncmp(url, "unix:", 5) == 0) {
        ret_place->socket = xstrdup(url + 5);
    } else {
        take_url(url, ret_place);
        if (!strchr(url, '@'))
            ret_place->password = read_password();
        return;
    }
    ret_place->base = xstrdup("http://localhost");
    ret_place->shown = xasprintf("unix:%s", ret_place->socket);
}

static void place_clear(struct place *place)
{
    free(place->shown);
    free(place->host);
    free(place->socket);
    free(place->base);
    free(place->password);
}

/* --- one request --- */

struct received {
    CURL *curl;
    struct strbuf body; /* with `on_line` what has come of a line */
    long status;
    void (*on_line)(const char *line, void *context); /* NULL: the whole body is wanted */
    void *context;
    FILE *to; /* where the body of an answer 200 goes; NULL: it is kept */
    size_t zeros; /* at the end of what went there */
};

static size_t save(struct received *received, const char *bytes, size_t size)
{
    size_t zeros = 0;
    while (zeros < size && bytes[size - zeros - 1] == 0)
        zeros++;
    received->zeros = zeros == size ? received->zeros + size : zeros;
    return fwrite(bytes, 1, size, received->to);
}

/* Takes whole lines out of the body. An answer that says what is wrong stays. */
static void take_lines(struct received *received)
{
    char *newline;
    curl_easy_getinfo(received->curl, CURLINFO_RESPONSE_CODE, &received->status);
    if (received->status != 200)
        return;
    const size_t size = received->body.length;
    char *line = strbuf_steal(&received->body), *bytes = line;
    for (; (newline = memchr(line, '\n', size - (size_t)(line - bytes))); line = newline + 1) {
        *newline = '\0';
        received->on_line(line, received->context);
    }
    strbuf_append(&received->body, line, size - (size_t)(line - bytes));
    free(bytes);
}

static size_t on_bytes(char *bytes, size_t size, size_t count, void *context)
{
    struct received *received = context;
    if (received->to)
        curl_easy_getinfo(received->curl, CURLINFO_RESPONSE_CODE, &received->status);
    if (received->to && received->status == 200)
        return save(received, bytes, size * count);
    if (strbuf_append(&received->body, bytes, size * count) < 0)
        return 0;
    if (received->on_line)
        take_lines(received);
    return size * count;
}

/* What is sent; none at all where `bytes` is NULL. */
struct sent {
    const char *bytes;
    size_t size;
};

static CURLcode perform(const struct place *place, const char *method, const char *path, struct sent body,
                        struct received *received)
{
    CURL *curl = curl_easy_init();
    cleanup_free char *url = xasprintf("%s%s", place->base, path);
    received->curl = curl;
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, place->limit_s);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, received);
    if (body.bytes) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.bytes);
    }
    if (place->socket)
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, place->socket);
    if (place->password) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, "admin");
        curl_easy_setopt(curl, CURLOPT_PASSWORD, place->password);
    }
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &received->status);
    curl_easy_cleanup(curl);
    return code;
}

/* --- what is wrong with it --- */

static int say_no_daemon(const struct place *place, CURLcode code)
{
    if (place->socket && access(place->socket, F_OK) == 0 && access(place->socket, R_OK | W_OK) < 0) {
        say_wrong("you may not open %s", place->shown);
        say_next("run berth as the user that runs the daemon: sudo berth ...");
        return STATUS_NO_DAEMON;
    }
    say_wrong("no daemon answers at %s: %s", place->shown, curl_easy_strerror(code));
    if (place->socket && geteuid() != 0 && access(MACHINE_RUN_DIR, F_OK) == 0)
        say_next("that of the whole machine is for root to manage: sudo berth ...");
    say_next("start one in the folder of your functions: berth up");
    say_next("if it runs elsewhere, say where: --url unix:RUN_DIR/admin.sock, or BERTH_URL");
    return STATUS_NO_DAEMON;
}

/* The function that a path names: as a part of it, or as a parameter. NULL: none. The caller frees it. */
static char *named_function(const char *path)
{
    static const char *const folders[] = {"/berth/functions/", "/berth/deployments/"};
    static const char parameter[] = "function=";
    const char *begin = strstr(path, parameter);
    if (begin)
        return xstrndup(begin + strlen(parameter), strcspn(begin + strlen(parameter), "&"));
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++) {
        size_t length = strlen(folders[i]);
        if (strncmp(path, folders[i], length) == 0)
            return xstrndup(path + length, strcspn(path + length, "/?"));
    }
    return NULL;
}

/* The nearest of the functions that there are, for a name that none has. The caller frees it. */
static char *near_function(const struct place *place, const char *path)
{
    struct received received = {0};
    strbuf_init(&received.body, ANSWER_MAX);
    cleanup_free const char **names = xcalloc(NAMES_MAX, sizeof(*names));
    cleanup_free char *wanted = named_function(path);
    char *near = NULL;
    if (wanted && perform(place, "GET", "/berth/functions", (struct sent){0}, &received) == CURLE_OK &&
        received.status == 200) {
        json_t *list = json_loads(strbuf_text(&received.body), 0, NULL), *item;
        size_t i, count = 0;
        json_array_foreach(list, i, item)
        {
            if (count < NAMES_MAX)
                names[count++] = json_string_value(json_object_get(item, "name"));
        }
        const char *found = suggest_nearest(wanted, names, count);
        near = found ? xstrdup(found) : NULL;
        json_decref(list);
    }
    strbuf_clear(&received.body);
    return near;
}

static int say_refused(const struct place *place, const char *path, const struct received *received)
{
    json_t *json = json_loads(strbuf_text(&received->body), 0, NULL);
    const json_t *error = json_object_get(json, "error");
    const char *message = json_string_value(json_object_get(error, "message"));
    const char *hint = json_string_value(json_object_get(error, "hint"));
    const char *reason = json_string_value(json_object_get(error, "reason"));
    bool is_unknown = reason && strcmp(reason, "function-unknown") == 0;
    if (message)
        say_wrong("%s", message);
    else
        say_wrong("the daemon answered with status %ld: %.300s", received->status,
                  strbuf_text(&received->body));
    cleanup_free char *near = is_unknown ? near_function(place, path) : NULL;
    if (near)
        say_next("did you mean %s?", near);
    else if (is_unknown)
        say_next("berth ls shows what there is");
    else if (hint && *hint)
        say_next("%s", hint);
    json_decref(json);
    return STATUS_FAILED;
}

static int read_answer(const struct place *place, const char *path, const struct received *received,
                       json_t **ret_json)
{
    if (received->status < 200 || received->status > 299)
        return say_refused(place, path, received);
    *ret_json = json_loads(strbuf_text(&received->body), JSON_DECODE_ANY, NULL);
    if (*ret_json)
        return STATUS_OK;
    say_wrong("what answers at %s is no Berth: %.200s", place->shown, strbuf_text(&received->body));
    return STATUS_FAILED;
}

static int ask(const struct arguments *arguments, const char *method, const char *path, struct sent body,
               json_t **ret_json)
{
    struct place place;
    struct received received = {0};
    place_find(arguments, &place);
    strbuf_init(&received.body, ANSWER_MAX);
    CURLcode code = perform(&place, method, path, body, &received);
    int status =
        code == CURLE_OK ? read_answer(&place, path, &received, ret_json) : say_no_daemon(&place, code);
    strbuf_clear(&received.body);
    place_clear(&place);
    return status;
}

int client_ask(const struct arguments *arguments, const char *method, const char *path, json_t **ret_json)
{
    return ask(arguments, method, path, (struct sent){strcmp(method, "POST") == 0 ? "" : NULL, 0}, ret_json);
}

int client_send(const struct arguments *arguments, const char *method, const char *path, json_t *body,
                json_t **ret_json)
{
    cleanup_free char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    return ask(arguments, method, path, (struct sent){text, strlen(text)}, ret_json);
}

int client_put(const struct arguments *arguments, const char *path, const void *bytes, size_t size,
               json_t **ret_json)
{
    return ask(arguments, "PUT", path, (struct sent){bytes, size}, ret_json);
}

int client_show(const struct arguments *arguments, const char *method, const char *path,
                void (*print)(const struct arguments *arguments, const json_t *answer))
{
    json_t *answer = NULL;
    int status = client_ask(arguments, method, path, &answer);
    if (status != STATUS_OK)
        return status;
    if (arguments_has(arguments, "json"))
        print_json(answer);
    else
        print(arguments, answer);
    json_decref(answer);
    return STATUS_OK;
}

enum client_poll client_poll(const struct arguments *arguments, const char *path, json_t **ret_json)
{
    enum client_poll result = client_poll_for(arguments, path, POLL_S, ret_json);
    if (result != CLIENT_POLL_ANSWERED) {
        json_decref(*ret_json);
        *ret_json = NULL;
    }
    return result;
}

enum client_poll client_poll_for(const struct arguments *arguments, const char *path, unsigned limit_s,
                                 json_t **ret_json)
{
    struct place place;
    struct received received = {0};
    place_find(arguments, &place);
    place.limit_s = (long)limit_s;
    *ret_json = NULL;
    strbuf_init(&received.body, ANSWER_MAX);
    CURLcode code = perform(&place, "GET", path, (struct sent){0}, &received);
    if (code == CURLE_OK)
        *ret_json = json_loads(strbuf_text(&received.body), 0, NULL);
    strbuf_clear(&received.body);
    place_clear(&place);
    if (*ret_json && received.status == 200)
        return CLIENT_POLL_ANSWERED;
    return code == CURLE_OK ? CLIENT_POLL_REFUSED : CLIENT_POLL_AWAY;
}

bool client_is_there(const struct arguments *arguments)
{
    struct place place;
    struct received received = {0};
    place_find(arguments, &place);
    strbuf_init(&received.body, ANSWER_MAX);
    bool is_there = perform(&place, "GET", "/healthz", (struct sent){0}, &received) == CURLE_OK;
    strbuf_clear(&received.body);
    place_clear(&place);
    return is_there;
}

/* Asks for what comes piece by piece. */
static int follow(const struct arguments *arguments, const char *path, struct received *asked)
{
    struct place place;
    struct received received = *asked;
    int status = STATUS_OK;
    place_find(arguments, &place);
    strbuf_init(&received.body, ANSWER_MAX);
    CURLcode code = perform(&place, "GET", path, (struct sent){0}, &received);
    if (code != CURLE_OK && received.status == 200) {
        say_wrong("what answered at %s has broken off: %s", place.shown, curl_easy_strerror(code));
        status = STATUS_FAILED;
    } else if (code != CURLE_OK)
        status = say_no_daemon(&place, code);
    else if (received.status != 200)
        status = say_refused(&place, path, &received);
    strbuf_clear(&received.body);
    place_clear(&place);
    asked->zeros = received.zeros;
    return status;
}

int client_read_lines(const struct arguments *arguments, const char *path,
                      void (*on_line)(const char *line, void *context), void *context)
{
    struct received received = {.on_line = on_line, .context = context};
    return follow(arguments, path, &received);
}

int client_save(const struct arguments *arguments, const char *path, FILE *to, size_t *ret_zeros)
{
    struct received received = {.to = to};
    int status = follow(arguments, path, &received);
    *ret_zeros = received.zeros;
    return status;
}

void client_add_parameter(struct strbuf *path, const char *name, const char *value)
{
    cleanup_free char *coded = client_path("%s", value);
    const char *separator = strchr(strbuf_text(path), '?') ? "&" : "?";
    strbuf_append_format(path, "%s%s=%s", separator, name, coded);
}

char *client_path(const char *format, const char *name)
{
    char *coded = curl_easy_escape(NULL, name, 0);
    const char *hole = strstr(format, "%s");
    char *path = xasprintf("%.*s%s%s", (int)(hole - format), format, coded, hole + 2);
    curl_free(coded);
    return path;
}

/* Where `listen`, as the daemon says it, is to be dialled. The caller frees it. */
static char *reach(const struct arguments *arguments, const char *listen)
{
    bool is_any = strncmp(listen, "0.0.0.0:", 8) == 0 || strncmp(listen, "[::]:", 5) == 0;
    if (!is_any)
        return xasprintf("http://%s", listen);
    struct place place;
    place_find(arguments, &place);
    char *address = xasprintf("http://%s%s", place.host ? place.host : "127.0.0.1", strrchr(listen, ':'));
    place_clear(&place);
    return address;
}

int client_functions_address(const struct arguments *arguments, char **ret_address)
{
    json_t *info = NULL;
    int status = client_ask(arguments, "GET", "/system/info", &info);
    if (status != STATUS_OK)
        return status;
    const char *listen = json_string_value(json_object_get(json_object_get(info, "berth"), "functions"));
    if (!listen || !strchr(listen, ':')) {
        say_wrong("the daemon serves no functions yet");
        status = STATUS_FAILED;
    } else {
        *ret_address = reach(arguments, listen);
    }
    json_decref(info);
    return status;
}

void client_management_address(const struct arguments *arguments, char **ret_address, char **ret_socket)
{
    struct place place;
    place_find(arguments, &place);
    const char *base = place.socket ? place.base : place.shown; /* functions are sent no password */
    size_t length = strlen(base);
    while (length > 0 && base[length - 1] == '/')
        length--;
    *ret_address = xstrndup(base, length);
    *ret_socket = place.socket ? xstrdup(place.socket) : NULL;
    place_clear(&place);
}
