#include "calls/calls.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/rfc3339.h"
#include "calls/acceptance.h"
#include "calls/call_counts.h"
#include "calls/call_plan.h"
#include "calls/callbacks.h"
#include "calls/calls_env.h"
#include "calls/deliveries.h"
#include "calls/desk_reply.h"
#include "calls/desk_server.h"
#include "calls/inquiry.h"
#include "calls/scheduler.h"
#include "calls/upkeep.h"
#include "outgoing/outgoing.h"
#include "store/call_store.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/* A turn goes on while more comes to be kept, but not for longer than so many passes of the loop. */
#define PASSES_MAX 8

/* What a turn waits for those who were answered last and may be about to send something: this part of the
 * time that the disk needed last, and no longer than that. */
#define GATHER_PART   4
#define GATHER_MAX_NS 2000000

struct calls {
    struct calls_env env;
    struct call_counts counts;
    char *door_path;
    struct mailbox inbox; /* of the calls thread */
    struct mailbox answers; /* of the control thread */
    struct event *inbox_event, *answers_event;
    struct desk_server *desk;
    struct deliveries *deliveries;
    struct scheduler *scheduler;
    struct upkeep *upkeep;
    struct mail stop_mail, end_mail;
    pthread_t thread;
    bool is_started, is_stopped, has_ended;
    atomic_bool is_at_rest; /* deliveries are paused, and none is under way */
    bool ends; /* of the calls thread, as what follows */
    struct event gather_timer;
    bool is_gathered;
    uint64_t sync_ns; /* how long the end of the last turn took that had to last */
};

/* --- what comes to the desk --- */

static int check_request(void *owner, const struct desk_request *request, uint64_t more, struct error *err)
{
    const struct calls *calls = owner;
    if (desk_request_ask(request)->kind != DESK_ACCEPT)
        return 0;
    return acceptance_check(&calls->env, request, more, err);
}

static void refuse_request(void *owner, struct desk_request *request, const struct error *err)
{
    (void)owner;
    desk_reply_error(request, err);
}

static void take_request(void *owner, struct desk_request *request)
{
    struct calls *calls = owner;
    if (desk_request_ask(request)->kind == DESK_ACCEPT)
        acceptance_begin(&calls->env, calls->deliveries, request);
    else
        inquiry_begin(&calls->env, calls->deliveries, request);
}

/* --- the thread --- */

static void on_gathered(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct calls *calls = context;
    calls->is_gathered = true;
}

/* What comes too late for this turn waits for all of the next one. */
static void await_others(struct calls *calls)
{
    uint64_t wait_ns = calls->sync_ns / GATHER_PART;
    if (wait_ns > GATHER_MAX_NS)
        wait_ns = GATHER_MAX_NS;
    calls->is_gathered = false;
    evtimer_add(&calls->gather_timer, &(struct timeval){.tv_usec = (suseconds_t)(wait_ns / 1000)});
    while (!calls->is_gathered && desk_server_idle(calls->desk) > 0)
        event_base_loop(calls->env.base, EVLOOP_ONCE);
    evtimer_del(&calls->gather_timer);
}

