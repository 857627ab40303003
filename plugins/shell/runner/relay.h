/*
 * One request, one run of the script: the body to its input, its output to the answer.
 *
 * The answer begins as soon as the first of these is true, and until then a failure of the script is a clean
 * 500:
 *   - the script has ended;
 *   - it has written RELAY_HOLD_MAX bytes;
 *   - RELAY_HOLD_MS have passed since its first output, and that is not in the middle of CGI headers.
 * From then on the output is streamed as it is written. A script that fails later cuts the answer off.
 */
#ifndef SHELL_RELAY_H
#define SHELL_RELAY_H

#include <berth/runner.h>

#define RELAY_HOLD_MAX 65536
#define RELAY_HOLD_MS  50
#define RELAY_TERM_MS  1000 /* from SIGTERM to SIGKILL, when the client has gone */

/* The `handle` of struct berth_runner. */
void relay_handle(void *function, struct berth_request *request);

#endif
