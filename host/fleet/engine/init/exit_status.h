/* What the first process of a container exits with, beside what a shell would: the runner's own status, or
 * 128 and the number of the signal that ended it. */
#ifndef FLEET_ENGINE_INIT_EXIT_STATUS_H
#define FLEET_ENGINE_INIT_EXIT_STATUS_H

#define INIT_CANNOT_RUN 126
#define INIT_NOT_FOUND  127

/* SIGKILL from inside. 128 + SIGKILL says that the first process itself was killed, which nothing inside of
 * the container can do; no signal has this number. */
#define INIT_RUNNER_KILLED 193

/* The same, and the container has come to its memory limit. The engine tells of that by an event of its own,
 * which may come after the container's end. */
#define INIT_OUT_OF_MEMORY 194

#endif