/* Several clients that wait for the same turn have sent what they send by then. */
static void gather(struct calls *calls, bool waits)
{
    const struct calls_env *env = &calls->env;
    unsigned steps = turn_steps(env->turn);
    event_base_loop(env->base, EVLOOP_ONCE | (waits ? 0 : EVLOOP_NONBLOCK));
    for (unsigned pass = 1; pass < PASSES_MAX && turn_steps(env->turn) > steps; pass++) {
        steps = turn_steps(env->turn);
        event_base_loop(env->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    }
    if (turn_lasts(env->turn))
        await_others(calls);
}

static void publish_sums(struct calls *calls)
{
    struct call_sums sums;
    call_store_sums(calls->env.store, &sums);
    call_counts_set_sums(&calls->counts, &sums);
}

static void end_turn(struct calls *calls)
{
    if (!turn_is_open(calls->env.turn))
        return;
    uint64_t began_ns = clock_ns();
    enum turn_commit commit = turn_end(calls->env.turn);
    if (commit == TURN_SYNCED)
        calls->sync_ns = clock_ns() - began_ns;
    if (commit != TURN_NOT_COMMITTED)
        call_count_add(&calls->counts,
                       commit == TURN_SYNCED ? CALL_COUNT_COMMITS_SYNCED : CALL_COUNT_COMMITS_OTHER, 1);
    publish_sums(calls);
}

/* What is under way waits again; what cannot be written down does so after the next start. */
static void wind_up(struct calls *calls)
{
    end_turn(calls);
    scheduler_stop(calls->scheduler);
    deliveries_stop(calls->deliveries);
    callbacks_stop(calls->env.callbacks);
    deliveries_break_off(calls->deliveries);
    while (turn_is_open(calls->env.turn))
        end_turn(calls);
}

static void *run(void *context)
{
    struct calls *calls = context;
    while (!calls->ends) {
        gather(calls, !deliveries_are_left(calls->deliveries) && !turn_is_open(calls->env.turn));
        scheduler_go_on(calls->scheduler);
        deliveries_fill(calls->deliveries);
        end_turn(calls);
        atomic_store(&calls->is_at_rest, deliveries_are_at_rest(calls->deliveries));
    }
    wind_up(calls);
    return NULL;
}

/* --- mail to the thread --- */

struct plan_mail {
    struct mail mail;
    struct call_plan *plan;
};

static void note_put(void *owner, const char *function)
{
    struct calls *calls = owner;
    deliveries_look(calls->deliveries, function);
}

static void deliver_plan(struct mail *mail, void *owner)
{
    struct calls *calls = owner;
    struct plan_mail *sent = container_of(mail, struct plan_mail, mail);
    call_plan_destroy(calls->env.plan);
    calls->env.plan = sent->plan;
    deliveries_plan_changed(calls->deliveries);
    scheduler_plan_changed(calls->scheduler);
    callbacks_plan_changed(calls->env.callbacks);
    free(sent);
}

struct pause_mail {
    struct mail mail;
    bool is_paused;
};

static void deliver_pause(struct mail *mail, void *owner)
{
    struct calls *calls = owner;
    struct pause_mail *sent = container_of(mail, struct pause_mail, mail);
    deliveries_pause(calls->deliveries, sent->is_paused);
    free(sent);
}

static void deliver_stop(struct mail *mail, void *owner)
{
    (void)mail;
    struct calls *calls = owner;
    scheduler_stop(calls->scheduler);
    deliveries_stop(calls->deliveries);
    callbacks_stop(calls->env.callbacks);
}

static void deliver_end(struct mail *mail, void *owner)
{
    (void)mail;
    struct calls *calls = owner;
    calls->ends = true;
}

static void deliver_answer(struct mail *mail, void *owner)
{
    (void)owner;
    struct calls_question *question = container_of(mail, struct calls_question, mail);
    cleanup_free struct kept_error *failure = question->failure;
    struct error err;
    if (failure)
        error_recall(failure, &err);
    question->done(question, failure ? &err : NULL);
}

static void send_answer(struct turn_step *step, const struct error *failure)
{
    struct calls_question *question = container_of(step, struct calls_question, step);
    if (failure)
        question->failure = error_keep(failure);
    question->mail.deliver = deliver_answer;
    mailbox_post(&question->calls->answers, &question->mail);
}

static int work_on(struct calls *calls, struct calls_question *question, struct error *err)
{
    struct call_store *store;
    bool durable = false;
    if (turn_enter(calls->env.turn, &store, err) < 0)
        return -1;
    if (question->work(question, store, &durable, err) < 0)
        return turn_fail(calls->env.turn, err);
    turn_must_last(calls->env.turn); /* what it has seen is on disk before it is told */
    if (durable)
        deliveries_look_all(calls->deliveries);
    return 0;
}

static void deliver_question(struct mail *mail, void *owner)
{
    struct calls *calls = owner;
    struct calls_question *question = container_of(mail, struct calls_question, mail);
    struct error err;
    if (work_on(calls, question, &err) < 0)
        send_answer(&question->step, &err);
    else
        turn_then(calls->env.turn, &question->step);
}

static void on_inbox(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct calls *calls = context;
    mailbox_deliver(&calls->inbox, calls);
}

static void on_answers(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct calls *calls = context;
    mailbox_deliver(&calls->answers, calls);
}

/* --- the control thread --- */

void calls_set_plan(struct calls *calls, struct call_plan *plan)
{
    struct plan_mail *mail = xcalloc(1, sizeof(*mail));
    mail->mail.deliver = deliver_plan;
    mail->plan = plan;
    mailbox_post(&calls->inbox, &mail->mail);
}

static void send_pause(struct calls *calls, bool is_paused)
{
    struct pause_mail *mail = xcalloc(1, sizeof(*mail));
    mail->mail.deliver = deliver_pause;
    mail->is_paused = is_paused;
    mailbox_post(&calls->inbox, &mail->mail);
}

void calls_pause(struct calls *calls)
{
    atomic_store(&calls->is_at_rest, false);
    send_pause(calls, true);
}

void calls_resume(struct calls *calls)
{
    send_pause(calls, false);
}

bool calls_are_at_rest(const struct calls *calls)
{
    return !calls || atomic_load(&calls->is_at_rest);
}

void calls_ask(struct calls *calls, struct calls_question *question)
{
    question->calls = calls;
    question->failure = NULL;
    question->step.done = send_answer;
    question->mail.deliver = deliver_question;
    mailbox_post(&calls->inbox, &question->mail);
}

int calls_cancel(struct calls *calls, struct call_record *record, struct error *err)
{
    return deliveries_cancel(calls->deliveries, record, err);
}

const struct call_counts *calls_counts(const struct calls *calls)
{
    return &calls->counts;
}

static int open_store(struct calls *calls, const char *state_dir, struct error *err)
{
    cleanup_free char *dir = xasprintf("%s/calls", state_dir);
    unsigned repeated = 0;
    if (call_store_open(dir, wall_clock_ms(), &calls->env.store, &repeated, err) < 0)
        return -1;
    if (repeated > 0)
        log_warning("call.repeated", LOG_INT("calls", repeated),
                    LOG_STR("why", "the daemon ended while they were running"));
    calls->env.room.dir = call_store_body_dir(calls->env.store);
    calls->env.turn = turn_create(calls->env.store);
    publish_sums(calls);
    return 0;
}

static int open_desk(struct calls *calls, const char *path, struct error *err)
{
    const struct desk_handler handler = {
        .check = check_request, .refused = refuse_request, .whole = take_request, .owner = calls};
    return desk_server_create(calls->env.base, path, &calls->env.room, &handler, &calls->desk, err);
}

static struct event *watch(struct event_base *base, struct mailbox *box, event_callback_fn on_mail,
                           struct calls *calls)
{
    struct event *event = event_new(base, box->fd, EV_READ | EV_PERSIST, on_mail, calls);
    event_add(event, NULL);
    return event;
}

static int open_mail(struct calls *calls, struct event_base *control, struct error *err)
{
    if (mailbox_init(&calls->inbox, err) < 0)
        return -1;
    calls->inbox_event = watch(calls->env.base, &calls->inbox, on_inbox, calls);
    if (mailbox_init(&calls->answers, err) < 0)
        return -1;
    calls->answers_event = watch(control, &calls->answers, on_answers, calls);
    return 0;
}

/* Turns wait for less than a millisecond. */
static struct event_base *make_base(void)
{
    struct event_config *config = event_config_new();
    event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static int open_parts(struct calls *calls, const struct calls_options *options, struct error *err)
{
    calls->env.base = make_base();
    evtimer_assign(&calls->gather_timer, calls->env.base, on_gathered, calls);
    if (open_store(calls, options->state_dir, err) < 0 || open_mail(calls, options->base, err) < 0 ||
        outgoing_create(calls->env.base, &calls->env.outgoing, err) < 0 ||
        open_desk(calls, options->desk_path, err) < 0)
        return -1;
    calls->deliveries = deliveries_create(&calls->env);
    calls->scheduler = scheduler_create(&calls->env, calls->deliveries);
    calls->env.callbacks = callbacks_create(&calls->env);
    calls->env.put = note_put;
    calls->env.owner = calls;
    calls->upkeep = upkeep_create(&calls->env);
    return 0;
}

int calls_create(const struct calls_options *options, struct calls **ret_calls, struct error *err)
{
    struct calls *calls = xcalloc(1, sizeof(*calls));
    calls->door_path = xstrdup(options->door_path);
    calls->stop_mail.deliver = deliver_stop;
    calls->end_mail.deliver = deliver_end;
    calls->env.door_path = calls->door_path;
    calls->env.max_waiting = options->max_waiting;
    calls->env.disk_bytes = options->disk_bytes;
    calls->env.counts = &calls->counts;
    for (size_t i = 0; i < options->callback_networks->count; i++)
        network_list_add(&calls->env.callback_networks, &options->callback_networks->items[i]);
    if (open_parts(calls, options, err) < 0) {
        calls_destroy(calls);
        return -1;
    }
    *ret_calls = calls;
    return 0;
}

int calls_start(struct calls *calls, struct error *err)
{
    int errnum = pthread_create(&calls->thread, NULL, run, calls);
    if (errnum != 0)
        return error_errno(err, COMPONENT_CALLS, errnum, "cannot start the calls thread");
    pthread_setname_np(calls->thread, "calls");
    calls->is_started = true;
    return 0;
}

void calls_stop(struct calls *calls)
{
    if (calls->is_stopped)
        return;
    calls->is_stopped = true;
    mailbox_post(&calls->inbox, &calls->stop_mail);
}

static void end_thread(struct calls *calls)
{
    if (!calls->is_started)
        return;
    mailbox_post(&calls->inbox, &calls->end_mail);
    pthread_join(calls->thread, NULL);
}

/* What was asked before there was a thread to answer is answered now. */
static void settle(struct calls *calls)
{
    mailbox_deliver(&calls->inbox, calls);
    wind_up(calls);
    mailbox_deliver(&calls->answers, calls);
}

static void close_mail(struct event *event, struct mailbox *box)
{
    if (!event)
        return;
    event_free(event);
    mailbox_clear(box);
}

void calls_end(struct calls *calls)
{
    if (!calls || calls->has_ended)
        return;
    end_thread(calls);
    if (calls->deliveries)
        settle(calls);
    calls->has_ended = true;
}

void calls_destroy(struct calls *calls)
{
    if (!calls)
        return;
    calls_end(calls);
    close_mail(calls->inbox_event, &calls->inbox);
    close_mail(calls->answers_event, &calls->answers);
    upkeep_destroy(calls->upkeep);
    scheduler_destroy(calls->scheduler);
    desk_server_destroy(calls->desk);
    deliveries_destroy(calls->deliveries);
    callbacks_destroy(calls->env.callbacks);
    outgoing_destroy(calls->env.outgoing);
    turn_destroy(calls->env.turn);
    call_store_close(calls->env.store);
    call_plan_destroy(calls->env.plan);
    network_list_clear(&calls->env.callback_networks);
    event_base_free(calls->env.base);
    free(calls->door_path);
    free(calls);
}
