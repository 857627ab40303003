/* Telling the service manager how the daemon is, when one asks for it (sd_notify(3): a datagram to
 * NOTIFY_SOCKET). */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <stdbool.h>
#include <stddef.h>

bool notify_manager_is_there(void);

/* Sends a state such as "READY=1". Does nothing without a service manager. */
void notify_manager(const char *state);

/* Has the service manager keep open descriptors under a name, FDNAME of sd_notify(3), until it is told to
 * forget that name: the next start is given them. */
void notify_manager_keep(const char *name, const int *fds, size_t count);
void notify_manager_forget(const char *name);

#endif
