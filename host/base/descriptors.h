/*
 * Descriptors that somebody else has opened for this process, each with a name: the service manager
 * (sd_listen_fds(3)), which may have kept them from an earlier daemon, or the daemon that this one follows.
 * Who has use for one takes it; nobody else may. Control thread.
 */
#ifndef BASE_DESCRIPTORS_H
#define BASE_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* Of those that a Berth has named. Other names are whatever the socket's unit says. */
#define DESCRIPTOR_OWN_PREFIX "berth-"
#define DESCRIPTOR_FUNCTIONS  DESCRIPTOR_OWN_PREFIX "functions" /* listens for the functions' clients */
#define DESCRIPTOR_ADMIN      DESCRIPTOR_OWN_PREFIX "admin" /* listens for those of the management API */
#define DESCRIPTOR_LOCAL      DESCRIPTOR_OWN_PREFIX "local" /* the same, at its unix socket */

#define DESCRIPTOR_STATE_LOCK DESCRIPTOR_OWN_PREFIX "state-lock" /* of the daemon before, and held */
#define DESCRIPTOR_RUN_LOCK   DESCRIPTOR_OWN_PREFIX "run-lock"

struct descriptors;

struct descriptors *descriptors_create(void);

/* Closes those that nobody has taken. NULL is fine. */
void descriptors_destroy(struct descriptors *descriptors);

/* `fd` belongs to them from now on, is not for programs that are executed and does not block. */
void descriptors_add(struct descriptors *descriptors, const char *name, int fd);

/* Adds those that the service manager has passed, which this process and its children are asked for once. */
void descriptors_add_from_manager(struct descriptors *descriptors);

/* Takes the first of that name, which is the caller's then. -1: there is none, as of NULL. */
int descriptors_take(struct descriptors *descriptors, const char *name);

/* Takes the first stream socket that listens at `address` and either has that name or none of Berth's. Port 0
 * of an address is any port, where the name is that one. -1: there is none, as of NULL. */
int descriptors_take_listener(struct descriptors *descriptors, const char *name,
                              const struct sockaddr *address, socklen_t size);

/* Calls `see` for each that is left. */
void descriptors_each(const struct descriptors *descriptors, void (*see)(const char *name, int fd));

#endif
