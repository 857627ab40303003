/* The exchange that loads a function, with a runner at the other end of a socket pair that answers right,
 * wrong, in pieces, early, late and not at all. */
#include "fleet/link/handshake.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strbuf.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define SETTINGS "{\"protocol\":1}"

struct talk {
    struct event_base *base;
    int host, runner;
    struct handshake *handshake;
    unsigned ends;
    bool failed, working;
    struct error err;
    char traceback[64];
};

static void on_end(void *owner, const struct error *err, const char *traceback)
{
    struct talk *talk = owner;
    talk->ends++;
    talk->handshake = NULL;
    talk->failed = err != NULL;
    snprintf(talk->traceback, sizeof(talk->traceback), "%s", traceback ? traceback : "");
    if (err)
        talk->err = *err;
}

static void on_told(void *owner, const struct error *err, bool working)
{
    ((struct talk *)owner)->working = working;
    on_end(owner, err, NULL);
}

static void turn(struct talk *talk)
{
    event_base_loop(talk->base, EVLOOP_NONBLOCK);
}

static void talk_open(struct talk *talk, const char *settings)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    *talk = (struct talk){.base = event_base_new(), .host = pair[0], .runner = pair[1]};
    talk->handshake = handshake_start(talk->base, talk->host, HANDSHAKE_INIT, settings, on_end, talk);
    assert_int_equal(talk->ends, 0);
}

static void talk_close(struct talk *talk)
{
    handshake_cancel(talk->handshake);
    close(talk->host);
    if (talk->runner >= 0)
        close(talk->runner);
    event_base_free(talk->base);
}

/* Reads what the host has sent so far, at most `size` bytes. */
static size_t runner_read(struct talk *talk, char *bytes, size_t size)
{
    ssize_t got = recv(talk->runner, bytes, size, 0);
    return got > 0 ? (size_t)got : 0;
}

