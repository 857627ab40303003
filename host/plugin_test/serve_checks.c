#include "base/alloc.h"
#include "base/cleanup.h"
#include "plugin_test/fleet_trial.h"
#include "plugin_test/plugin_check.h"
#include "plugin_test/trial_engine.h"

#include <string.h>

#define REQUESTS    200
#define BODY_BYTES  (8u << 20)
#define CHUNK_BYTES 65536
#define LONG_VALUE  8000
#define STREAM_MS   10000 /* within which a function that streams has begun to */
#define BUSY_MS     2000
#define RETURN_MS   10000 /* within which a runner has dialled again */
#define PROTOCOL    "see docs/runner-protocol.md"
#define TARGET      "/" BENCH_FUNCTION

void check_answers(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    (void)check;
    *outcome = fleet_trial_get(bench)->first;
}

/* --- requests as they come --- */

void check_methods(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    static const char *const methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    struct fleet_trial *trial = fleet_trial_get(bench);
    struct talk_answer answer;
    (void)check;
    talk_answer_init(&answer);
    bool well = true;
    for (size_t i = 0; i < sizeof(methods) / sizeof(*methods) && well; i++) {
        bool has_body = i >= 2 && i <= 4;
        well =
            fleet_trial_ask(trial, methods[i], "", has_body ? "Content-Length: 0\r\n" : "", &answer, outcome);
        if (well && strcmp(methods[i], "GET") == 0 && answer.status != trial->status) {
            outcome_fail(outcome, PROTOCOL, "a second GET is answered with %d, the first was with %d",
                         answer.status, trial->status);
            well = false;
        }
    }
    talk_answer_clear(&answer);
}

/* What is unusual and allowed: one of these at a time. The caller frees it. */
static char *make_head(size_t number)
{
    cleanup_free char *value = xmalloc(LONG_VALUE + 1);
    memset(value, 'v', LONG_VALUE);
    value[LONG_VALUE] = '\0';
    switch (number) {
    case 0:
        return xasprintf("X-Long: %s\r\n", value);
    case 1:
        return xstrdup("X-Empty:\r\nx-lower: 1\r\nX-LOWER: 2\r\nX-Odd_.!#$%&'*+^`|~: \t padded \t\r\n");
    case 2:
        return xstrdup("X-Bytes: caf\xc3\xa9 caf\xe9 \xff\r\nCookie: a=b; c=\"d;e\"\r\nCookie: f=\r\n");
    default: {
        char *head = xstrdup("");
        for (int i = 0; i < 80; i++) {
            char *longer = xasprintf("%sX-Header-%d: %d\r\n", head, i, i);
            free(head);
            head = longer;
        }
        return head;
    }
    }
}

void check_heads(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    static const char *const targets[] = {"/a%20b/c%2Fd/%C3%A9/%FF?x=%26&y&=z&x=%zz", "/;p=1/:@!$&'()*+,=~",
                                          "/?=&?", "//a/./b/../c"};
    struct talk_answer answer;
    (void)check;
    talk_answer_init(&answer);
    bool well = true;
    for (size_t i = 0; i < 4 && well; i++) {
        cleanup_free char *head = make_head(i);
        well = fleet_trial_ask(fleet_trial_get(bench), "GET", "/", head, &answer, outcome) &&
               fleet_trial_ask(fleet_trial_get(bench), "GET", targets[i], "", &answer, outcome);
    }
    talk_answer_clear(&answer);
}

/* Requests one after the other over one connection; how many were answered as the first. */
static unsigned ask_many(struct fleet_trial *trial, unsigned count, struct outcome *outcome)
{
    static const char request[] = "GET " TARGET " HTTP/1.1\r\nHost: trial\r\n\r\n";
    struct talk_answer answer;
    struct talk talk;
    struct error err;
    unsigned done = 0;
    talk_answer_init(&answer);
    int rc = fleet_trial_open(trial, &talk, &err);
    while (rc == 0 && done < count) {
        rc = talk_exchange(&talk, request, strlen(request), false, TRIAL_ANSWER_MS, &answer, &err);
        if (rc < 0 || !fleet_trial_is_answer(&answer, outcome) || answer.status != trial->status)
            break;
        done++;
    }
    if (done < count && outcome->verdict != VERDICT_FAILED)
        outcome_fail(outcome, PROTOCOL, "request %u of %u over one connection: %s", done + 1, count,
                     rc < 0 ? err.message : "another status than that of the first");
    talk_close(&talk);
    talk_answer_clear(&answer);
    return done;
}

