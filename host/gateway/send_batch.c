#include "gateway/send_batch.h"

#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

int send_batch_init(struct send_batch *batch)
{
    int code = io_uring_queue_init(SEND_BATCH_MAX, &batch->ring, 0);
    batch->is_open = code == 0;
    return code;
}

void send_batch_clear(struct send_batch *batch)
{
    if (batch->is_open)
        io_uring_queue_exit(&batch->ring);
    batch->is_open = false;
}

bool send_batch_add(struct send_batch *batch, int fd, struct http_text bytes, void *context)
{
    struct io_uring_sqe *entry = batch->is_open ? io_uring_get_sqe(&batch->ring) : NULL;
    if (!entry)
        return false;
    io_uring_prep_send(entry, fd, bytes.data, bytes.length, MSG_NOSIGNAL | MSG_DONTWAIT);
    io_uring_sqe_set_data(entry, context);
    return true;
}

/* Results are there when the submission returns, because no send waits; should one be late, this waits for
 * it. */
static void tell_results(struct send_batch *batch, unsigned count, send_batch_sent *sent)
{
    while (count > 0) {
        struct io_uring_cqe *result;
        if (io_uring_wait_cqe(&batch->ring, &result) < 0)
            continue; /* a signal */
        void *context = io_uring_cqe_get_data(result);
        int size = result->res;
        io_uring_cqe_seen(&batch->ring, result);
        sent(context, size);
        count--;
    }
}

void send_batch_submit(struct send_batch *batch, send_batch_sent *sent)
{
    while (batch->is_open && io_uring_sq_ready(&batch->ring) > 0) {
        int taken = io_uring_submit(&batch->ring);
        if (taken > 0) {
            tell_results(batch, (unsigned)taken, sent);
        } else if (taken != -EINTR) {
            log_warning("gateway.batch-failed", LOG_STR("error", strerror(-taken)),
                        LOG_STR("hint", "Messages are sent one by one from now on."));
            send_batch_clear(batch);
        }
    }
}
