#include "calls/callback_post.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/rfc3339.h"
#include "calls/call_head.h"
#include "calls/call_report.h"
#include "calls/callback_address.h"
#include "calls/retry.h"
#include "outgoing/outgoing.h"

#include <event2/event.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>

#include <event2/event_struct.h>

#define CONNECT_MS    10000
#define ANSWER_MS     30000 /* for all of it */
#define MIB_MS        1000 /* more, for each MiB of the result */
#define MIB           (1u << 20)
#define ANSWER_MAX    (64u << 10) /* bytes of the receiver's answer that are waited for */
#define HEAD_MAX      (128u << 10)
#define MESSAGE_MAX   512
#define SIGNED_A_TURN (256u << 10) /* bytes of a file, in one turn of the loop */

struct callback_post {
    struct callback_post_spec spec;
    struct outgoing_request *request; /* NULL: not begun, or ended */
    struct call_report report;
    struct strbuf head;
    int body_fd; /* -1: the body is in memory */
    struct event sign; /* the next part of the file */
    crypto_auth_hmacsha256_state signature;
    int status;
    uint64_t retry_after_ms, answer_size;
    char message[MESSAGE_MAX];
};

/* --- the answer --- */

static const char *refuse(void *owner, const struct ip_address *address)
{
    const struct callback_post *post = owner;
    return callback_address_refusal(address, post->spec.allowed);
}

static int on_head(void *owner, int status)
{
    struct callback_post *post = owner;
    const char *retry_after = outgoing_header(post->request, "Retry-After");
    post->status = status;
    post->retry_after_ms = retry_after ? retry_after_read(retry_after, wall_clock_ms()) : 0;
    return 0;
}

/* Nobody needs it, but receivers may take it amiss when it is not read. */
static int on_body(void *owner, const char *bytes, size_t size)
{
    (void)bytes;
    struct callback_post *post = owner;
    post->answer_size += size;
    return post->answer_size > ANSWER_MAX ? -1 : 0;
}

static int on_send(void *owner, char *buffer, size_t size, size_t *ret_length)
{
    const struct callback_post *post = owner;
    ssize_t length = read(post->body_fd, buffer, size);
    if (length < 0)
        return -1;
    *ret_length = (size_t)length;
    return 0;
}

/* --- the end --- */

__attribute__((format(printf, 3, 4))) static void
explain(struct callback_post *post, struct callback_result *result, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(post->message, sizeof(post->message), format, arguments);
    va_end(arguments);
    result->message = post->message;
}

static void judge_status(struct callback_post *post, struct callback_result *result)
{
    result->status = post->status;
    result->retry_after_ms = post->retry_after_ms;
    result->outcome = post->status / 100 == 2 ? CALLBACK_DELIVERED : CALLBACK_FAILED;
    if (result->outcome == CALLBACK_DELIVERED)
        return;
    bool is_redirect = post->status / 100 == 3;
    result->reason = is_redirect ? "redirect" : "status";
    explain(post, result, "The receiver answered with %d%s.", post->status,
            is_redirect ? ", and redirects are not followed" : "");
}

static void judge_failure(struct callback_post *post, const struct outgoing_end *end,
                          struct callback_result *result)
{
    bool is_refused = end->outcome == OUTGOING_FORBIDDEN, is_late = end->outcome == OUTGOING_TIMED_OUT;
    result->outcome = is_refused ? CALLBACK_REFUSED : CALLBACK_FAILED;
    result->reason = is_refused                             ? "address-refused"
                     : is_late                              ? "timeout"
                     : end->outcome == OUTGOING_UNREACHABLE ? "unreachable"
                                                            : "connection";
    explain(post, result, is_refused ? "The receiver's name leads to %s, where no callback goes." : "%s.",
            end->text);
}

static void on_done(void *owner, const struct outgoing_end *end)
{
    struct callback_post *post = owner;
    struct callback_result result = {0};
    bool is_answered = end->outcome == OUTGOING_ANSWERED ||
                       (end->outcome == OUTGOING_STOPPED && post->answer_size > ANSWER_MAX);
    post->request = NULL;
    if (is_answered)
        judge_status(post, &result);
    else
        judge_failure(post, end, &result);
    post->spec.ended(post->spec.owner, &result);
}

static const struct outgoing_callbacks callbacks = {
    .refuse = refuse, .head = on_head, .body = on_body, .done = on_done};
