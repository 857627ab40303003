/* The calls thread as a whole, with a gateway of the test's own making. */
#include "base/container_of.h"
#include "base/network.h"
#include "base/rfc3339.h"
#include "calls/call_counts.h"
#include "calls/call_plan.h"
#include "calls/calls.h"
#include "own_folder.h"
#include "scripted_server.h"
#include "store/call_store.h"

#include <poll.h>

#define GUARD_MS 60000 /* a test that waits longer has failed */

struct bench {
    struct folder *folder;
    struct event_base *base; /* of the control thread, which the test is */
    struct scripted_server gateway;
    struct calls *calls;
    char *desk;
};

#define SERVED      "X-Served-By: 1\r\n"
#define OK_ANSWER   "HTTP/1.1 200 OK\r\n" SERVED "X-Own: yes\r\nContent-Length: 2\r\n\r\nok"
#define FULL_ANSWER "HTTP/1.1 503 No\r\nContent-Length: 73\r\n\r\n" FULL_BODY
#define FULL_BODY   "{\"error\":{\"component\":\"gateway\",\"reason\":\"queue-full\",\"message\":\"Full.\"}}"

static const struct rule usual[] = {
    {"POST /function/f/good", OK_ANSWER},
    {"POST /function/f/silent", NULL},
    {"POST /function/f/full", FULL_ANSWER},
    {0},
};

static const struct rule recovered[] = {{"POST /function/f/full", OK_ANSWER}, {0}};

static const struct network_list nowhere;

/* --- the bench --- */

static void begin_calls(struct bench *bench)
{
    struct error err;
    struct calls_options options = {.state_dir = bench->folder->path,
                                    .desk_path = bench->desk,
                                    .door_path = bench->gateway.path,
                                    .callback_networks = &nowhere,
                                    .max_waiting = 100,
                                    .disk_bytes = 1 << 30,
                                    .base = bench->base};
    assert_int_equal(calls_create(&options, &bench->calls, &err), 0);
}

static void set_plan(struct bench *bench)
{
    struct call_plan *plan = call_plan_create();
    call_plan_add(plan, "f",
                  &(struct call_settings){.concurrency = 2,
                                          .retry_wait_ms = 1,
                                          .retry_wait_max_ms = 10,
                                          .max_age_ms = 3600 * 1000,
                                          .result_ttl_ms = 3600 * 1000});
    calls_set_plan(bench->calls, plan);
}

static void start_calls(struct bench *bench)
{
    struct error err;
    begin_calls(bench);
    assert_int_equal(calls_start(bench->calls, &err), 0);
    set_plan(bench);
}

static int open_bench(void **state)
{
    make_folder(state);
    struct bench *bench = xcalloc(1, sizeof(*bench));
    bench->folder = *state;
    bench->base = event_base_new();
    bench->desk = xasprintf("%s/desk.sock", bench->folder->path);
    server_init(&bench->gateway, usual);
    bench->gateway.base = bench->base;
    server_listen(&bench->gateway);
    *state = bench;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    struct folder *folder = bench->folder;
    calls_destroy(bench->calls);
    server_clear(&bench->gateway);
    event_base_free(bench->base);
    free(bench->desk);
    free(bench);
    *state = folder;
    return remove_folder(state);
}

static void turn_control(struct bench *bench)
{
    struct timeval soon = {.tv_usec = 2000};
    event_base_loopexit(bench->base, &soon);
    event_base_loop(bench->base, EVLOOP_ONCE);
}

#define wait_for(bench, condition)                                                                           \
    do {                                                                                                     \
        uint64_t end_ms_ = wall_clock_ms() + GUARD_MS;                                                       \
        while (!(condition)) {                                                                               \
            turn_control(bench);                                                                             \
            assert_true(wall_clock_ms() < end_ms_);                                                          \
        }                                                                                                    \
    } while (0)

static uint64_t counted(const struct bench *bench, enum call_count count)
{
    return atomic_load(&calls_counts(bench->calls)->values[count]);
}

/* --- a client of the desk --- */

/* Sends a request and waits for its answer, of which all is in `ret_text`. */
static void ask_desk(struct bench *bench, const char *request, char *ret_text, size_t size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", bench->desk);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_return_code(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    wait_for(bench, poll(&ready, 1, 0) == 1);
    ssize_t length = recv(fd, ret_text, size - 1, 0);
    assert_true(length > 0);
    ret_text[length] = '\0';
    close(fd);
}

