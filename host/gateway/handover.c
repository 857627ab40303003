#include "gateway/handover.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/container_of.h"
#include "gateway/fail.h"
#include "gateway/worker.h"

#include <stdlib.h>
#include <unistd.h>

struct handover {
    struct mail mail;
    int fd;
    struct sockaddr_storage address;
    bool checked;
};

static void on_mail(struct mail *mail, void *owner)
{
    struct handover *handover = container_of(mail, struct handover, mail);
    struct worker *worker = container_of((struct loop *)owner, struct worker, loop);
    struct entrance *entrance = &worker->management[handover->checked];
    if (worker->loop.phase >= LOOP_DRAINING ||
        client_open(&worker->clients, handover->fd, &handover->address, entrance) != CLIENT_OPENED)
        close(handover->fd);
    free(handover);
}

void handover_post(struct worker *worker, int fd, const struct sockaddr_storage *address, bool checked)
{
    struct handover *handover = xcalloc(1, sizeof(*handover));
    *handover = (struct handover){.mail.deliver = on_mail, .fd = fd, .address = *address, .checked = checked};
    mailbox_post(&worker->loop.inbox, &handover->mail);
}

/* The caller frees it; NULL: there is no such header. */
static char *header_of(const struct exchange *exchange, enum http_header_id id)
{
    const struct http_header *header = http_head_find(&exchange->request, id);
    if (!header)
        return NULL;
    struct http_text value = http_head_value(&exchange->request, header);
    return xstrndup(value.data, value.length);
}

int handover_check(struct exchange *exchange)
{
    const struct gateway_hooks *hooks = exchange->all->hooks;
    struct error error;
    if (!exchange->client->entrance->is_checked || !hooks->check_browser)
        return 0;
    cleanup_free char *host = header_of(exchange, HTTP_HEADER_HOST);
    cleanup_free char *origin = header_of(exchange, HTTP_HEADER_ORIGIN);
    if (hooks->check_browser(host, origin, &error) == 0)
        return 0;
    exchange_fail(exchange, &error);
    return -1;
}
