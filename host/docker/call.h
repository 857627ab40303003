/*
 * Inside of the client: one call from its making to its end. For the files of this folder only.
 *
 *   new -> waiting (for the version) -> running -> ended -> freed
 *
 * A call that cannot be sent goes to the list `failed` and ends from the event loop. A call whose finish()
 * submits it again starts over.
 */
#ifndef DOCKER_CALL_H
#define DOCKER_CALL_H

#include "base/strbuf.h"
#include "docker/client.h"
#include "docker/container.h"
#include "docker/facts.h"
#include "docker/image.h"
#include "docker/network.h"
#include "docker/published.h"
#include "outgoing/outgoing.h"

#include <jansson.h>

enum docker_call_stage { CALL_NEW, CALL_WAITING, CALL_RUNNING, CALL_FAILED, CALL_ENDED };

/* What distinguishes one sort of call from another. */
struct docker_kind {
    const char *verb; /* for messages: "cannot <verb> <subject>: ..." */
    bool unversioned; /* sent before the version is known, without it in the path */
    bool unlimited; /* no time limit */

    /* Reports the end. `err` NULL: a 2xx or 304 whose body is in call->answer, or went to receive(). */
    void (*finish)(struct docker_call *call, const struct error *err);

    /* Takes the body of a good answer piece by piece; NULL: it is collected in call->answer. */
    int (*receive)(struct docker_call *call, const char *bytes, size_t size, struct error *err);

    /* Writes up to `size` bytes of the request's body; *ret_length 0 is its end. NULL: the body is
     * call->body. */
    int (*send)(struct docker_call *call, char *buffer, size_t size, size_t *ret_length, struct error *err);

    /* The head of a good answer is here; may be NULL. */
    void (*opened)(struct docker_call *call);

    /* Frees call->state; may be NULL. */
    void (*clear)(struct docker_call *call);
};

/* The caller's last callback; which one is valid depends on the kind. */
union docker_callback {
    docker_done_fn *done;
    docker_id_fn *id;
    docker_wait_fn *wait;
    docker_state_fn *state;
    docker_list_fn *list;
    docker_image_fn *image;
    docker_images_fn *images;
    docker_built_fn *built;
    docker_facts_fn *facts;
    docker_networks_fn *networks;
    docker_published_fn *published;
};

struct docker_call {
    struct docker *docker;
    const struct docker_kind *kind;
    enum docker_call_stage stage;
    bool cancelled; /* no callback any more, though the call still exists */
    TAILQ_ENTRY(docker_call) link;
    struct docker_calls *list; /* which holds `link`, or NULL */

    union docker_callback callback;
    void *owner;
    void *state; /* the kind's own */
    char *subject; /* what it is about, for messages */

    const char *method; /* static */
    struct strbuf path; /* without the version */
    char *body; /* JSON, or NULL */
    char *header; /* one more, "Name: value", which is wiped; or NULL */
    struct outgoing_request *request; /* while running */
    bool delivering; /* a callback of the kind is on the stack: not to be ended or freed now */
    struct event timer;
    unsigned timeout_ms;
    uint64_t began_ms;

    long status;
    struct strbuf answer;
    char offered_version[16]; /* header Api-Version, of unversioned calls */
    struct error failure; /* valid when `failed`: found on this side */
    bool failed;
};

/* Whether what has come is a good answer. */
static inline bool docker_call_is_good(const struct docker_call *call)
{
    return (call->status >= 200 && call->status < 300) || call->status == 304;
}

/* A new call that is not sent yet. `subject` may be NULL. */
struct docker_call *docker_call_create(struct docker *docker, const struct docker_kind *kind,
                                       const char *subject, void *owner);

/* Sets method and path: `before`, then `name` percent-encoded (all but unreserved characters and those of
 * `keep`), then `after`. */
void docker_call_request(struct docker_call *call, const char *method, const char *before, const char *name,
                         const char *keep, const char *after);

/* Adds one parameter to the path, percent-encoded. */
void docker_call_query(struct docker_call *call, const char *name, const char *value);

/* The same with the value as compact JSON; takes over the reference. NULL is a mistake of the caller's
 * arguments and refuses the call. */
void docker_call_query_json(struct docker_call *call, const char *name, json_t *value);

/* Adds a parameter that is a Unix time. */
void docker_call_query_time(struct docker_call *call, const char *name, int64_t time_ns);

/* Sets the request's body; takes over the reference. NULL refuses the call. */
void docker_call_set_body(struct docker_call *call, json_t *body);

/* Adds the parameter `filters` with the given labels ("name", "name=value", ended by NULL) and, when it is
 * not NULL, the object type. */
void docker_call_query_labels(struct docker_call *call, const char *const *labels, const char *type);

/* Notes that the call must fail: kept is the first error. Always returns -1. */
int docker_call_refuse(struct docker_call *call, const struct error *err);

/* Starts the time limit anew. */
void docker_call_arm_timer(struct docker_call *call);

/* Only from finish(): makes it a call of another kind that is submitted anew. */
void docker_call_renew(struct docker_call *call, const struct docker_kind *kind);

/* Ends a call: finish(), then freed unless that submitted it again. Not while it is delivering. */
void docker_call_end(struct docker_call *call, const struct error *err);

/* Unlinks, stops and frees, without callbacks. Not while it is delivering. */
void docker_call_free(struct docker_call *call);

/* Puts a call at the end of a list, out of the one it was in; NULL: into none. */
void docker_call_move(struct docker_call *call, struct docker_calls *list);

/* finish() of calls that answer nothing. */
void docker_call_finish_plain(struct docker_call *call, const struct error *err);

/* transfer.c: sends a call, which ends from the event loop. */
void docker_transfer_start(struct docker_call *call);

/* submit.c: sends the call, now or when that is possible, and returns it. */
struct docker_call *docker_call_submit(struct docker_call *call);

/* failure.c: the error of a transfer that brought no answer, and of an answer of 4xx, 5xx or another status
 * that is not success. */
void docker_failure_transfer(const struct docker_call *call, const struct outgoing_end *end,
                             struct error *err);
void docker_failure_status(const struct docker_call *call, struct error *err);

/* "docker-answer", with what was wrong about it. Always returns -1. */
int docker_failure_answer(const struct docker_call *call, struct error *err, const char *what);

#endif
