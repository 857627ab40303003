#include "connection.h"
#include "work.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOST_TARGETS "/.berth/" /* what begins so is for the runner: no client's request does */
#define INIT_TARGET  "/.berth/init"
#define SETTINGS_MAX 1048576
#define PROTOCOL     1

/* What an init brought; the public part stands first, so that accessors find the JSON. */
struct settings {
    struct berth_init init;
    json_t *json;
    char *runtime;
};

/* `mutex` serialises init. `settings` and `function` are written once, before `loaded` is set. */
struct berth_instance {
    const struct berth_runner *runner;
    pthread_mutex_t mutex;
    atomic_bool loaded;
    struct settings *settings;
    void *function;
};

/* An init under way, and the answer to it. */
struct exchange {
    struct berth_instance *instance;
    struct berth_request *request;
    struct settings *settings;
    bool has_loaded;
    int status; /* of a refusal */
    struct berth_load_error error;
};

__attribute__((format(printf, 3, 4))) static int refuse(struct exchange *exchange, int status,
                                                        const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(exchange->error.message, sizeof(exchange->error.message), format, arguments);
    va_end(arguments);
    exchange->status = status;
    return -1;
}

struct berth_instance *berth_instance_create(const struct berth_runner *runner)
{
    struct berth_instance *instance = calloc(1, sizeof(*instance));
    if (!instance)
        return NULL;
    instance->runner = runner;
    pthread_mutex_init(&instance->mutex, NULL);
    return instance;
}

static void settings_destroy(struct settings *settings)
{
    if (!settings)
        return;
    json_decref(settings->json);
    free(settings->runtime);
    free(settings);
}

void berth_instance_destroy(struct berth_instance *instance)
{
    if (!instance)
        return;
    if (atomic_load(&instance->loaded) && instance->runner->unload)
        instance->runner->unload(instance->function);
    settings_destroy(instance->settings);
    pthread_mutex_destroy(&instance->mutex);
    free(instance);
}

void *berth_instance_function(struct berth_instance *instance)
{
    return atomic_load(&instance->loaded) ? instance->function : NULL;
}

const struct berth_init *berth_instance_settings(struct berth_instance *instance)
{
    return atomic_load(&instance->loaded) ? &instance->settings->init : NULL;
}

/* ---- Settings ---- */

static int take_text(struct exchange *exchange, const char *name, const char **ret_text)
{
    const json_t *value = json_object_get(exchange->settings->json, name);
    if (!json_is_string(value))
        return refuse(exchange, 400, "init: \"%s\" must be a string", name);
    *ret_text = json_string_value(value);
    return 0;
}

static int take_number(struct exchange *exchange, const char *name, int64_t max, int64_t *ret_number)
{
    const json_t *value = json_object_get(exchange->settings->json, name);
    if (!json_is_integer(value) || json_integer_value(value) < 1 || json_integer_value(value) > max)
        return refuse(exchange, 400, "init: \"%s\" must be an integer from 1 to %lld", name, (long long)max);
    *ret_number = json_integer_value(value);
    return 0;
}

static int take_environment(struct exchange *exchange)
{
    json_t *environment = json_object_get(exchange->settings->json, "environment");
    const char *name;
    json_t *value;
    if (environment && !json_is_object(environment))
        return refuse(exchange, 400, "init: \"environment\" must be an object of strings");
    json_object_foreach(environment, name, value)
    {
        if (!json_is_string(value) || name[0] == '\0' || strchr(name, '='))
            return refuse(exchange, 400, "init: \"environment\" must be an object of strings");
    }
    return 0;
}

/* The object as JSON text too, so that runners need not know the library that parsed it. */
static int take_runtime(struct exchange *exchange)
{
    const json_t *runtime = json_object_get(exchange->settings->json, "runtime");
    if (runtime && !json_is_object(runtime) && !json_is_null(runtime))
        return refuse(exchange, 400, "init: \"runtime\" must be an object");
    exchange->settings->runtime = json_is_object(runtime) ? json_dumps(runtime, JSON_COMPACT) : strdup("{}");
    if (!exchange->settings->runtime)
        return refuse(exchange, 500, "out of memory");
    exchange->settings->init.runtime = exchange->settings->runtime;
    return 0;
}

