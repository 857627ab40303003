/* Telling the service manager how the daemon is, when one asks for it (sd_notify(3): a datagram to
 * NOTIFY_SOCKET). */
#ifndef NOTIFY_H
#define NOTIFY_H

/* Sends a state such as "READY=1". Does nothing without a service manager. */
void notify_manager(const char *state);

#endif
