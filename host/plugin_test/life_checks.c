#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "plugin_test/fleet_trial.h"
#include "plugin_test/plugin_check.h"
#include "plugin_test/trial_engine.h"

#include <stdio.h>
#include <string.h>

#define GRACE_MS      10000 /* that the protocol gives a runner to end */
#define END_MS        5000 /* further, within which the engine has told of it */
#define BUSY_MS       2000
#define NO_SHELL      127 /* with these two the engine says that it has not found it */
#define NO_SUCH_SHELL 126
#define SLOT_REQUEST  "POST /" BENCH_FUNCTION " HTTP/1.1\r\nHost: trial\r\nContent-Length: 2\r\n\r\nx"

/* --- output --- */

/* The first line that the function itself has written; NULL: there is none. The caller frees it. */
static char *first_line(const char *log)
{
    for (const char *line = log, *end; (end = strchr(line, '\n')); line = end + 1) {
        json_t *entry = json_loadb(line, (size_t)(end - line), 0, NULL);
        const char *stream = json_string_value(json_object_get(entry, "stream"));
        const char *text = json_string_value(json_object_get(entry, "text"));
        bool is_own = stream && text && strncmp(stream, "std", 3) == 0;
        char *copy = is_own ? xstrdup(text) : NULL;
        json_decref(entry);
        if (copy)
            return copy;
    }
    return NULL;
}

void check_output(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    struct talk_answer answer;
    struct error err;
    (void)check;
    talk_answer_init(&answer);
    int rc = talk_ask(fleet_trial_get(bench)->daemon.admin, "GET", "/system/logs?name=" BENCH_FUNCTION, NULL,
                      TRIAL_ANSWER_MS, &answer, &err);
    cleanup_free char *line = first_line(strbuf_text(&answer.body));
    if (rc < 0)
        outcome_skip(outcome, "the log cannot be read: %s", err.message);
    else if (!line)
        outcome_skip(outcome, "the function writes nothing; name one that does with --function DIR");
    else
        outcome_pass(outcome, "the first line is: %.300s", line);
    talk_answer_clear(&answer);
}

/* --- what can be written to --- */

/* The first mount of which `member` is `value`, or NULL. */
static const json_t *find_mount(const json_t *container, const char *member, const char *value)
{
    size_t i;
    const json_t *mount;
    json_array_foreach(json_object_get(container, "Mounts"), i, mount)
    {
        const char *text = json_string_value(json_object_get(mount, member));
        if (text && strcmp(text, value) == 0)
            return mount;
    }
    return NULL;
}

/* A folder that the image has declared with VOLUME, or NULL. */
static const char *find_volume(const json_t *container)
{
    return json_string_value(json_object_get(find_mount(container, "Type", "volume"), "Destination"));
}

/* Whether the package is mounted, and cannot be written to. */
static bool is_package_kept(const json_t *container)
{
    return json_is_false(json_object_get(find_mount(container, "Destination", "/berth/code"), "RW"));
}

void check_protected(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    struct trial_instance instance;
    (void)check;
    if (!fleet_trial_instance(fleet_trial_get(bench), BENCH_FUNCTION, &instance)) {
        outcome_skip(outcome, "there is no instance that is ready");
        return;
    }
    json_t *container = trial_engine_ask(instance.id, "/json");
    const json_t *config = json_object_get(container, "HostConfig");
    const char *volume = find_volume(container);
    if (!container)
        outcome_skip(outcome, "the engine does not tell of the container");
    else if (volume)
        outcome_fail(outcome,
                     "leave VOLUME out of the Dockerfile: what can be written is /tmp, /work and the home",
                     "its image declares the volume %s, which is on the disk and stays there", volume);
    else if (!json_is_true(json_object_get(config, "ReadonlyRootfs")) || !is_package_kept(container))
        outcome_fail(outcome, "tell the makers of Berth",
                     "the container can write to its image or its package");
    json_decref(container);
}

/* Runs a script where the function runs, and as its user. False, `outcome` filled: it fails, or cannot be
 * run.
 */
static bool run_inside(const struct trial_instance *instance, const char *script, const char *advice,
                       struct outcome *outcome)
{
    struct talk_answer output;
    struct error err;
    talk_answer_init(&output);
    int status = trial_engine_run(instance->id, script, &output, &err);
    if (status < 0 || status == NO_SHELL || status == NO_SUCH_SHELL)
        outcome_skip(outcome, "there is no shell in its image to write a file with");
    else if (status > 0)
        outcome_fail(outcome, advice, "\"%s\" fails: %.300s", script, strbuf_text(&output.body));
    talk_answer_clear(&output);
    return status == 0;
}

static bool is_another(const struct trial_instance *instance, const void *context)
{
    const struct trial_instance *former = context;
    return strcmp(instance->id, former->id) != 0;
}

/* Another instance than this one, which has been killed or is none, in *ret_next. */
static bool next_instance(struct fleet_trial *trial, const struct trial_instance *killed,
                          struct trial_instance *ret_next, struct outcome *outcome)
{
    struct talk_answer answer;
    talk_answer_init(&answer);
    bool answered = fleet_trial_start(trial, BENCH_KEEPER, &answer, outcome);
    if (answered && !fleet_trial_await(trial, BENCH_KEEPER, is_another, killed, TRIAL_ANSWER_MS, ret_next)) {
        outcome_fail(outcome, "let the runner end with its process", "no new instance has taken over");
        answered = false;
    }
    talk_answer_clear(&answer);
    return answered;
}

