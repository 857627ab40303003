/*
 * The link of one instance whose runner dials: <run dir>/<instance>/host.sock, whose directory is mounted
 * read-only in the container. Control thread.
 *
 * It is there before the container is, as Docker mounts it, but listens only when the container is about to
 * be started: who dials earlier can be no runner of ours, and is refused by the kernel.
 *
 * Who may dial is the file system's decision. The directory above is closed to every other user of the
 * machine, and a container sees its own instance's directory only, so that its socket leads to it alone. What
 * the kernel tells of a peer (SO_PEERCRED) can add one thing: a container has one user and no way to become
 * another, so all connections of an instance come from the user that was first; others are closed. The rest
 * says nothing that can be relied on. The user's number is what the engine maps the container's to; the
 * process may be of another process id namespace, or have ended since. And who gets past the directories
 * without leave, root and the daemon's own user, may read the daemon's memory as well.
 */
#ifndef FLEET_LINK_DIAL_H
#define FLEET_LINK_DIAL_H

#include "fleet/engine/world.h"
#include "fleet/link/link.h"

#define DIAL_SOCKET   "host.sock" /* in the link's directory */
#define DIAL_VARIABLE "BERTH_SOCKET=" WORLD_RUN "/" DIAL_SOCKET /* what tells the runner of it */

/* Makes the directory `dir` and the socket in it, which refuses everybody yet. Only who has the same user as
 * the first connects. */
int dial_open(struct event_base *base, const char *dir, const struct link_hooks *hooks, void *owner,
              struct link **ret_link, struct error *err);

/* Makes the socket of a directory that an earlier daemon has made, in the place of that one's: its runner
 * dials at once, and waits to be accepted. The caller owns *ret_fd. */
int dial_listen(const char *dir, int *ret_fd, struct error *err);

/* The link of such a directory, of which `fd` listens already; it is taken over. link_resume() follows. */
struct link *dial_keep(struct event_base *base, const char *dir, int fd, const struct link_hooks *hooks,
                       void *owner);

#endif