void check_keep_alive(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    (void)check;
    if (ask_many(fleet_trial_get(bench), REQUESTS, outcome) == REQUESTS)
        outcome_pass(outcome, "%d requests over one connection", REQUESTS);
}

/* --- several at once --- */

/* Requests whose body stops in the middle, each in a slot. */
struct held {
    struct talk *talks;
    unsigned count;
};

static void hold(struct fleet_trial *trial, unsigned count, struct held *ret_held)
{
    static const char request[] = "POST " TARGET " HTTP/1.1\r\nHost: trial\r\nContent-Length: 2\r\n\r\nx";
    *ret_held = (struct held){xcalloc(count, sizeof(struct talk)), count};
    for (unsigned i = 0; i < count; i++) {
        if (fleet_trial_open(trial, &ret_held->talks[i], NULL) == 0)
            talk_send(&ret_held->talks[i], request, strlen(request), TRIAL_ANSWER_MS, NULL);
    }
}

/* Sends the rest, and takes the answers. */
static bool let_go(struct held *held, struct outcome *outcome)
{
    struct talk_answer answer;
    struct error err;
    talk_answer_init(&answer);
    bool well = true;
    for (unsigned i = 0; i < held->count && well; i++) {
        int rc = talk_exchange(&held->talks[i], "y", 1, false, TRIAL_ANSWER_MS, &answer, &err);
        if (rc < 0)
            outcome_fail(outcome, PROTOCOL, "one of %u requests whose bodies came slowly: %s", held->count,
                         err.message);
        well = rc == 0 && fleet_trial_is_answer(&answer, outcome);
    }
    talk_answer_clear(&answer);
    return well;
}

static void drop(struct held *held)
{
    for (unsigned i = 0; i < held->count; i++)
        talk_close(&held->talks[i]);
    free(held->talks);
}

static bool has_busy(const struct trial_instance *instance, const void *context)
{
    return instance->busy >= *(const unsigned *)context;
}

void check_at_once(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    struct fleet_trial *trial = fleet_trial_get(bench);
    unsigned slots = bench_package(bench)->launch->concurrency, held_count = slots - 1;
    struct trial_instance instance;
    struct talk_answer answer;
    struct held held;
    (void)check;
    if (slots == 1) {
        outcome_skip(outcome, "launch says that an instance serves one request at a time");
        return;
    }
    hold(trial, held_count, &held);
    bool all = fleet_trial_await(trial, BENCH_FUNCTION, has_busy, &held_count, BUSY_MS, &instance);
    talk_answer_init(&answer);
    if (!fleet_trial_ask(trial, "GET", "", "", &answer, outcome))
        snprintf(
            outcome->advice, sizeof(outcome->advice),
            "serve each connection whatever the others wait for, or let launch ask for less concurrency");
    else if (let_go(&held, outcome))
        outcome_pass(outcome,
                     all ? "one more is answered while %u wait for their bodies"
                         : "%u answered that did not wait for their bodies",
                     held_count);
    talk_answer_clear(&answer);
    drop(&held);
}

/* --- bodies --- */

/* The same bytes each time. The caller frees them. */
static char *make_body(size_t size)
{
    char *body = xmalloc(size);
    for (size_t i = 0; i < size; i++)
        body[i] = (char)('a' + i * 7 % 23);
    return body;
}

