#include "prepare/process/build_process.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "prepare/process/build_job.h"
#include "prepare/process/build_spawn.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALLBACK_MAX 64

/* Why the parent killed it; what it says itself does not count then. */
enum verdict { VERDICT_NONE, VERDICT_TIMEOUT, VERDICT_OUTPUT, VERDICT_PROTOCOL };

struct build_process {
    struct build_spawn child;
    struct event *exited, *output_ready, *reply_ready, *limit;
    unsigned timeout_ms;
    struct strbuf output;
    struct strbuf line; /* of the reply, not yet whole */
    size_t reply_bytes;
    char callback[CALLBACK_MAX]; /* where the plugin's code runs, "" before it does */
    json_t *result, *lacks, *end;
    enum verdict verdict;
    build_process_done_fn *done;
    void *context;
};

/* It then ends what it has started, and itself. */
void build_process_kill(struct build_process *process)
{
    kill(process->child.pid, SIGTERM);
}

static void condemn(struct build_process *process, enum verdict verdict)
{
    if (process->verdict == VERDICT_NONE)
        process->verdict = verdict;
    build_process_kill(process);
}

static void replace(json_t **slot, json_t *json)
{
    json_decref(*slot);
    *slot = json_incref(json);
}

/* Of the lines that say "end" the last one counts: it is written when the plugin's code is gone. What a
 * machine lacks is believed before that code is there. */
static void take_line(struct build_process *process, const char *text, size_t size)
{
    json_t *line = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    const char *callback = json_string_value(json_object_get(line, "callback"));
    json_t *result = json_object_get(line, "result");
    json_t *lacks = json_object_get(line, "lacks"), *end = json_object_get(line, "end");
    if (callback)
        snprintf(process->callback, sizeof(process->callback), "%s", callback);
    else if (json_is_object(result) && !process->result)
        process->result = json_incref(result);
    else if (json_is_array(lacks) && !process->callback[0])
        replace(&process->lacks, lacks);
    else if (json_is_object(end))
        replace(&process->end, end);
    else
        condemn(process, VERDICT_PROTOCOL);
    json_decref(line);
}

static void take_reply(struct build_process *process, const char *bytes, size_t size)
{
    process->reply_bytes += size;
    if (process->reply_bytes > BUILD_REPLY_MAX) {
        condemn(process, VERDICT_PROTOCOL);
        return;
    }
    /* After the first line that is none, what follows tells nothing, not even where the plugin is. */
    while (size > 0 && process->verdict != VERDICT_PROTOCOL) {
        const char *newline = memchr(bytes, '\n', size);
        size_t length = newline ? (size_t)(newline - bytes) : size;
        strbuf_append(&process->line, bytes, length);
        if (!newline)
            return;
        take_line(process, strbuf_text(&process->line), process->line.length);
        strbuf_reset(&process->line);
        bytes += length + 1;
        size -= length + 1;
    }
}

static void take_output(struct build_process *process, const char *bytes, size_t size)
{
    if (strbuf_append(&process->output, bytes, size) < 0)
        condemn(process, VERDICT_OUTPUT);
}

/* Reads what is there from a pipe of the child; false at its end. */
static bool drain(struct build_process *process, int fd,
                  void (*take)(struct build_process *process, const char *bytes, size_t size))
{
    for (;;) {
        char block[16384];
        ssize_t size = read(fd, block, sizeof(block));
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return errno == EAGAIN;
        if (size == 0)
            return false;
        take(process, block, (size_t)size);
        if (process->verdict != VERDICT_NONE)
            return false;
    }
}

static void on_output(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct build_process *process = context;
    if (!drain(process, fd, take_output))
        event_del(process->output_ready);
}

static void on_reply(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct build_process *process = context;
    if (!drain(process, fd, take_reply))
        event_del(process->reply_ready);
}

static void on_limit(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    condemn(context, VERDICT_TIMEOUT);
}

/* " in validate", " outside of its callbacks" or "". */
static void describe_place(const struct build_process *process, char *text, size_t size)
{
    if (!process->callback[0])
        text[0] = '\0';
    else if (strcmp(process->callback, "the host") == 0)
        snprintf(text, size, " outside of its callbacks");
    else
        snprintf(text, size, " in %s", process->callback);
}

/* The last line of the output that is not empty goes into the hint. */
static void hint_output(const struct build_process *process, struct error *err)
{
    const char *text = strbuf_text(&process->output);
    size_t end = process->output.length;
    while (end > 0 && (text[end - 1] == '\n' || text[end - 1] == '\0'))
        end--;
    size_t start = end;
    while (start > 0 && text[start - 1] != '\n')
        start--;
    if (end > start)
        error_hint(err, "the last line of its output: %.*s", (int)(end - start), text + start);
}

static void describe_verdict(const struct build_process *process, const char *place, struct error *err)
{
    switch (process->verdict) {
    case VERDICT_TIMEOUT:
        error_set(err, ERROR_PLUGIN_TIMEOUT, "the plugin was killed after %u ms%s", process->timeout_ms,
                  place);
        error_hint(err, "the limit is the host setting build_timeout");
        break;
    case VERDICT_OUTPUT:
        error_set(err, ERROR_PLUGIN_OUTPUT, "the plugin wrote more than %u bytes of output%s",
                  BUILD_OUTPUT_MAX, place);
        break;
    default:
        error_set(err, ERROR_PLUGIN_PROTOCOL,
                  "what the build job answered is not a result, or longer than %u bytes%s", BUILD_REPLY_MAX,
                  place);
        hint_output(process, err);
        break;
    }
}

