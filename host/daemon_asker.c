#include "daemon_asker.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/queue.h"
#include "takeover/channel.h"
#include "takeover/server.h"

#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

static void asker_free(struct asker *asker)
{
    takeover_channel_destroy(asker->channel);
    if (asker->pidfd >= 0)
        close(asker->pidfd);
    free(asker);
}

void asker_drop(struct asker *asker)
{
    TAILQ_REMOVE(&asker->all->list, asker, link);
    asker_free(asker);
}

static void on_refused(void *context)
{
    asker_drop(context);
}

void asker_refuse(struct asker *asker, const struct error *why)
{
    log_warning("takeover.refused", LOG_INT("pid", asker->pid), LOG_ERR(why));
    takeover_channel_send(asker->channel, takeover_write_refusal(why), NULL, 0);
    takeover_channel_flush(asker->channel, on_refused, asker);
}

bool asker_signal(const struct asker *asker, int number)
{
    return asker->pidfd >= 0 && pidfd_send_signal(asker->pidfd, number, NULL, 0) == 0;
}

/* --- what they say --- */

static void on_message(void *context, const struct takeover_message *message, struct wire_message *wire)
{
    (void)wire;
    struct asker *asker = context;
    const struct asker_hooks *hooks = &asker->all->hooks;
    if (message->kind == TAKEOVER_ASK) {
        memcpy(asker->version, message->version, sizeof(asker->version));
        hooks->asked(hooks->context, asker, message->protocol);
    } else if (message->kind == TAKEOVER_SERVING) {
        hooks->serving(hooks->context, asker);
    }
}

static void on_closed(void *context, const struct error *why)
{
    struct asker *asker = context;
    const struct asker_hooks *hooks = &asker->all->hooks;
    if (why)
        log_warning("takeover.nonsense", LOG_INT("pid", asker->pid), LOG_ERR(why));
    hooks->gone(hooks->context, asker);
}

void askers_add(void *context, const struct takeover_peer *peer)
{
    struct askers *askers = context;
    struct asker *asker = xcalloc(1, sizeof(*asker));
    asker->all = askers;
    asker->pid = peer->pid;
    asker->pidfd = peer->pidfd;
    TAILQ_INSERT_TAIL(&askers->list, asker, link);
    asker->channel = takeover_channel_create(
        askers->base, peer->fd,
        &(struct takeover_hooks){.message = on_message, .closed = on_closed, .context = asker});
}

/* --- all of them --- */

void askers_init(struct askers *askers, struct event_base *base, const struct asker_hooks *hooks)
{
    askers->base = base;
    askers->hooks = *hooks;
    TAILQ_INIT(&askers->list);
}

void askers_clear(struct askers *askers)
{
    struct asker *asker;
    while ((asker = queue_take_first(&askers->list, link)))
        asker_free(asker);
}