static void accept_call(struct bench *bench, const char *path, char ret_id[CALL_ID_DIGITS + 1])
{
    char request[512], answer[4096];
    snprintf(request, sizeof(request),
             "POST /%s HTTP/1.1\r\nHost: h\r\nX-Berth-Async: accept f\r\nContent-Length: 4\r\n\r\nbody",
             path);
    ask_desk(bench, request, answer, sizeof(answer));
    assert_int_equal(strncmp(answer, "HTTP/1.1 202 ", 13), 0);
    const char *id = strstr(answer, "\r\nX-Call-Id: ");
    assert_non_null(id);
    snprintf(ret_id, CALL_ID_DIGITS + 1, "%s", id + strlen("\r\nX-Call-Id: "));
}

/* --- a question --- */

struct question {
    struct calls_question question;
    char id[CALL_ID_DIGITS + 1];
    bool cancels;
    struct call_record record;
    int found;
    bool done, failed;
};

static int work(struct calls_question *asked, struct call_store *store, bool *ret_durable, struct error *err)
{
    struct question *question = container_of(asked, struct question, question);
    question->found = call_store_find(store, question->id, 0, &question->record, err);
    if (question->found <= 0 || !question->cancels)
        return question->found < 0 ? -1 : 0;
    *ret_durable = true;
    return calls_cancel(asked->calls, &question->record, err) < 0 ? -1 : 0;
}

static void on_answer(struct calls_question *asked, const struct error *failure)
{
    struct question *question = container_of(asked, struct question, question);
    question->failed = failure != NULL;
    question->done = true;
}

static void ask(struct bench *bench, struct question *question, const char *id)
{
    question->question.work = work;
    question->question.done = on_answer;
    snprintf(question->id, sizeof(question->id), "%s", id);
    calls_ask(bench->calls, &question->question);
}

static enum call_state state_of(struct bench *bench, const char *id)
{
    struct question question = {0};
    ask(bench, &question, id);
    wait_for(bench, question.done);
    assert_false(question.failed);
    assert_int_equal(question.found, 1);
    enum call_state state = question.record.state;
    call_record_clear(&question.record);
    return state;
}

/* --- the tests --- */

static void an_accepted_call_is_delivered(void **state)
{
    struct bench *bench = *state;
    char id[CALL_ID_DIGITS + 1], request[512], answer[4096];
    start_calls(bench);
    accept_call(bench, "good?x=y", id);
    wait_for(bench, state_of(bench, id) == CALL_DONE);
    assert_non_null(strstr(strbuf_text(&bench->gateway.heads), "POST /function/f/good?x=y HTTP/1.1\r\n"));
    assert_non_null(strstr(strbuf_text(&bench->gateway.heads), "X-Attempt: 1\r\n"));
    assert_string_equal(strbuf_text(&bench->gateway.bodies), "body\n");
    snprintf(request, sizeof(request), "GET /%s/result HTTP/1.1\r\nHost: h\r\nX-Berth-Async: look\r\n\r\n",
             id);
    ask_desk(bench, request, answer, sizeof(answer));
    assert_non_null(strstr(answer, "X-Function-Status: 200\r\n"));
    assert_string_equal(strstr(answer, "\r\n\r\n"), "\r\n\r\nok");
    assert_int_equal(counted(bench, CALL_COUNT_ACCEPTED), 1);
    assert_int_equal(counted(bench, CALL_COUNT_ENDED_DONE), 1);
}

static void what_the_gateway_has_no_room_for_is_put_back(void **state)
{
    struct bench *bench = *state;
    char id[CALL_ID_DIGITS + 1];
    start_calls(bench);
    accept_call(bench, "full", id);
    wait_for(bench, counted(bench, CALL_COUNT_ATTEMPTS_PUT_BACK) >= 2);
    bench->gateway.rules = recovered;
    wait_for(bench, state_of(bench, id) == CALL_DONE);
    assert_null(strstr(strbuf_text(&bench->gateway.heads), "X-Attempt: 2\r\n"));
    assert_int_equal(counted(bench, CALL_COUNT_ATTEMPTS_FAILED), 0);
}

static void a_running_call_is_broken_off_when_it_is_cancelled(void **state)
{
    struct bench *bench = *state;
    char id[CALL_ID_DIGITS + 1], next[CALL_ID_DIGITS + 1];
    struct question question = {.cancels = true};
    start_calls(bench);
    accept_call(bench, "silent", id);
    wait_for(bench, bench->gateway.requests == 1);
    ask(bench, &question, id);
    wait_for(bench, question.done);
    assert_int_equal(question.record.state, CALL_CANCELLED);
    call_record_clear(&question.record);
    assert_int_equal(state_of(bench, id), CALL_CANCELLED);
    wait_for(bench, counted(bench, CALL_COUNT_ATTEMPTS_CANCELLED) == 1);
    accept_call(bench, "good", next);
    wait_for(bench, state_of(bench, next) == CALL_DONE);
}

