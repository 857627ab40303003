#include "relay.h"

#include "cgi_output.h"
#include "cgi_variables.h"
#include "children.h"
#include "function.h"
#include "output_notes.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct relay {
    struct berth_request *request;
    const struct function *function;
    struct child child;
    int input; /* to the script, -1 when it has all or wants no more */
    int output; /* from the script, -1 at its end */
    bool wants_body; /* `input` has room, the socket had nothing */
    bool has_ended;
    bool is_answered; /* the answer has begun */
    bool is_cancelled; /* nobody waits for the answer */
    int64_t first_output_ms;
    int64_t kill_at_ms; /* when SIGTERM has not helped, 0: no such thing */
    size_t held;
    size_t body_at, body_end; /* what waits in `body` for room in the pipe */
    char hold[RELAY_HOLD_MAX];
    char body[65536];
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* The client has gone: the script and all it started get a moment to clean up. */
static void cancel(struct relay *relay)
{
    if (relay->is_cancelled)
        return;
    relay->is_cancelled = true;
    close_fd(&relay->input);
    child_signal(&relay->child, SIGTERM);
    relay->kill_at_ms = now_ms() + RELAY_TERM_MS;
}

/* ---- The body, to the script ---- */

/* 1: there is something to write. 0: nothing now, or nothing more. */
static int fetch_body(struct relay *relay)
{
    if (relay->body_at < relay->body_end)
        return 1;
    ssize_t got = berth_request_try_read(relay->request, relay->body, sizeof(relay->body));
    relay->body_at = 0;
    relay->body_end = got > 0 ? (size_t)got : 0;
    if (got == 0)
        close_fd(&relay->input);
    relay->wants_body = got < 0 && errno == EAGAIN;
    if (got < 0 && errno != EAGAIN)
        cancel(relay);
    return got > 0;
}

/* Moves the body until one side has to be waited for. */
static void pump_input(struct relay *relay)
{
    relay->wants_body = false;
    while (relay->input >= 0 && fetch_body(relay)) {
        ssize_t written = write(relay->input, relay->body + relay->body_at, relay->body_end - relay->body_at);
        if (written > 0)
            relay->body_at += (size_t)written;
        else if (errno == EAGAIN)
            return;
        else if (errno != EINTR)
            close_fd(&relay->input); /* the script wants no more */
    }
}

/* ---- The output, to the client ---- */

static void begin_answer(struct relay *relay, const struct cgi_head *head)
{
    struct berth_header headers[CGI_HEADERS_MAX + 1];
    size_t count = head->count, size = relay->held - head->size;
    bool needs_type =
        !head->has_type && head->status != 204 && head->status != 304 && !(head->has_location && size == 0);
    int64_t length = relay->has_ended && relay->output < 0 ? (int64_t)size : head->content_length;
    memcpy(headers, head->headers, count * sizeof(headers[0]));
    if (needs_type) {
        const char *type = relay->function->content_type;
        headers[count++] = (struct berth_header){"Content-Type", 12, type, strlen(type)};
    }
    relay->is_answered = true;
    if (berth_response_start(relay->request, head->status, headers, count, length) < 0 ||
        berth_response_write(relay->request, relay->hold + head->size, size) < 0 ||
        berth_response_flush(relay->request) < 0)
        cancel(relay);
}

/* Begins the answer when it is time to; see relay.h. */
static void consider_answer(struct relay *relay, bool is_final)
{
    struct cgi_head head;
    bool is_full = relay->held == sizeof(relay->hold);
    if (relay->is_answered || relay->is_cancelled || (relay->held == 0 && !is_final))
        return;
    bool is_due = now_ms() - relay->first_output_ms >= RELAY_HOLD_MS;
    enum cgi_verdict verdict = cgi_output_parse(relay->hold, relay->held, is_final || is_full, &head);
    if (!is_final && !is_full && (!is_due || verdict == CGI_HEAD_BEGUN))
        return;
    note_output(relay->function, verdict, &head);
    begin_answer(relay, &head);
}

static void take_output(struct relay *relay, const char *bytes, size_t size)
{
    if (relay->is_cancelled)
        return;
    if (relay->is_answered) {
        if (berth_response_write(relay->request, bytes, size) < 0)
            cancel(relay);
        return;
    }
    if (relay->held == 0)
        relay->first_output_ms = now_ms();
    relay->held += size;
    consider_answer(relay, false);
}

/* One read of the output. False: nothing is there now, or it has ended. */
static bool pump_output(struct relay *relay)
{
    char block[65536];
    bool is_held = !relay->is_answered && !relay->is_cancelled;
    char *target = is_held ? relay->hold + relay->held : block;
    size_t room = is_held ? sizeof(relay->hold) - relay->held : sizeof(block);
    if (relay->output < 0)
        return false;
    ssize_t got = read(relay->output, target, room);
    if (got > 0)
        take_output(relay, target, (size_t)got);
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        close_fd(&relay->output);
    return got > 0;
}

/* ---- The loop ---- */

static int wait_limit_ms(const struct relay *relay)
{
    int64_t until = -1;
    if (relay->kill_at_ms > 0)
        until = relay->kill_at_ms;
    else if (!relay->is_answered && relay->held > 0)
        until = relay->first_output_ms + RELAY_HOLD_MS;
    if (until < 0)
        return -1;
    int64_t left = until - now_ms();
    struct cgi_head head;
    if (relay->kill_at_ms == 0 && left <= 0 &&
        cgi_output_parse(relay->hold, relay->held, false, &head) == CGI_HEAD_BEGUN)
        return -1; /* in the middle of headers: only more output or the end decides */
    return left > 0 ? (int)left : 0;
}