/* The request as it goes over the wire, whole or in chunks. The caller frees it. */
static char *make_request(const char *body, size_t size, bool chunked, size_t *ret_size)
{
    struct strbuf text;
    strbuf_init(&text, 2 * BODY_BYTES);
    strbuf_append_format(&text, "POST " TARGET
                                " HTTP/1.1\r\nHost: trial\r\nContent-Type: application/octet-stream\r\n");
    if (!chunked) {
        strbuf_append_format(&text, "Content-Length: %zu\r\n\r\n", size);
        strbuf_append(&text, body, size);
    } else {
        strbuf_append_text(&text, "Transfer-Encoding: chunked\r\n\r\n");
        for (size_t at = 0; at < size; at += CHUNK_BYTES) {
            strbuf_append_format(&text, "%x\r\n", CHUNK_BYTES);
            strbuf_append(&text, body + at, CHUNK_BYTES);
            strbuf_append_text(&text, "\r\n");
        }
        strbuf_append_text(&text, "0\r\n\r\n");
    }
    *ret_size = text.length;
    return strbuf_steal(&text);
}

/* Sends a large body; the answer is in `answer`. */
static bool upload(struct fleet_trial *trial, bool chunked, struct talk_answer *answer,
                   struct outcome *outcome)
{
    struct talk talk;
    struct error err;
    size_t size;
    cleanup_free char *body = make_body(BODY_BYTES);
    cleanup_free char *request = make_request(body, BODY_BYTES, chunked, &size);
    int rc = fleet_trial_open(trial, &talk, &err);
    if (rc == 0)
        rc = talk_exchange(&talk, request, size, false, TRIAL_ANSWER_MS, answer, &err);
    talk_close(&talk);
    if (rc < 0)
        outcome_fail(outcome,
                     "read the body, or read and drop what is left of it before the next request "
                     "(" PROTOCOL ")",
                     "%s", err.message);
    return rc == 0 && fleet_trial_is_answer(answer, outcome);
}

void check_upload(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    struct talk_answer answer;
    (void)check;
    talk_answer_init(&answer);
    if (upload(fleet_trial_get(bench), false, &answer, outcome) &&
        upload(fleet_trial_get(bench), true, &answer, outcome) &&
        fleet_trial_ask(fleet_trial_get(bench), "GET", "", "", &answer, outcome))
        outcome_pass(outcome, "%u MiB with a length, and in chunks", BODY_BYTES >> 20);
    talk_answer_clear(&answer);
}

#define NO_ECHO "the function does not answer with its request's body; name one that does with --function DIR"

void check_download(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    struct talk_answer answer;
    cleanup_free char *body = make_body(BODY_BYTES);
    (void)check;
    if (!fleet_trial_get(bench)->echoes) {
        outcome_skip(outcome, NO_ECHO);
        return;
    }
    talk_answer_init(&answer);
    if (!upload(fleet_trial_get(bench), false, &answer, outcome))
        outcome->verdict = VERDICT_FAILED;
    else if (answer.body.length != BODY_BYTES || memcmp(answer.body.data, body, BODY_BYTES) != 0)
        outcome_fail(outcome, "hand bodies on as they are, whatever their size",
                     "of a body of %u bytes %zu came back%s", BODY_BYTES, answer.body.length,
                     answer.body.length == BODY_BYTES ? ", and others" : "");
    else
        outcome_pass(outcome, "%u MiB came back as they were sent", BODY_BYTES >> 20);
    talk_answer_clear(&answer);
}

void check_streaming(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    static const char begin[] =
        "POST " TARGET " HTTP/1.1\r\nHost: trial\r\nTransfer-Encoding: chunked\r\n\r\n"
        "d\r\nthe beginning\r\n";
    static const char end[] = "7\r\nthe end\r\n0\r\n\r\n";
    struct talk_answer answer;
    struct talk talk;
    struct error err;
    (void)check;
    if (!fleet_trial_get(bench)->echoes) {
        outcome_skip(outcome, NO_ECHO);
        return;
    }
    talk_answer_init(&answer);
    int rc = fleet_trial_open(fleet_trial_get(bench), &talk, &err);
    if (rc == 0)
        rc = talk_send(&talk, begin, strlen(begin), TRIAL_ANSWER_MS, &err);
    bool streams = rc == 0 && talk_has(&talk, "the beginning", STREAM_MS);
    if (rc == 0)
        rc = talk_exchange(&talk, end, strlen(end), false, TRIAL_ANSWER_MS, &answer, &err);
    if (rc < 0)
        outcome_fail(outcome, PROTOCOL, "%s", err.message);
    else if (fleet_trial_is_answer(&answer, outcome) && !streams)
        outcome_skip(outcome, "the function answers when it has all of the body");
    else if (streams)
        outcome_pass(outcome, "the answer begins before the request has ended");
    talk_close(&talk);
    talk_answer_clear(&answer);
}

