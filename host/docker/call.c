#include "docker/call.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/strbuf.h"

#include <stdlib.h>
#include <string.h>

#define PATH_MAX_BYTES (128u << 10) /* build arguments travel in the path */

void docker_call_arm_timer(struct docker_call *call)
{
    event_del(&call->timer);
    if (call->timeout_ms == 0)
        return;
    struct timeval after = {.tv_sec = call->timeout_ms / 1000, .tv_usec = call->timeout_ms % 1000 * 1000};
    event_add(&call->timer, &after);
}

static void on_time_out(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct docker_call *call = arg;
    struct error err;
    error_set(&err, ERROR_DOCKER_TIMEOUT, "cannot %s %s: no answer within %u ms", call->kind->verb,
              call->subject, call->timeout_ms);
    error_hint(&err, "see what keeps dockerd busy: docker info, journalctl -u docker");
    docker_call_end(call, &err);
}

struct docker_call *docker_call_create(struct docker *docker, const struct docker_kind *kind,
                                       const char *subject, void *owner)
{
    struct docker_call *call = xcalloc(1, sizeof(*call));
    call->docker = docker;
    call->kind = kind;
    call->owner = owner;
    call->subject = xstrdup(subject ? subject : "");
    call->timeout_ms = kind->unlimited ? 0 : DOCKER_TIMEOUT_MS;
    call->began_ms = clock_ms();
    strbuf_init(&call->path, PATH_MAX_BYTES);
    strbuf_init(&call->answer, DOCKER_ANSWER_MAX);
    event_assign(&call->timer, docker->base, -1, 0, on_time_out, call);
    return call;
}

void docker_call_move(struct docker_call *call, struct docker_calls *list)
{
    if (call->list)
        TAILQ_REMOVE(call->list, call, link);
    call->list = list;
    if (list)
        TAILQ_INSERT_TAIL(list, call, link);
}

int docker_call_refuse(struct docker_call *call, const struct error *err)
{
    if (!call->failed) {
        call->failure = *err;
        call->failed = true;
    }
    return -1;
}

void docker_call_renew(struct docker_call *call, const struct docker_kind *kind)
{
    call->kind = kind;
    call->began_ms = clock_ms();
    call->status = 0;
    call->stage = CALL_NEW;
    strbuf_reset(&call->answer);
}

void docker_call_free(struct docker_call *call)
{
    event_del(&call->timer);
    outgoing_cancel(call->request);
    docker_call_move(call, NULL);
    if (call->kind->clear)
        call->kind->clear(call);
    strbuf_clear(&call->path);
    strbuf_clear(&call->answer);
    free(call->body);
    if (call->header)
        explicit_bzero(call->header, strlen(call->header));
    free(call->header);
    free(call->subject);
    free(call);
}

static struct docker_count *find_count(struct docker *docker, const char *verb)
{
    for (size_t i = 0; i < docker->count; i++) {
        if (strcmp(docker->counts[i].verb, verb) == 0)
            return &docker->counts[i];
    }
    docker->counts = xgrow(docker->counts, docker->count, sizeof(*docker->counts));
    struct docker_count *added = &docker->counts[docker->count++];
    *added = (struct docker_count){.verb = verb};
    return added;
}

static void count_end(const struct docker_call *call, const struct error *err)
{
    struct docker_count *count = find_count(call->docker, call->kind->verb);
    count->calls++;
    count->failed += err != NULL;
    count->took_ms += clock_ms() - call->began_ms;
}

void docker_call_end(struct docker_call *call, const struct error *err)
{
    event_del(&call->timer);
    outgoing_cancel(steal(&call->request));
    docker_call_move(call, NULL);
    call->stage = CALL_ENDED;
    count_end(call, err);
    call->kind->finish(call, err);
    if (call->stage == CALL_ENDED)
        docker_call_free(call);
}

void docker_cancel(struct docker_call *call)
{
    if (!call)
        return;
    if (call->stage == CALL_ENDED || call->delivering) {
        call->cancelled = true; /* freed by who is on the stack */
        event_del(&call->timer);
    } else {
        docker_call_free(call);
    }
}

void docker_call_set_timeout(struct docker_call *call, unsigned timeout_ms)
{
    call->timeout_ms = timeout_ms;
    if (call->stage != CALL_ENDED)
        docker_call_arm_timer(call);
}

void docker_call_finish_plain(struct docker_call *call, const struct error *err)
{
    call->callback.done(call->owner, err);
}
