/*
 * What a container is given, read from the very request by which Docker makes it, so that nothing of it can
 * be forgotten here: what this cannot put into words it names. Pure; any thread.
 *
 *     image, user                null: the image's own
 *     network                    the engine's name of it, "none" for nothing but its own loopback
 *     capabilities               names; null: those that the engine gives to everybody
 *     may_gain_privileges        by programs with the set-user-id bit, say
 *     seccomp                    "own": a profile that is in the request; "engine": its usual one
 *     runtime                    the engine's name; null: its usual one
 *     users_are_hosts            an engine that remaps users leaves it out of that
 *     root_read_only
 *     mounts                     [{"at", "holds", "source", "read_only"}], folders and files of this host;
 * what each holds: "code", "dependencies", "secrets", "environment", "link", "init", "users" or "volume"
 *     in_memory                  [{"at", "size_bytes"}], folders that are empty at the start
 *     memory_bytes, swap_bytes, cpus, pids, shm_bytes, core_bytes, oom_score_adj    null: no limit
 *     environment                names of variables that the engine is told
 *     engine_log                 "none": the engine keeps nothing of its output
 *     others                     members of the request that say more than all this
 */
#ifndef FLEET_ENGINE_CONTAINER_GRANTS_H
#define FLEET_ENGINE_CONTAINER_GRANTS_H

#include <jansson.h>

/* `request` is what docker_container_request() gives. NULL for NULL. The caller owns it. */
json_t *container_grants(const json_t *request);

#endif
