/*
 * The socket that the runner of one instance dials: <run dir>/<instance>/host.sock, whose directory is
 * mounted read-only in the container. Control thread.
 */
#ifndef FLEET_DIAL_H
#define FLEET_DIAL_H

#include "base/error.h"
#include "fleet/fleet_env.h"

struct dial;

/* A runner has connected. The callee owns the fd, which is non-blocking and close-on-exec. */
typedef void dial_accepted_fn(void *owner, int fd);

/* Makes the directory and listens. */
int dial_open(const struct fleet_env *env, const char *instance, dial_accepted_fn *accepted, void *owner,
              struct dial **ret_dial, struct error *err);

/* The directory to mount. Owned by the dial. */
const char *dial_dir(const struct dial *dial);

/* Stops listening and removes the directory. NULL is fine. */
void dial_close(struct dial *dial);

#endif