static int take_settings(struct exchange *exchange)
{
    struct berth_init *init = &exchange->settings->init;
    int64_t protocol, concurrency;
    init->struct_size = sizeof(*init);
    if (take_number(exchange, "protocol", INT32_MAX, &protocol) < 0)
        return -1;
    if (protocol != PROTOCOL)
        return refuse(exchange, 400, "init: this runner speaks protocol %d, the host %lld", PROTOCOL,
                      (long long)protocol);
    if (take_text(exchange, "function", &init->function) < 0 ||
        take_text(exchange, "revision", &init->revision) < 0 ||
        take_text(exchange, "instance", &init->instance) < 0 ||
        take_text(exchange, "code", &init->code) < 0 ||
        take_number(exchange, "concurrency", BERTH_CONCURRENCY_MAX, &concurrency) < 0 ||
        take_number(exchange, "timeout_ms", INT64_MAX, &init->timeout_ms) < 0 ||
        take_environment(exchange) < 0 || take_runtime(exchange) < 0)
        return -1;
    init->concurrency = (unsigned)concurrency;
    init->dependencies = json_string_value(json_object_get(exchange->settings->json, "dependencies"));
    init->work = json_string_value(json_object_get(exchange->settings->json, "work"));
    return 0;
}

static const json_t *runtime_member(const struct berth_init *init, const char *name)
{
    const struct settings *settings = (const struct settings *)init;
    return json_object_get(json_object_get(settings->json, "runtime"), name);
}

const char *berth_init_string(const struct berth_init *init, const char *name, const char *fallback)
{
    const json_t *value = runtime_member(init, name);
    return json_is_string(value) ? json_string_value(value) : fallback;
}

int64_t berth_init_integer(const struct berth_init *init, const char *name, int64_t fallback)
{
    const json_t *value = runtime_member(init, name);
    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

/* ---- Reading an init ---- */

/* The size of the settings, from its header, checked against the length of the whole. */
static int settings_size(struct exchange *exchange, size_t *ret_size)
{
    const char *text = berth_request_header(exchange->request, "Berth-Settings-Length");
    int64_t whole = berth_request_content_length(exchange->request);
    int64_t size = 0;
    if (!text || strspn(text, "0123456789") != strlen(text) || strlen(text) > 9)
        return refuse(exchange, 400, "init: Berth-Settings-Length is missing or no number");
    for (; *text; text++)
        size = size * 10 + (*text - '0');
    if (size < 2 || size > SETTINGS_MAX)
        return refuse(exchange, 413, "init: the settings must have from 2 to %d bytes", SETTINGS_MAX);
    if (whole != size)
        return refuse(exchange, 400, "init: Content-Length and Berth-Settings-Length differ");
    *ret_size = (size_t)size;
    return 0;
}

static int parse_settings(struct exchange *exchange, const char *text, size_t size)
{
    json_error_t error;
    exchange->settings = calloc(1, sizeof(*exchange->settings));
    if (!exchange->settings)
        return refuse(exchange, 500, "out of memory");
    exchange->settings->json = json_loadb(text, size, 0, &error);
    if (!json_is_object(exchange->settings->json))
        return refuse(exchange, 400, "init: the settings are not a JSON object: %.200s", error.text);
    return take_settings(exchange);
}

static int read_settings(struct exchange *exchange)
{
    size_t size = 0, used = 0;
    if (settings_size(exchange, &size) < 0)
        return -1;
    char *text = malloc(size + 1);
    if (!text)
        return refuse(exchange, 500, "out of memory");
    while (used < size) {
        ssize_t got = berth_request_read(exchange->request, text + used, size - used);
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    int rc = used == size ? parse_settings(exchange, text, size)
                          : refuse(exchange, 400, "init: the settings are cut short");
    free(text);
    return rc;
}

/* Drops the rest of a body of an allowed size, so that the connection can be kept. */
static void drop_body(struct berth_request *request)
{
    char dropped[4096];
    if (request->content_length < 0 || request->content_length > SETTINGS_MAX)
        return;
    while (berth_request_read(request, dropped, sizeof(dropped)) > 0)
        continue;
}

static void set_environment(const json_t *environment)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)environment, name, value)
    {
        setenv(name, json_string_value(value), 1);
    }
}

