/*
 * Whose doing it was that an instance was lost or could not start: the one place that judges. It decides
 * whether a request is told at once or tried once more, and whether those who wait are told at once or wait
 * for the next try.
 *
 *   own      the function, its settings or what its plugin launches: it would happen again
 *   outside  somebody or something else: another try may well succeed
 *
 * The judgement is a property of the error's component and of its code's class, so whoever finds a cause
 * (autopsy.h, the engine's answers in docker/docker.h) only has to name it rightly. How a container's end
 * gets its code:
 *
 *   out-of-memory      the engine saw its limit reached                                       own
 *   container-killed   SIGKILL of its first process without that (no signal sent inside       outside
 *                      kills that one), or an end after somebody had the engine send a
 *                      signal, or while the engine restarts
 *   container-gone     the engine does not know it any more                                   outside
 *   container-exited   every other end: an exit, a crash, a start that failed, a runner that  own
 *                      was killed, which the first process tells apart: see init/
 *   runner-gone        the runner closed its connection, and the container goes on            own
 *   instance-removed   this host had no more time for it                                      outside
 *   docker-request     the engine refuses what it is asked for                                own
 *   others of docker   the engine could not tell                                              outside
 */
#ifndef FLEET_INSTANCE_FAULT_H
#define FLEET_INSTANCE_FAULT_H

#include "base/error.h"

#include <stdbool.h>

/* Whether an error with this component and code is the function's own doing. Any thread. */
bool fault_is_own(enum error_component component, enum error_code code);

/* Whether it is the engine's trouble, which passes by itself; NULL is none. Any thread. */
bool fault_is_passing(const struct kept_error *problem);

#endif