static void runner_write(struct talk *talk, const char *text)
{
    assert_int_equal(send(talk->runner, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void runner_leave(struct talk *talk)
{
    close(talk->runner);
    talk->runner = -1;
}

static void assert_loaded(const struct talk *talk)
{
    assert_int_equal(talk->ends, 1);
    if (talk->failed)
        fail_msg("%s: %s", error_code_slug(talk->err.code), talk->err.message);
}

static void assert_failed(const struct talk *talk, const char *reason, const char *words)
{
    assert_int_equal(talk->ends, 1);
    assert_true(talk->failed);
    assert_string_equal(error_component_name(talk->err.component), "runner");
    if (strcmp(error_code_slug(talk->err.code), reason) != 0 || !strstr(talk->err.message, words))
        fail_msg("%s: %s", error_code_slug(talk->err.code), talk->err.message);
}

static void sends_settings(void **state)
{
    (void)state;
    struct talk talk;
    char request[1024] = "";
    talk_open(&talk, SETTINGS);
    turn(&talk);
    runner_read(&talk, request, sizeof(request) - 1);
    assert_non_null(strstr(request, "POST /.berth/init HTTP/1.1\r\n"));
    assert_non_null(strstr(request, "\r\nHost: "));
    assert_non_null(strstr(request, "\r\nBerth-Settings-Length: 14\r\n"));
    assert_non_null(strstr(request, "\r\nContent-Length: 14\r\n"));
    assert_non_null(strstr(request, "\r\n\r\n" SETTINGS));
    talk_close(&talk);
}

static const struct answer {
    const char *text;
    bool closes; /* the connection, after the answer */
    const char *reason; /* NULL: loaded */
    const char *words;
} answers[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, NULL, NULL},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false, NULL, NULL},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", false, NULL, NULL},
    {"HTTP/1.0 200 OK\r\n\r\nto the end", true, NULL, NULL},
    {"HTTP/1.1 500 No\r\nContent-Length: 24\r\n\r\n{\"error\":\"no module x\"}x", false, "load-failed",
     "gave"},
    {"HTTP/1.1 500 No\r\nContent-Length: 24\r\n\r\n{\"error\":\"no module x\"} ", false, "load-failed",
     "no module x"},
    {"HTTP/1.1 500 No\r\nConnection: close\r\n\r\n{\"error\":{\"message\":\"no module x\"}}", true,
     "load-failed", "no module x"},
    {"HTTP/1.1 500 No\r\nConnection: close\r\n\r\n{\"error\":{\"message\":1}}", true, "load-failed",
     "gave no reason"},
    {"HTTP/1.1 409 No\r\nContent-Length: 0\r\n\r\n", false, "load-failed", "gave no reason"},
    {"HTTP/1.1 400 No\r\nContent-Length: 5\r\n\r\n[1,2]", false, "load-failed", "gave no reason"},
    {"HTTP/1.1 204 No\r\n\r\n", false, "load-failed", "gave no reason"},
    {"", true, "runner-gone", "closed"},
    {"HTTP/1.1 200 OK\r\nConte", true, "runner-gone", "closed"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", true, "runner-gone", "closed"},
    {"SSH-2.0-hello\r\n", false, "runner-protocol", "not right"},
    {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", false, "runner-protocol", "not right"},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", false, "runner-protocol", "not right"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nmore", false, "runner-protocol", "longer"},
};

/* `piece` bytes at a time. */
static void give(struct talk *talk, const struct answer *answer, size_t piece)
{
    char request[1024];
    turn(talk);
    runner_read(talk, request, sizeof(request));
    for (size_t i = 0; i < strlen(answer->text) && talk->ends == 0; i += piece) {
        cleanup_free char *part = xstrndup(answer->text + i, piece);
        runner_write(talk, part);
        turn(talk);
    }
    if (answer->closes)
        runner_leave(talk);
    turn(talk);
    turn(talk);
}

static void every_answer_is_understood(void **state)
{
    (void)state;
    static const size_t pieces[] = {4096, 7, 1};
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        for (size_t k = 0; k < sizeof(pieces) / sizeof(pieces[0]); k++) {
            bool seen_at_once = answers[i].words && strcmp(answers[i].words, "longer") == 0;
            if (seen_at_once && pieces[k] < 4096)
                continue; /* the rest comes when the exchange is over */
            struct talk talk;
            talk_open(&talk, SETTINGS);
            give(&talk, &answers[i], pieces[k]);
            if (answers[i].reason)
                assert_failed(&talk, answers[i].reason, answers[i].words);
            else
                assert_loaded(&talk);
            talk_close(&talk);
        }
    }
}

/* All of it is handed on, bytes that are no UTF-8 or end a text among it. */
static void a_traceback_is_kept_whole(void **state)
{
    (void)state;
    struct talk talk;
    talk_open(&talk, SETTINGS);
    runner_write(&talk, "HTTP/1.1 500 No\r\nConnection: close\r\n\r\n"
                        "{\"error\":\"x: caf\xe9\",\"traceback\":\"one\\n  two\xff\\n\\nx: caf?\\n\"}");
    runner_leave(&talk);
    for (unsigned i = 0; i < 10 && talk.ends == 0; i++)
        turn(&talk);
    assert_failed(&talk, "load-failed", "x: caf?");
    assert_string_equal(talk.traceback, "one\n  two?\n\nx: caf?\n");
    assert_string_equal(talk.err.hint, "the whole traceback is in the log of the function");
    talk_close(&talk);
}

static void the_traceback_s_last_line_is_the_hint(void **state)
{
    (void)state;
    struct talk talk;
    struct answer answer = {
        .text = "HTTP/1.1 500 No\r\nConnection: close\r\n\r\n"
                "{\"error\":\"cannot import\",\"traceback\":\"Traceback\\n  x\\nKeyError: 'a'\\n \"}",
        .closes = true};
    talk_open(&talk, SETTINGS);
    give(&talk, &answer, 4096);
    assert_failed(&talk, "load-failed", "cannot import");
    assert_string_equal(talk.err.hint, "KeyError: 'a'");
    talk_close(&talk);
}

/* Cut anywhere, what is told stays valid text. */
static void a_long_reason_is_cut_between_characters(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 3; shift++) {
        struct talk talk;
        cleanup_strbuf struct strbuf text;
        strbuf_init(&text, 65536);
        strbuf_append_format(&text, "HTTP/1.1 500 No\r\nConnection: close\r\n\r\n{\"error\":\"%.*s",
                             (int)shift, "xx");
        for (unsigned i = 0; i < 1000; i++)
            strbuf_append_text(&text, "\xe2\x82\xac");
        strbuf_append_text(&text, "\"}");
        struct answer answer = {.text = strbuf_text(&text), .closes = true};
        talk_open(&talk, SETTINGS);
        give(&talk, &answer, 65536);
        assert_failed(&talk, "load-failed", "\xe2\x82\xac");
        const char *end = talk.err.message + strlen(talk.err.message);
        assert_true(end[-1] == '?' || (unsigned char)end[-1] == 0xac);
        talk_close(&talk);
    }
}

static void endless_answers_are_cut_off(void **state)
{
    (void)state;
    struct talk talk;
    char block[4096];
    memset(block, 'x', sizeof(block) - 1);
    block[sizeof(block) - 1] = '\0';
    talk_open(&talk, SETTINGS);
    turn(&talk);
    runner_write(&talk, "HTTP/1.1 500 No\r\nConnection: close\r\n\r\n");
    for (unsigned i = 0; i < 200 && talk.ends == 0; i++) {
        runner_write(&talk, block);
        turn(&talk);
    }
    assert_failed(&talk, "runner-protocol", "not right");
    talk_close(&talk);
}

/* Far more than the socket's buffer can hold. */
static char *large_settings(size_t size)
{
    char *settings = xmalloc(size + 1);
    for (size_t i = 0; i < size; i++)
        settings[i] = (char)('a' + (i * 31 >> 5) % 26);
    settings[size] = '\0';
    return settings;
}

static void large_settings_that_are_read_slowly_arrive_whole(void **state)
{
    (void)state;
    struct talk talk;
    size_t size = 8u << 20, total = 0, at = 0;
    cleanup_free char *settings = large_settings(size);
    talk_open(&talk, settings);
    cleanup_free char *seen = xcalloc(1, size + 4096);
    while (at < size) {
        turn(&talk);
        total += runner_read(&talk, seen + total, 3000);
        const char *body = memmem(seen, total, "\r\n\r\n", 4);
        at = body ? total - (size_t)(body - seen) - 4 : 0;
    }
    assert_memory_equal(seen + total - size, settings, size);
    runner_write(&talk, answers[0].text);
    turn(&talk);
    turn(&talk);
    assert_loaded(&talk);
    talk_close(&talk);
}

static void a_refusal_may_come_before_all_was_read(void **state)
{
    (void)state;
    cleanup_free char *settings = large_settings(4u << 20);
    for (int closes = 0; closes <= 1; closes++) {
        struct talk talk;
        talk_open(&talk, settings);
        turn(&talk);
        runner_write(&talk, "HTTP/1.1 413 No\r\nContent-Length: 19\r\n\r\n{\"error\":\"too big\"}");
        if (closes)
            runner_leave(&talk);
        for (unsigned i = 0; i < 10 && talk.ends == 0; i++)
            turn(&talk);
        assert_failed(&talk, "load-failed", "too big");
        talk_close(&talk);
    }
}

static void success_before_all_was_read_is_a_mistake(void **state)
{
    (void)state;
    struct talk talk;
    cleanup_free char *settings = large_settings(4u << 20);
    talk_open(&talk, settings);
    turn(&talk);
    runner_write(&talk, answers[0].text);
    turn(&talk);
    assert_failed(&talk, "runner-protocol", "before the request was sent");
    talk_close(&talk);
}

static void a_repeated_init_tells_of_work(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool working, failed;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"working\":true}", true, false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"working\":false}", false, false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"working\":1}", false, false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", false, false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, false},
        {"HTTP/1.1 409 No\r\nContent-Length: 16\r\n\r\n{\"working\":true}", false, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct talk talk;
        talk_open(&talk, SETTINGS);
        handshake_cancel(talk.handshake);
        talk.handshake = handshake_ask(talk.base, talk.host, SETTINGS, on_told, &talk);
        turn(&talk);
        runner_write(&talk, cases[i].text);
        turn(&talk);
        assert_int_equal(talk.ends, 1);
        assert_int_equal(talk.working, cases[i].working);
        assert_int_equal(talk.failed, cases[i].failed);
        talk_close(&talk);
    }
}

static void cancelling_is_silent(void **state)
{
    (void)state;
    struct talk talk;
    talk_open(&talk, SETTINGS);
    turn(&talk);
    handshake_cancel(talk.handshake);
    talk.handshake = NULL;
    runner_write(&talk, answers[0].text);
    turn(&talk);
    assert_int_equal(talk.ends, 0);
    talk_close(&talk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_settings),
        cmocka_unit_test(every_answer_is_understood),
        cmocka_unit_test(a_traceback_is_kept_whole),
        cmocka_unit_test(the_traceback_s_last_line_is_the_hint),
        cmocka_unit_test(a_long_reason_is_cut_between_characters),
        cmocka_unit_test(endless_answers_are_cut_off),
        cmocka_unit_test(large_settings_that_are_read_slowly_arrive_whole),
        cmocka_unit_test(a_refusal_may_come_before_all_was_read),
        cmocka_unit_test(success_before_all_was_read_is_a_mistake),
        cmocka_unit_test(a_repeated_init_tells_of_work),
        cmocka_unit_test(cancelling_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
