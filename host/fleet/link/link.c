#include "fleet/link/link.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>

void link_init(struct link *link, const struct link_kind *kind, struct event_base *base,
               const struct link_hooks *hooks, void *owner)
{
    *link = (struct link){
        .kind = kind, .base = base, .hooks = *hooks, .owner = owner, .user = (uid_t)-1, .first = -1};
}

const char *link_dir(const struct link *link)
{
    return link->kind->dir(link);
}

const char *link_variable(const struct link *link)
{
    return link->kind->variable;
}

int link_listen(struct link *link, struct error *err)
{
    return link->kind->listen(link, err);
}

/* --- the folder --- */

int link_make_dir(const char *path, struct error *err)
{
    if (fs_make_dirs(path, 0755, err) < 0)
        return -1;
    return chmod(path, 0755) < 0 ? error_errno(err, COMPONENT_FLEET, errno, "cannot set the mode of %s", path)
                                 : 0;
}

void link_remove_dir(const struct link *link, const char *path)
{
    struct error err;
    if (!link->stays && fs_remove_tree(path, &err) < 0)
        log_warning("link.directory-left", LOG_ERR(&err));
}

/* --- a server that is reached out to --- */

bool link_is_reached_out(const struct link *link)
{
    return link->kind->reach != NULL;
}

int link_reach(struct link *link, const char *address, pid_t process, struct error *err)
{
    link->process = process;
    return link->dropped ? 0 : link->kind->reach(link, address, err);
}

const struct slot_address *link_address(const struct link *link)
{
    return link->kind->address ? link->kind->address(link) : NULL;
}

const char *link_describe(const struct link *link, char *text, size_t size)
{
    *text = '\0';
    return link->kind->describe && !link->reached ? link->kind->describe(link, text, size) : NULL;
}

void link_reached(struct link *link)
{
    link->reached = true;
    link->hooks.reached(link->owner);
}

/* --- connections --- */

/* Whether the runner has closed this connection, on which it has nothing to say before it is asked. */
static bool is_over(int fd)
{
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || (errno != EAGAIN && errno != EINTR);
}

static void keep_first(struct link *link, int fd)
{
    link->first = fd;
    link_reached(link);
}

/* The first connection broke before there was a function, so the runner dialled again. */
static void replace_first(struct link *link, int fd)
{
    close(link->first);
    link->first = fd;
}

void link_connected(struct link *link, int fd)
{
    if (link->dropped)
        close(fd);
    else if (link->handed_over)
        link->hooks.connection(link->owner, fd);
    else if (!link->reached)
        keep_first(link, fd);
    else if (link->slots == 0 && !link->handshake && is_over(link->first))
        replace_first(link, fd);
    else if (link_count(link) < link->slots)
        link->more[link->more_count++] = fd;
    else
        close(fd);
}

int link_resume(struct link *link, const struct link_past *past, struct error *err)
{
    link->process = past->process;
    link->user = past->user;
    link->slots = past->slots;
    link->reached = link->handed_over = past->loaded;
    return link->kind->resume(link, past, err);
}

pid_t link_process(const struct link *link)
{
    return link->process;
}

uid_t link_user(const struct link *link)
{
    return link->user;
}

int link_listener(const struct link *link)
{
    return link->kind->listener ? link->kind->listener(link) : -1;
}

unsigned link_count(const struct link *link)
{
    return link->more_count - link->more_taken + (link->first >= 0);
}

int link_take(struct link *link)
{
    if (link->first >= 0)
        return steal_fd(&link->first);
    if (link->more_taken < link->more_count)
        return link->more[link->more_taken++];
    link->handed_over = true;
    return -1;
}

/* --- what goes over them --- */

static void on_prewarmed(void *owner, const struct error *err, const char *text)
{
    struct link *link = owner;
    link->handshake = NULL;
    link->hooks.prewarmed(link->owner, err, text);
}

void link_prewarm(struct link *link, const char *settings)
{
    link->handshake =
        handshake_start(link->base, link->first, HANDSHAKE_PREWARM, settings, on_prewarmed, link);
}

static void on_loaded(void *owner, const struct error *err, const char *text)
{
    struct link *link = owner;
    link->handshake = NULL;
    link->hooks.loaded(link->owner, err, text);
}

void link_load(struct link *link, const char *settings, unsigned slots)
{
    link->slots = slots;
    if (link->kind->load) {
        link->kind->load(link);
        return;
    }
    link->more = xcalloc(slots, sizeof(*link->more));
    link->handshake = handshake_start(link->base, link->first, HANDSHAKE_INIT, settings, on_loaded, link);
}

struct handshake *link_ask(const struct link *link, int fd, const char *settings, handshake_told_fn *told,
                           void *owner)
{
    return handshake_ask(link->base, fd, settings, told, owner);
}

/* --- the end --- */

void link_drop(struct link *link)
{
    link->dropped = true;
    if (link->kind->drop)
        link->kind->drop(link);
    handshake_cancel(steal(&link->handshake));
    for (int fd; (fd = link_take(link)) >= 0;)
        close(fd);
}

void link_clear(struct link *link)
{
    link_drop(link);
    free(link->more);
}

void link_leave(struct link *link)
{
    link->stays = true;
    link_close(link);
}

void link_close(struct link *link)
{
    if (link)
        link->kind->close(link);
}