/* How the plugin's process ended, or, when that was not told, the one that watched it. */
static void read_end(const struct build_process *process, const siginfo_t *watcher, bool *ret_exited,
                     int *ret_status)
{
    const json_t *code = json_object_get(process->end, "code");
    const json_t *signal = json_object_get(process->end, "signal");
    *ret_exited = code || (!signal && watcher->si_code == CLD_EXITED);
    *ret_status = code || signal ? (int)json_integer_value(code ? code : signal) : watcher->si_status;
}

/* What became of a child that gave no result. */
static void describe_end(const struct build_process *process, const siginfo_t *watcher, struct error *err)
{
    char place[CALLBACK_MAX + 32];
    bool exited;
    int status;
    describe_place(process, place, sizeof(place));
    read_end(process, watcher, &exited, &status);
    if (process->verdict != VERDICT_NONE) {
        describe_verdict(process, place, err);
        return;
    }
    if (exited && !process->callback[0])
        error_set(err, ERROR_JOB_START, "the build job ended with code %d before it loaded the plugin",
                  status);
    else if (exited)
        error_set(err, ERROR_PLUGIN_CRASHED, "the plugin ended the build job with exit code %d%s", status,
                  place);
    else
        error_set(err, ERROR_PLUGIN_CRASHED, "the plugin crashed with SIG%s%s",
                  sigabbrev_np(status) ? sigabbrev_np(status) : "?", place);
    hint_output(process, err);
}

/* Puts what was found out about the job's output, by who wrote it, into the result. The plugin's word does
 * not count. */
static void complete_result(struct build_process *process)
{
    json_t *error = json_object_get(process->end, "error");
    json_t *package = json_object_get(process->end, "package");
    json_object_del(process->result, "package");
    json_object_del(process->result, "memory_bytes");
    json_object_set(process->result, "memory_bytes", json_object_get(process->end, "memory_bytes"));
    if (package)
        json_object_set(process->result, "package", package);
    if (error) {
        json_object_set_new(process->result, "ok", json_false());
        json_object_set(process->result, "error", error);
    }
}

/* True when the job came to its end, and was let. */
static bool is_usable(const struct build_process *process, const siginfo_t *watcher)
{
    const json_t *code = json_object_get(process->end, "code");
    bool watched = watcher->si_code == CLD_EXITED && watcher->si_status == 0;
    return process->result && process->verdict == VERDICT_NONE && watched && json_is_integer(code) &&
           json_integer_value(code) == 0;
}

static void free_event(struct event *event)
{
    if (event)
        event_free(event);
}

static void release(struct build_process *process)
{
    free_event(process->exited);
    free_event(process->output_ready);
    free_event(process->reply_ready);
    free_event(process->limit);
    close(process->child.pidfd);
    close(process->child.output);
    close(process->child.reply);
    strbuf_clear(&process->output);
    strbuf_clear(&process->line);
    json_decref(process->result);
    json_decref(process->lacks);
    json_decref(process->end);
    free(process);
}

static void on_exited(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct build_process *process = context;
    drain(process, process->child.reply, take_reply);
    drain(process, process->child.output, take_output);
    siginfo_t watcher = {0};
    if (waitid(P_PIDFD, (id_t)fd, &watcher, WEXITED | WNOHANG) < 0 || watcher.si_pid == 0)
        watcher = (siginfo_t){.si_code = CLD_KILLED, .si_status = SIGKILL};
    struct error err;
    bool usable = is_usable(process, &watcher);
    if (usable)
        complete_result(process);
    else
        describe_end(process, &watcher, &err);
    const struct build_process_end end = {.result = usable ? process->result : NULL,
                                          .lacks = process->lacks,
                                          .output = strbuf_text(&process->output),
                                          .err = usable ? NULL : &err};
    process->done(process->context, &end);
    release(process);
}

void build_process_destroy(struct build_process *process)
{
    if (!process)
        return;
    build_process_kill(process);
    waitid(P_PIDFD, (id_t)process->child.pidfd, &(siginfo_t){0}, WEXITED);
    release(process);
}

static int watch(struct build_process *process, struct event_base *base)
{
    const struct timeval limit = {.tv_sec = process->timeout_ms / 1000,
                                  .tv_usec = (suseconds_t)(process->timeout_ms % 1000) * 1000};
    process->exited = event_new(base, process->child.pidfd, EV_READ, on_exited, process);
    process->output_ready = event_new(base, process->child.output, EV_READ | EV_PERSIST, on_output, process);
    process->reply_ready = event_new(base, process->child.reply, EV_READ | EV_PERSIST, on_reply, process);
    process->limit = evtimer_new(base, on_limit, process);
    if (!process->exited || !process->output_ready || !process->reply_ready || !process->limit)
        return -1;
    bool failed = event_add(process->exited, NULL) < 0 || event_add(process->output_ready, NULL) < 0 ||
                  event_add(process->reply_ready, NULL) < 0 || event_add(process->limit, &limit) < 0;
    return failed ? -1 : 0;
}

int build_process_start(struct event_base *base, const char *program, const char *request,
                        unsigned timeout_ms, build_process_done_fn *done, void *context,
                        struct build_process **ret_process, struct error *err)
{
    struct build_spawn child;
    if (build_spawn(program, request, &child, err) < 0)
        return -1;
    struct build_process *process = xcalloc(1, sizeof(*process));
    *process =
        (struct build_process){.child = child, .timeout_ms = timeout_ms, .done = done, .context = context};
    strbuf_init(&process->output, BUILD_OUTPUT_MAX);
    strbuf_init(&process->line, BUILD_REPLY_MAX);
    if (watch(process, base) < 0) {
        build_process_destroy(process);
        return error_set(err, ERROR_JOB_START, "cannot watch the build job");
    }
    *ret_process = process;
    return 0;
}
