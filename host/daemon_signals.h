/* The signals by which a daemon is told what to do. Control thread. */
#ifndef DAEMON_SIGNALS_H
#define DAEMON_SIGNALS_H

#include "daemon_state.h"

void daemon_watch_signals(struct daemon *daemon);

/* Signals are for the control thread: threads made between SIG_BLOCK and SIG_UNBLOCK do not get them. */
void daemon_mask_signals(int how);

void daemon_forget_signals(struct daemon *daemon);

#endif