/* --- clients that go --- */

struct expected {
    const char *id;
    unsigned slots;
};

static bool is_whole(const struct trial_instance *instance, const void *context)
{
    const struct expected *expected = context;
    return strcmp(instance->id, expected->id) == 0 && instance->slots == expected->slots &&
           instance->busy == 0;
}

void check_cancel(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    struct fleet_trial *trial = fleet_trial_get(bench);
    unsigned slots = bench_package(bench)->launch->concurrency;
    struct trial_instance before = {0}, now;
    struct talk_answer answer;
    struct held held;
    (void)check;
    if (!fleet_trial_instance(trial, BENCH_FUNCTION, &before)) {
        outcome_fail(outcome, PROTOCOL, "there is no instance that is ready");
        return;
    }
    hold(trial, slots, &held);
    bool all = fleet_trial_await(trial, BENCH_FUNCTION, has_busy, &slots, BUSY_MS, &now);
    drop(&held);
    const struct expected expected = {before.id, slots};
    talk_answer_init(&answer);
    if (!fleet_trial_await(trial, BENCH_FUNCTION, is_whole, &expected, RETURN_MS, &now))
        outcome_fail(
            outcome,
            "when the host closes a connection, stop the work and dial again (rules 4 and 6 of "
            "docs/runner-protocol.md)",
            "after %u clients have gone %s has %u connections, of which %u are busy; %u are expected", slots,
            strcmp(now.id, before.id) == 0 ? "the instance" : "another instance", now.slots, now.busy, slots);
    else if (fleet_trial_ask(trial, "GET", "", "", &answer, outcome))
        outcome_pass(outcome, "%u clients go%s, %u connections are dialled again", slots,
                     all ? " in the middle" : "", slots);
    talk_answer_clear(&answer);
}

/* --- memory --- */

#define WARM_REQUESTS  200
#define MORE_REQUESTS  400
#define REQUEST_GROWTH 8192 /* bytes that may stay of a request, before caches are full */

/* What the container's processes have, without what the kernel keeps of files; 0: not known. Both versions of
 * control groups tell it, by other names. */
static long long container_memory(struct fleet_trial *trial)
{
    struct trial_instance instance;
    if (!fleet_trial_instance(trial, BENCH_FUNCTION, &instance))
        return 0;
    json_t *json = trial_engine_ask(instance.id, "/stats?stream=false&one-shot=true");
    const json_t *stats = json_object_get(json_object_get(json, "memory_stats"), "stats");
    const json_t *anonymous = json_object_get(stats, "anon");
    long long bytes = json_integer_value(anonymous ? anonymous : json_object_get(stats, "rss"));
    json_decref(json);
    return bytes;
}

void check_container_memory(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    struct fleet_trial *trial = fleet_trial_get(bench);
    (void)check;
    if (ask_many(trial, WARM_REQUESTS, outcome) < WARM_REQUESTS)
        return;
    long long before = container_memory(trial);
    if (before == 0 || ask_many(trial, MORE_REQUESTS, outcome) < MORE_REQUESTS) {
        if (before == 0)
            outcome_skip(outcome, "the engine does not tell the memory of containers");
        return;
    }
    long long growth = container_memory(trial) - before;
    if (growth > (long long)MORE_REQUESTS * REQUEST_GROWTH)
        outcome_fail(outcome, "let the runner free what it has of a request when that has been answered",
                     "the container has %lld KiB more after %d requests", growth >> 10, MORE_REQUESTS);
    else
        outcome_pass(outcome, "%lld KiB after %d requests, %lld more after another %d", before >> 10,
                     WARM_REQUESTS, growth > 0 ? growth >> 10 : 0, MORE_REQUESTS);
}
