/* A berthd of this test's own: its folders, its ports and its plugin folder are nobody else's. */
#ifndef PLUGIN_TEST_TRIAL_DAEMON_H
#define PLUGIN_TEST_TRIAL_DAEMON_H

#include "base/error.h"

#include <sys/types.h>

struct trial_daemon {
    pid_t pid; /* 0: none runs */
    int pidfd;
    char *gateway; /* ADDRESS:PORT where functions answer */
    char *admin; /* path of the management API's socket */
    char *log; /* path of what it has logged, as JSON */
};

/* Starts this program as a daemon on the registry and the plugins in `folder`, which it keeps its own files
 * in as well, and waits until it serves, for which images may have to be made. */
int trial_daemon_start(struct trial_daemon *daemon, const char *folder, struct error *err);

/* Has it end, with all of its containers, and waits for that. One of zeros is fine. */
void trial_daemon_stop(struct trial_daemon *daemon);

#endif
