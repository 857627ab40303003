#include "plugin_test/fleet_trial.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "plugin_test/trial_folder.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define ENGINE_SOCKET "/var/run/docker.sock"
#define ENGINE_MS     30000
#define FIRST_MS      120000
#define LOOK_MS       50
#define ECHOED        "an echo of this?"

/* --- what the daemon and the engine say --- */

/* The answer's JSON, when it is one below 400. */
static json_t *ask_json(const char *place, const char *method, const char *target)
{
    struct talk_answer answer;
    talk_answer_init(&answer);
    json_t *json = NULL;
    if (talk_ask(place, method, target, ENGINE_MS, &answer, NULL) == 0 && answer.status < 400)
        json = json_loadb(strbuf_text(&answer.body), answer.body.length, JSON_DECODE_ANY, NULL);
    talk_answer_clear(&answer);
    return json;
}

bool fleet_trial_instance(struct fleet_trial *trial, struct trial_instance *ret_instance)
{
    json_t *list = ask_json(trial->daemon.admin, "GET", "/berth/functions/" BENCH_FUNCTION "/instances");
    bool found = false;
    for (size_t i = 0; i < json_array_size(list) && !found; i++) {
        const json_t *item = json_array_get(list, i);
        const char *id = json_string_value(json_object_get(item, "instance"));
        const char *state = json_string_value(json_object_get(item, "state"));
        found = id && state && strcmp(state, "ready") == 0;
        if (!found)
            continue;
        snprintf(ret_instance->id, sizeof(ret_instance->id), "%s", id);
        ret_instance->slots = (unsigned)json_integer_value(json_object_get(item, "slots"));
        ret_instance->busy = (unsigned)json_integer_value(json_object_get(item, "busy"));
    }
    json_decref(list);
    return found;
}

bool fleet_trial_await(struct fleet_trial *trial, trial_condition_fn *is_so, const void *context, unsigned ms,
                       struct trial_instance *ret_instance)
{
    uint64_t until_ms = clock_ms() + ms;
    for (;;) {
        *ret_instance = (struct trial_instance){0};
        if (fleet_trial_instance(trial, ret_instance) && is_so(ret_instance, context))
            return true;
        if (clock_ms() >= until_ms)
            return false;
        poll(NULL, 0, LOOK_MS);
    }
}

/* The id of the instance's container: its name ends with that of the instance. The caller frees it, NULL:
 * none. */
static char *container_of_instance(const struct trial_instance *instance)
{
    cleanup_free char *target =
        xasprintf("/containers/json?all=1&filters=%%7B%%22name%%22%%3A%%5B%%22%s%%22%%5D%%7D", instance->id);
    json_t *list = ask_json(ENGINE_SOCKET, "GET", target);
    const char *id = json_string_value(json_object_get(json_array_get(list, 0), "Id"));
    char *copy = id ? xstrdup(id) : NULL;
    json_decref(list);
    return copy;
}

json_t *fleet_trial_engine(const char *method, const struct trial_instance *instance, const char *what)
{
    cleanup_free char *id = container_of_instance(instance);
    cleanup_free char *target = id ? xasprintf("/containers/%s%s", id, what) : NULL;
    return target ? ask_json(ENGINE_SOCKET, method, target) : NULL;
}

bool fleet_trial_signal(const struct trial_instance *instance, const char *signal)
{
    struct talk_answer answer;
    cleanup_free char *id = container_of_instance(instance);
    if (!id)
        return false;
    cleanup_free char *target = xasprintf("/containers/%s/kill?signal=%s", id, signal);
    talk_answer_init(&answer);
    int rc = talk_ask(ENGINE_SOCKET, "POST", target, ENGINE_MS, &answer, NULL);
    talk_answer_clear(&answer);
    return rc == 0 && answer.status < 300;
}