static void kill_when_due(struct relay *relay)
{
    if (relay->kill_at_ms > 0 && now_ms() >= relay->kill_at_ms) {
        child_signal(&relay->child, SIGKILL);
        relay->kill_at_ms = 0;
    }
}

static void wait_and_move(struct relay *relay)
{
    enum { SOCKET, INPUT, OUTPUT, EXIT };
    int socket = relay->is_cancelled ? -1 : berth_connection_fd(berth_request_connection(relay->request));
    bool is_blocked = relay->input >= 0 && relay->body_at < relay->body_end;
    struct pollfd fds[] = {
        [SOCKET] = {.fd = socket, .events = (short)(POLLRDHUP | (relay->wants_body ? POLLIN : 0))},
        [INPUT] = {.fd = relay->input, .events = is_blocked ? POLLOUT : 0},
        [OUTPUT] = {.fd = relay->output, .events = POLLIN},
        [EXIT] = {.fd = relay->child.exit_fd, .events = POLLIN},
    };
    if (poll(fds, 4, wait_limit_ms(relay)) < 0)
        return;
    if (fds[INPUT].revents & POLLERR)
        close_fd(&relay->input);
    if (fds[SOCKET].revents & (POLLRDHUP | POLLHUP | POLLERR))
        cancel(relay);
    if (fds[OUTPUT].revents)
        pump_output(relay);
    pump_input(relay);
    consider_answer(relay, false);
    kill_when_due(relay);
    relay->has_ended = fds[EXIT].revents != 0;
}

static void fail(struct berth_request *request, int status, const char *reason, const char *message)
{
    const struct berth_failure failure = {.struct_size = sizeof(failure),
                                          .reason = reason,
                                          .message = message,
                                          .hint = "What the script wrote to standard error is in its log."};
    (void)berth_response_failure(request, status, &failure);
}

/* How the script ended, for people. */
static void describe_failure(const struct relay *relay, int status, char *text, size_t size)
{
    if (WIFEXITED(status))
        snprintf(text, size, "%.200s ended with exit status %d", relay->function->file, WEXITSTATUS(status));
    else
        snprintf(text, size, "%.200s was ended by signal %d (%s)", relay->function->file, WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
}

static void finish(struct relay *relay)
{
    char message[320];
    while (pump_output(relay)) /* what the script had written when it ended */
        continue;
    close_fd(&relay->output);
    close_fd(&relay->input);
    int status = child_finish(&relay->child);
    if (status == 0)
        consider_answer(relay, true);
    if (relay->is_cancelled || (status != 0 && relay->is_answered)) {
        berth_response_abort(relay->request);
    } else if (status != 0) {
        describe_failure(relay, status, message, sizeof(message));
        fail(relay->request, 500, "script-failed", message);
    }
}

/* ---- The start ---- */

/* Opens both pipes, ours without blocking. A request without a body needs none to the script. */
static int open_pipes(struct relay *relay, int *ret_child_input, int *ret_child_output)
{
    int output[2], input[2] = {-1, -1};
    if (pipe2(output, O_CLOEXEC) < 0)
        return -1;
    if (berth_request_content_length(relay->request) == 0)
        input[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    else if (pipe2(input, O_CLOEXEC) == 0)
        fcntl(input[1], F_SETFL, O_NONBLOCK);
    if (input[0] < 0) {
        close(output[0]);
        close(output[1]);
        return -1;
    }
    fcntl(output[0], F_SETFL, O_NONBLOCK);
    relay->input = input[1];
    relay->output = output[0];
    *ret_child_input = input[0];
    *ret_child_output = output[1];
    return 0;
}

/* 0, or an errno number. */
static int start_script(struct relay *relay, char **variables)
{
    int input, output;
    if (open_pipes(relay, &input, &output) < 0)
        return errno;
    const struct child_start start = {
        .path = relay->function->program,
        .argv = (char *const *)(uintptr_t)relay->function->argv,
        .environment = variables,
        .folder = relay->function->folder,
        .input = input,
        .output = output,
    };
    int rc = child_start(&relay->child, &start);
    close(input);
    close(output);
    if (rc != 0) {
        close_fd(&relay->input);
        close_fd(&relay->output);
    }
    return rc;
}

static void refuse(struct berth_request *request, const char *what, int errnum)
{
    char message[320];
    snprintf(message, sizeof(message), "cannot run %.200s: %s", what, strerror(errnum));
    fail(request, 500, "script-not-started", message);
}

void relay_handle(void *function, struct berth_request *request)
{
    const struct function *script = function;
    char **variables = cgi_variables(request);
    if (!variables && errno == EINVAL) {
        fail(request, 400, "path-nul", "the path contains %00");
        return;
    }
    struct relay *relay = malloc(sizeof(*relay));
    int rc = relay && variables ? 0 : ENOMEM;
    if (rc == 0) {
        memset(relay, 0, offsetof(struct relay, hold));
        relay->request = request;
        relay->function = script;
        rc = start_script(relay, variables);
    }
    cgi_variables_free(variables);
    if (rc != 0) {
        refuse(request, script->file, rc);
    } else {
        pump_input(relay);
        while (!relay->has_ended)
            wait_and_move(relay);
        finish(relay);
    }
    free(relay);
}
