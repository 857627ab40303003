#include "plugin_test/fleet_trial.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "plugin_test/trial_engine.h"
#include "plugin_test/trial_folder.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define ADMIN_MS      30000
#define FIRST_MS      120000
#define LOOK_MS       50
#define ECHOED        "an echo of this?"

#define EACH_ANSWERED "each request has an answer, as docs/runner-protocol.md says"

/* --- what the daemon says --- */

bool fleet_trial_instance(struct fleet_trial *trial, const char *function,
                          struct trial_instance *ret_instance)
{
    cleanup_free char *target = xasprintf("/berth/functions/%s/instances", function);
    json_t *list = talk_ask_json(trial->daemon.admin, "GET", target, ADMIN_MS);
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

bool fleet_trial_await(struct fleet_trial *trial, const char *function, trial_condition_fn *is_so,
                       const void *context, unsigned ms, struct trial_instance *ret_instance)
{
    uint64_t until_ms = clock_ms() + ms;
    for (;;) {
        *ret_instance = (struct trial_instance){0};
        if (fleet_trial_instance(trial, function, ret_instance) && is_so(ret_instance, context))
            return true;
        if (clock_ms() >= until_ms)
            return false;
        poll(NULL, 0, LOOK_MS);
    }
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
    outcome_fail(outcome, EACH_ANSWERED, "%s /" BENCH_FUNCTION "%s: %s", method, target, err.message);
    return false;
}

/* --- its beginning and its end --- */

/* A good function answers by itself, and with no error. */
static void judge_first(struct fleet_trial *trial, const struct talk_answer *answer, uint64_t ms)
{
    trial->status = answer->status;
    if (answer->status >= 500)
        outcome_fail(&trial->first, "name a function that answers a GET, or mend what answers for it",
                     "%d: %.500s", answer->status, strbuf_text(&answer->body));
    else
        outcome_pass(&trial->first, "%d with %zu bytes, %llu ms from nothing", answer->status,
                     answer->body.length, (unsigned long long)ms);
}

bool fleet_trial_start(struct fleet_trial *trial, const char *function, struct talk_answer *answer,
                       struct outcome *outcome)
{
    struct error err;
    struct talk talk;
    cleanup_free char *request = xasprintf("GET /%s HTTP/1.1\r\nHost: trial\r\n\r\n", function);
    int rc = fleet_trial_open(trial, &talk, &err);
    if (rc == 0)
        rc = talk_exchange(&talk, request, strlen(request), false, FIRST_MS, answer, &err);
    talk_close(&talk);
    if (rc < 0)
        outcome_fail(outcome, EACH_ANSWERED, "%s", err.message);
    return rc == 0 && fleet_trial_is_answer(answer, outcome);
}

static void ask_first(struct fleet_trial *trial)
{
    struct talk_answer answer;
    uint64_t began_ms = clock_ms();
    talk_answer_init(&answer);
    if (fleet_trial_start(trial, BENCH_FUNCTION, &answer, &trial->first))
        judge_first(trial, &answer, clock_ms() - began_ms);
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

static int start(struct bench *bench, struct fleet_trial *trial, struct error *err)
{
    cleanup_free char *folder = bench_new_path(bench, "fleet");
    if (trial_engine_look(err) < 0)
        return -1;
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