/* ---- Loading ---- */

static int enter_work(struct exchange *exchange)
{
    const struct berth_init *init = &exchange->settings->init;
    if (!init->work || berth_work_enter(init->code, init->work) == 0)
        return 0;
    return refuse(exchange, 500, "cannot prepare the working directory %.200s: %s", init->work,
                  strerror(errno));
}

static int load(struct exchange *exchange)
{
    const struct berth_runner *runner = exchange->instance->runner;
    void *function = NULL;
    if (enter_work(exchange) < 0)
        return -1;
    set_environment(json_object_get(exchange->settings->json, "environment"));
    exchange->error.struct_size = sizeof(exchange->error);
    if (runner->load &&
        runner->load(runner->context, &exchange->settings->init, &function, &exchange->error) < 0) {
        exchange->status = 500;
        return -1;
    }
    exchange->instance->function = function;
    exchange->instance->settings = exchange->settings;
    exchange->settings = NULL;
    exchange->has_loaded = true;
    atomic_store(&exchange->instance->loaded, true);
    return 0;
}

/* With the instance's mutex held. */
static int load_once(struct exchange *exchange)
{
    if (!atomic_load(&exchange->instance->loaded))
        return load(exchange);
    const char *serving = exchange->instance->settings->init.revision;
    if (strcmp(serving, exchange->settings->init.revision) == 0)
        return 0;
    return refuse(exchange, 409, "init: revision %.100s is loaded already", serving);
}

static void answer(struct exchange *exchange, int rc)
{
    const struct berth_load_error *error = &exchange->error;
    const struct berth_failure failure = {
        .struct_size = sizeof(failure),
        .reason = "load-failed",
        .message = error->message[0] ? error->message : "the function cannot load",
        .traceback = error->traceback[0] ? error->traceback : NULL,
    };
    drop_body(exchange->request);
    if (rc == 0)
        (void)berth_response_send(exchange->request, 200, "application/json", "{}", 2);
    else
        (void)berth_response_failure(exchange->request, exchange->status, &failure);
}

bool berth_instance_serve_init(struct berth_instance *instance, struct berth_request *request,
                               enum berth_served *ret_served)
{
    if (strcmp(request->target, INIT_TARGET) != 0 || strcmp(request->method, "POST") != 0)
        return false;
    struct exchange exchange = {.instance = instance, .request = request};
    int rc = read_settings(&exchange);
    if (rc == 0) {
        pthread_mutex_lock(&instance->mutex);
        rc = load_once(&exchange);
        pthread_mutex_unlock(&instance->mutex);
    }
    answer(&exchange, rc);
    settings_destroy(exchange.settings);
    enum berth_served served = berth_request_finish(request) ? BERTH_SERVED : BERTH_CLOSED;
    *ret_served = exchange.has_loaded ? BERTH_LOADED : served;
    return true;
}

enum berth_served berth_instance_serve(struct berth_instance *instance, struct berth_request *request)
{
    static const struct berth_failure not_loaded = {.struct_size = sizeof(not_loaded),
                                                    .component = "runner",
                                                    .reason = "not-loaded",
                                                    .message = "no function is loaded yet"};
    static const struct berth_failure not_known = {.struct_size = sizeof(not_known),
                                                   .component = "runner",
                                                   .reason = "not-known",
                                                   .message =
                                                       "this runner knows no such request of the host"};
    enum berth_served served;
    if (berth_instance_serve_init(instance, request, &served))
        return served;
    if (strncmp(request->target, HOST_TARGETS, strlen(HOST_TARGETS)) == 0)
        (void)berth_response_failure(request, 404, &not_known);
    else if (atomic_load(&instance->loaded))
        instance->runner->handle(instance->function, request);
    else
        (void)berth_response_failure(request, 503, &not_loaded);
    return berth_request_finish(request) ? BERTH_SERVED : BERTH_CLOSED;
}