static const struct outgoing_callbacks sending = {
    .refuse = refuse, .head = on_head, .body = on_body, .send = on_send, .done = on_done};

/* --- the beginning --- */

static void start(struct callback_post *post)
{
    const struct call_body *body = &post->report.body;
    char **headers = call_head_split(strbuf_text(&post->head));
    struct outgoing_spec outgoing = {
        .method = "POST",
        .url = post->spec.record->callback_url,
        .headers = (const char *const *)headers,
        .exact = true,
        .connect_ms = CONNECT_MS,
        .timeout_ms = ANSWER_MS + (unsigned)(body->size / MIB) * MIB_MS,
        .callbacks = post->body_fd >= 0 ? &sending : &callbacks,
        .owner = post,
    };
    if (post->body_fd >= 0) {
        outgoing.send_size = body->size;
    } else {
        outgoing.body = body->bytes ? body->bytes : "";
        outgoing.body_size = body->size;
    }
    post->request = outgoing_start(post->spec.outgoing, &outgoing);
    texts_free(headers);
}

static void add_signature(struct callback_post *post)
{
    unsigned char digest[crypto_auth_hmacsha256_BYTES];
    char hex[2 * sizeof(digest) + 1];
    crypto_auth_hmacsha256_final(&post->signature, digest);
    sodium_memzero(&post->signature, sizeof(post->signature));
    sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
    strbuf_append_format(&post->head, "X-Berth-Signature: sha256=%s\r\nX-Hub-Signature-256: sha256=%s\r\n",
                         hex, hex);
}

static void fail_unreadable(struct callback_post *post)
{
    struct callback_result result = {.outcome = CALLBACK_FAILED, .reason = "result-unreadable"};
    explain(post, &result, "The result cannot be read.");
    post->spec.ended(post->spec.owner, &result);
}

/* After everything else that the loop has to do. */
static void sign_more(struct callback_post *post)
{
    static const struct timeval soon = {.tv_usec = 1000};
    event_add(&post->sign, &soon);
}

/* Of a file, part by part. */
static void on_sign(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct callback_post *post = arg;
    cleanup_free unsigned char *part = xmalloc(SIGNED_A_TURN);
    ssize_t length = read(post->body_fd, part, SIGNED_A_TURN);
    if (length < 0 || (length == 0 && lseek(post->body_fd, 0, SEEK_SET) < 0)) {
        fail_unreadable(post);
        return;
    }
    crypto_auth_hmacsha256_update(&post->signature, part, (size_t)length);
    if (length > 0) {
        sign_more(post);
        return;
    }
    add_signature(post);
    start(post);
}

static void sign_and_start(struct callback_post *post, const struct locked *key)
{
    const struct call_body *body = &post->report.body;
    crypto_auth_hmacsha256_init(&post->signature, (const unsigned char *)key->bytes, key->size);
    if (post->body_fd >= 0) {
        sign_more(post);
        return;
    }
    crypto_auth_hmacsha256_update(&post->signature, body->bytes, body->size);
    add_signature(post);
    start(post);
}

int callback_post_start(const struct callback_post_spec *spec, struct callback_post **ret_post,
                        struct error *err)
{
    struct call_ended end = call_ended_of(spec->record);
    int body_fd = -1;
    if (end.result.file && fs_open_plain(AT_FDCWD, end.result.file, 0, &body_fd, NULL, err) < 0)
        return -1;
    struct callback_post *post = xcalloc(1, sizeof(*post));
    post->spec = *spec;
    post->body_fd = body_fd;
    event_assign(&post->sign, spec->base, -1, 0, on_sign, post);
    call_report_make(&end, &post->report);
    strbuf_init(&post->head, HEAD_MAX);
    call_report_callback_head(&post->report, &end, &post->head);
    strbuf_append_text(&post->head, "User-Agent: Berth\r\n");
    if (spec->key)
        sign_and_start(post, spec->key);
    else
        start(post);
    *ret_post = post;
    return 0;
}

void callback_post_destroy(struct callback_post *post)
{
    if (!post)
        return;
    outgoing_cancel(post->request);
    event_del(&post->sign);
    if (post->body_fd >= 0)
        close(post->body_fd);
    sodium_memzero(&post->signature, sizeof(post->signature));
    call_report_clear(&post->report);
    strbuf_clear(&post->head);
    free(post);
}
