#include "plugin_test/trial_engine.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"

#include <poll.h>
#include <string.h>

#define ENGINE_SOCKET "/var/run/docker.sock"
#define ENGINE_MS     30000
#define LOOK_MS       20

int trial_engine_look(struct error *err)
{
    struct talk_answer answer;
    talk_answer_init(&answer);
    int rc = talk_ask(ENGINE_SOCKET, "GET", "/_ping", NULL, ENGINE_MS, &answer, NULL);
    bool answers = rc == 0 && answer.status == 200;
    talk_answer_clear(&answer);
    return answers ? 0
                   : error_set_in(err, COMPONENT_PLUGIN, ERROR_IO,
                                  "no container engine answers at " ENGINE_SOCKET);
}

/* The id of the instance's container: its name ends with that of the instance. The caller frees it, NULL:
 * none. */
static char *container_of_instance(const char *instance)
{
    cleanup_free char *target =
        xasprintf("/containers/json?all=1&filters=%%7B%%22name%%22%%3A%%5B%%22%s%%22%%5D%%7D", instance);
    json_t *list = talk_ask_json(ENGINE_SOCKET, "GET", target, ENGINE_MS);
    const char *id = json_string_value(json_object_get(json_array_get(list, 0), "Id"));
    char *copy = id ? xstrdup(id) : NULL;
    json_decref(list);
    return copy;
}

json_t *trial_engine_ask(const char *instance, const char *what)
{
    cleanup_free char *id = container_of_instance(instance);
    cleanup_free char *target = id ? xasprintf("/containers/%s%s", id, what) : NULL;
    return target ? talk_ask_json(ENGINE_SOCKET, "GET", target, ENGINE_MS) : NULL;
}

bool trial_engine_signal(const char *instance, const char *signal)
{
    struct talk_answer answer;
    cleanup_free char *id = container_of_instance(instance);
    if (!id)
        return false;
    cleanup_free char *target = xasprintf("/containers/%s/kill?signal=%s", id, signal);
    talk_answer_init(&answer);
    int rc = talk_ask(ENGINE_SOCKET, "POST", target, NULL, ENGINE_MS, &answer, NULL);
    talk_answer_clear(&answer);
    return rc == 0 && answer.status < 300;
}

int trial_engine_watch(const char *instance, struct talk *talk, struct error *err)
{
    cleanup_free char *id = container_of_instance(instance);
    *talk = (struct talk){.fd = -1};
    if (!id)
        return error_set_in(err, COMPONENT_PLUGIN, ERROR_IO, "the engine has no container of the instance %s",
                            instance);
    cleanup_free char *request = xasprintf(
        "POST /containers/%s/wait?condition=next-exit HTTP/1.1\r\nHost: trial\r\nContent-Length: 0\r\n\r\n",
        id);
    if (talk_open(talk, ENGINE_SOCKET, err) < 0 ||
        talk_send(talk, request, strlen(request), ENGINE_MS, err) < 0)
        return -1;
    /* The engine sends the head of its answer once it waits. */
    return talk_has(talk, "\r\n\r\n", ENGINE_MS)
               ? 0
               : error_set_in(err, COMPONENT_PLUGIN, ERROR_IO, "the engine does not wait for it");
}

int trial_engine_exit_code(struct talk *talk, unsigned timeout_ms)
{
    struct talk_answer answer;
    talk_answer_init(&answer);
    int code = -1;
    if (talk_exchange(talk, "", 0, false, timeout_ms, &answer, NULL) == 0) {
        json_t *json = json_loadb(strbuf_text(&answer.body), answer.body.length, 0, NULL);
        if (json_is_integer(json_object_get(json, "StatusCode")))
            code = (int)json_integer_value(json_object_get(json, "StatusCode"));
        json_decref(json);
    }
    talk_answer_clear(&answer);
    return code;
}

/* --- programs in a container --- */

/* The id of a script that is to be run. The caller frees it; NULL: the engine knows no such container. */
static char *make_exec(const char *instance, const char *script)
{
    struct talk_answer answer;
    cleanup_free char *id = container_of_instance(instance);
    cleanup_free char *target = id ? xasprintf("/containers/%s/exec", id) : NULL;
    if (!target)
        return NULL;
    json_t *body = json_pack("{s:b, s:b, s:b, s:[s, s, s]}", "AttachStdout", 1, "AttachStderr", 1, "Tty", 1,
                             "Cmd", "sh", "-c", script);
    talk_answer_init(&answer);
    int rc = talk_ask(ENGINE_SOCKET, "POST", target, body, ENGINE_MS, &answer, NULL);
    json_t *json = rc == 0 ? json_loadb(strbuf_text(&answer.body), answer.body.length, 0, NULL) : NULL;
    const char *exec = json_string_value(json_object_get(json, "Id"));
    char *copy = exec ? xstrdup(exec) : NULL;
    json_decref(json);
    json_decref(body);
    talk_answer_clear(&answer);
    return copy;
}

/* What it writes has ended; a moment later the engine knows how it has. -1: it does not come to know. */
static int exec_status(const char *exec)
{
    cleanup_free char *target = xasprintf("/exec/%s/json", exec);
    uint64_t until_ms = clock_ms() + ENGINE_MS;
    for (;;) {
        json_t *json = talk_ask_json(ENGINE_SOCKET, "GET", target, ENGINE_MS);
        const json_t *code = json_object_get(json, "ExitCode");
        bool has_ended = json_is_false(json_object_get(json, "Running")) && json_is_integer(code);
        int status = has_ended ? (int)json_integer_value(code) : -1;
        json_decref(json);
        if (has_ended || clock_ms() >= until_ms)
            return status;
        poll(NULL, 0, LOOK_MS);
    }
}

int trial_engine_run(const char *instance, const char *script, struct talk_answer *output, struct error *err)
{
    cleanup_free char *exec = make_exec(instance, script);
    if (!exec)
        return error_set_in(err, COMPONENT_PLUGIN, ERROR_IO, "the engine runs nothing in the container");
    cleanup_free char *target = xasprintf("/exec/%s/start", exec);
    json_t *body = json_pack("{s:b}", "Tty", 1);
    int rc = talk_ask(ENGINE_SOCKET, "POST", target, body, ENGINE_MS, output, err);
    json_decref(body);
    if (rc < 0)
        return -1;
    int status = output->status < 300 ? exec_status(exec) : -1;
    if (status < 0)
        error_set_in(err, COMPONENT_PLUGIN, ERROR_IO, "the engine runs no shell in it: %.300s",
                     strbuf_text(&output->body));
    return status;
}