void check_volume(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    struct fleet_trial *trial = fleet_trial_get(bench);
    struct trial_instance none = {0}, first, second;
    (void)check;
    if (!next_instance(trial, &none, &first, outcome) ||
        !run_inside(&first, "echo written >" BENCH_VOLUME "/file",
                    "leave alone what is at the place of a volume: it belongs to the function's user",
                    outcome))
        return;
    if (!trial_engine_signal(first.id, "SIGKILL"))
        outcome_skip(outcome, "the engine does not kill the container");
    else if (next_instance(trial, &first, &second, outcome) &&
             run_inside(&second, "grep -qx written " BENCH_VOLUME "/file",
                        "leave alone what is in a volume: it belongs to the function", outcome))
        outcome_pass(outcome, "written by one instance, and read by the next");
}

/* --- ends --- */

struct under_way {
    struct talk talk;
    bool is_held; /* the function waits for the rest of the body */
};

static bool is_busy(const struct trial_instance *instance, const void *context)
{
    (void)context;
    return instance->busy > 0;
}

/* A request whose body stops in the middle, in the instance that serves. */
static bool begin_request(struct fleet_trial *trial, struct under_way *request,
                          struct trial_instance *ret_instance, struct outcome *outcome)
{
    struct error err;
    if (fleet_trial_open(trial, &request->talk, &err) < 0 ||
        talk_send(&request->talk, SLOT_REQUEST, strlen(SLOT_REQUEST), TRIAL_ANSWER_MS, &err) < 0) {
        outcome_skip(outcome, "%s", err.message);
        return false;
    }
    request->is_held = fleet_trial_await(trial, BENCH_FUNCTION, is_busy, NULL, BUSY_MS, ret_instance);
    if (*ret_instance->id)
        return true;
    outcome_skip(outcome, "there is no instance that is ready");
    return false;
}

/* The request that was under way when its container was killed: the caller is told what has become of it. */
static bool is_loss_told(struct under_way *request, struct outcome *outcome)
{
    struct talk_answer answer;
    struct error err;
    talk_answer_init(&answer);
    int rc = talk_exchange(&request->talk, "y", 1, false, TRIAL_ANSWER_MS, &answer, &err);
    json_t *json = json_loadb(strbuf_text(&answer.body), answer.body.length, 0, NULL);
    const json_t *error = json_object_get(json, "error");
    bool cut = rc < 0 && answer.status > 0; /* it had begun, and is seen not to be whole */
    bool told = cut || (rc == 0 && (answer.status < 500 || json_is_string(json_object_get(error, "reason"))));
    if (!told)
        outcome_fail(outcome, "let the runner end with its process, and close its connections",
                     "the request that was under way when the container was killed: %s",
                     rc < 0 ? err.message : "no error that says why");
    json_decref(json);
    talk_answer_clear(&answer);
    return told;
}

void check_crash(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    struct fleet_trial *trial = fleet_trial_get(bench);
    struct trial_instance before, after;
    struct under_way request;
    struct talk_answer answer;
    (void)check;
    talk_answer_init(&answer);
    if (begin_request(trial, &request, &before, outcome)) {
        if (!trial_engine_signal(before.id, "SIGKILL"))
            outcome_skip(outcome, "the engine does not kill the container");
        else if (is_loss_told(&request, outcome) && fleet_trial_ask(trial, "GET", "", "", &answer, outcome)) {
            if (fleet_trial_instance(trial, BENCH_FUNCTION, &after) && strcmp(before.id, after.id) != 0)
                outcome_pass(outcome, "the next request is answered by a new instance");
            else
                outcome_fail(outcome, "let the runner end with its process",
                             "no new instance has taken over");
        }
    }
    talk_close(&request.talk);
    talk_answer_clear(&answer);
}

/* The request that is under way is finished, then the process ends. */
static void judge_end(struct under_way *request, struct talk *watch, struct outcome *outcome)
{
    struct talk_answer answer;
    struct error err;
    talk_answer_init(&answer);
    int rc = talk_exchange(&request->talk, "y", 1, false, TRIAL_ANSWER_MS, &answer, &err);
    bool answered = rc == 0 && fleet_trial_is_answer(&answer, outcome);
    talk_close(&request->talk);
    uint64_t began_ms = clock_ms();
    int code = trial_engine_exit_code(watch, GRACE_MS + END_MS);
    unsigned long long ms = clock_ms() - began_ms;
    if (code < 0 || ms > GRACE_MS)
        outcome_fail(outcome, "on SIGTERM take no new request, finish those under way, and exit",
                     "the runner has not ended %d ms after SIGTERM", GRACE_MS);
    else if (code != 0)
        outcome_fail(outcome, "exit with status 0 on SIGTERM", "the container ends with status %d", code);
    else if (!answered)
        outcome_fail(outcome, "on SIGTERM finish the requests under way before exiting",
                     "the request under way at SIGTERM has no answer: %s",
                     rc < 0 ? err.message : "an error took its place");
    else
        outcome_pass(outcome, "%s, exit status 0 after %llu ms",
                     request->is_held ? "the request under way is answered" : "no request was under way", ms);
    talk_answer_clear(&answer);
}

void check_sigterm(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    struct trial_instance instance;
    struct under_way request;
    struct talk watch = {.fd = -1};
    struct error err;
    (void)check;
    if (begin_request(fleet_trial_get(bench), &request, &instance, outcome)) {
        if (trial_engine_watch(instance.id, &watch, &err) < 0)
            outcome_skip(outcome, "%s", err.message);
        else if (!trial_engine_signal(instance.id, "SIGTERM"))
            outcome_skip(outcome, "the engine sends no signal to the container");
        else
            judge_end(&request, &watch, outcome);
    }
    talk_close(&request.talk);
    talk_close(&watch);
}