int fleet_trial_watch(const struct trial_instance *instance, struct talk *talk, struct error *err)
{
    cleanup_free char *id = container_of_instance(instance);
    *talk = (struct talk){.fd = -1};
    if (!id)
        return error_set_in(err, COMPONENT_PLUGIN, ERROR_IO, "the engine has no container of the instance %s",
                            instance->id);
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

int fleet_trial_exit_code(struct talk *talk, unsigned timeout_ms)
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

/* --- requests --- */

int fleet_trial_open(struct fleet_trial *trial, struct talk *talk, struct error *err)
{
    return talk_open(talk, trial->daemon.gateway, err);
}

bool fleet_trial_is_answer(const struct talk_answer *answer, struct outcome *outcome)
{
    if (answer->status < 500)
        return true;
    json_t *json = json_loadb(strbuf_text(&answer->body), answer->body.length, 0, NULL);
    const json_t *error = json_object_get(json, "error");
    const char *component = json_string_value(json_object_get(error, "component"));
    const char *message = json_string_value(json_object_get(error, "message"));
    const char *hint = json_string_value(json_object_get(error, "hint"));
    bool is_own = !component || !message || strcmp(component, "function") == 0;
    if (!is_own)
        outcome_fail(outcome, hint && *hint ? hint : "see docs/runner-protocol.md", "%d from the %s: %s",
                     answer->status, component, message);
    json_decref(json);
    return is_own;
}

bool fleet_trial_ask(struct fleet_trial *trial, const char *method, const char *target, const char *head,
                     struct talk_answer *answer, struct outcome *outcome)
{
    struct error err;
    struct talk talk;
    cleanup_free char *request =
        xasprintf("%s /" BENCH_FUNCTION "%s HTTP/1.1\r\nHost: trial\r\n%s\r\n", method, target, head);
    int rc = fleet_trial_open(trial, &talk, &err);
    if (rc == 0)
        rc = talk_exchange(&talk, request, strlen(request), strcmp(method, "HEAD") == 0, TRIAL_ANSWER_MS,
                           answer, &err);
    talk_close(&talk);
    if (rc == 0)
        return fleet_trial_is_answer(answer, outcome);
    outcome_fail(outcome, "each request has an answer, as docs/runner-protocol.md says",
                 "%s /" BENCH_FUNCTION "%s: %s", method, target, err.message);
    return false;
}

/* --- its beginning and its end --- */

/* A good function answers by itself, and with no error. */
static void judge_first(struct fleet_trial *trial, const struct talk_answer *answer, uint64_t ms)
{
    trial->status = answer->status;
    if (!fleet_trial_is_answer(answer, &trial->first))
        return;
    if (answer->status >= 500)
        outcome_fail(&trial->first, "name a function that answers a GET, or mend what answers for it",
                     "%d: %.500s", answer->status, strbuf_text(&answer->body));
    else
        outcome_pass(&trial->first, "%d with %zu bytes, %llu ms from nothing", answer->status,
                     answer->body.length, (unsigned long long)ms);
}

static void ask_first(struct fleet_trial *trial)
{
    static const char request[] = "GET /" BENCH_FUNCTION " HTTP/1.1\r\nHost: trial\r\n\r\n";
    struct talk_answer answer;
    struct error err;
    struct talk talk;
    uint64_t began_ms = clock_ms();
    talk_answer_init(&answer);
    if (fleet_trial_open(trial, &talk, &err) < 0 ||
        talk_exchange(&talk, request, strlen(request), false, FIRST_MS, &answer, &err) < 0)
        outcome_fail(&trial->first, "each request has an answer, as docs/runner-protocol.md says", "%s",
                     err.message);
    else
        judge_first(trial, &answer, clock_ms() - began_ms);
    talk_close(&talk);
    talk_answer_clear(&answer);
}

static void find_echo(struct fleet_trial *trial)
{
    static const char request[] =
        "POST /" BENCH_FUNCTION " HTTP/1.1\r\nHost: trial\r\nContent-Length: 16\r\n\r\n" ECHOED;
    struct talk_answer answer;
    struct talk talk;
    talk_answer_init(&answer);
    trial->echoes =
        fleet_trial_open(trial, &talk, NULL) == 0 &&
        talk_exchange(&talk, request, strlen(request), false, TRIAL_ANSWER_MS, &answer, NULL) == 0 &&
        strcmp(strbuf_text(&answer.body), ECHOED) == 0;
    talk_close(&talk);
    talk_answer_clear(&answer);
}

static bool has_engine(void)
{
    struct talk_answer answer;
    talk_answer_init(&answer);
    bool answers =
        talk_ask(ENGINE_SOCKET, "GET", "/_ping", ENGINE_MS, &answer, NULL) == 0 && answer.status == 200;
    talk_answer_clear(&answer);
    return answers;
}

static int start(struct bench *bench, struct fleet_trial *trial, struct error *err)
{
    cleanup_free char *folder = bench_new_path(bench, "fleet");
    if (!has_engine())
        return error_set_in(err, COMPONENT_PLUGIN, ERROR_IO, "no container engine answers at " ENGINE_SOCKET);
    return trial_folder_make(bench, folder, err) < 0 ? -1 : trial_daemon_start(&trial->daemon, folder, err);
}

struct fleet_trial *fleet_trial_get(struct bench *bench)
{
    struct error err;
    if (bench->trial)
        return bench->trial;
    bench->trial = xcalloc(1, sizeof(*bench->trial));
    if (start(bench, bench->trial, &err) < 0)
        bench->trial->missing = xstrdup(err.message);
    else
        ask_first(bench->trial);
    if (bench->trial->first.verdict == VERDICT_PASSED && !bench->trial->missing)
        find_echo(bench->trial);
    return bench->trial;
}

void fleet_trial_destroy(struct fleet_trial *trial)
{
    if (!trial)
        return;
    trial_daemon_stop(&trial->daemon);
    free(trial->missing);
    free(trial);
}