static void what_is_under_way_at_the_end_waits_again(void **state)
{
    struct bench *bench = *state;
    char id[CALL_ID_DIGITS + 1];
    struct question question = {0};
    start_calls(bench);
    accept_call(bench, "silent", id);
    wait_for(bench, bench->gateway.requests == 1);
    calls_stop(bench->calls);
    calls_destroy(bench->calls);
    begin_calls(bench);
    ask(bench, &question, id);
    calls_destroy(bench->calls); /* answers what was asked */
    bench->calls = NULL;
    assert_true(question.done && !question.failed);
    assert_int_equal(question.record.state, CALL_WAITING);
    assert_int_equal(question.record.attempts, 0);
    assert_string_equal(question.record.reason, "shutting-down");
    call_record_clear(&question.record);
}

static void what_is_paused_finishes_and_begins_nothing(void **state)
{
    struct bench *bench = *state;
    char silent[CALL_ID_DIGITS + 1], good[CALL_ID_DIGITS + 1];
    start_calls(bench);
    assert_false(calls_are_at_rest(bench->calls));
    accept_call(bench, "silent", silent);
    wait_for(bench, bench->gateway.requests == 1);
    calls_pause(bench->calls);
    accept_call(bench, "good", good);
    assert_int_equal(state_of(bench, silent), CALL_RUNNING);
    assert_false(calls_are_at_rest(bench->calls));
    assert_int_equal(state_of(bench, good), CALL_WAITING);
    assert_int_equal(bench->gateway.requests, 1);
    calls_resume(bench->calls);
    wait_for(bench, state_of(bench, good) == CALL_DONE);
    assert_int_equal(bench->gateway.requests, 2);
}

static void what_is_paused_is_at_rest_when_nothing_is_under_way(void **state)
{
    struct bench *bench = *state;
    char id[CALL_ID_DIGITS + 1];
    start_calls(bench);
    accept_call(bench, "good", id);
    wait_for(bench, state_of(bench, id) == CALL_DONE);
    calls_pause(bench->calls);
    wait_for(bench, calls_are_at_rest(bench->calls));
    calls_pause(bench->calls); /* once more: as it was */
    wait_for(bench, calls_are_at_rest(bench->calls));
    accept_call(bench, "good", id);
    assert_int_equal(state_of(bench, id), CALL_WAITING);
    calls_resume(bench->calls);
    wait_for(bench, state_of(bench, id) == CALL_DONE);
}

static void nothing_begins_before_there_is_a_plan(void **state)
{
    struct bench *bench = *state;
    char id[CALL_ID_DIGITS + 1];
    struct error err;
    begin_calls(bench);
    assert_int_equal(calls_start(bench->calls, &err), 0);
    accept_call(bench, "good", id);
    assert_int_equal(state_of(bench, id), CALL_WAITING);
    assert_int_equal(bench->gateway.requests, 0);
    set_plan(bench);
    wait_for(bench, state_of(bench, id) == CALL_DONE);
}

static void a_store_that_cannot_be_opened_is_told(void **state)
{
    struct bench *bench = *state;
    struct error err;
    struct calls_options options = {.state_dir = bench->folder->file,
                                    .desk_path = bench->desk,
                                    .door_path = bench->gateway.path,
                                    .callback_networks = &nowhere,
                                    .base = bench->base};
    assert_int_equal(fs_write_file(bench->folder->file, "", 0, 0600, &err), 0);
    assert_int_equal(calls_create(&options, &bench->calls, &err), -1);
    assert_null(bench->calls);
    options.state_dir = bench->folder->path;
    options.desk_path = "/nonexistent/desk.sock";
    assert_int_equal(calls_create(&options, &bench->calls, &err), -1);
    assert_null(bench->calls);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_accepted_call_is_delivered),
        TEST(what_the_gateway_has_no_room_for_is_put_back),
        TEST(a_running_call_is_broken_off_when_it_is_cancelled),
        TEST(what_is_under_way_at_the_end_waits_again),
        TEST(what_is_paused_finishes_and_begins_nothing),
        TEST(what_is_paused_is_at_rest_when_nothing_is_under_way),
        TEST(nothing_begins_before_there_is_a_plan),
        TEST(a_store_that_cannot_be_opened_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
