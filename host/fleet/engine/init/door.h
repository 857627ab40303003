/*
 * The door of a container: how its first process makes it and hands it to the host, which both must know. It
 * sends one byte, the number of the error that kept it from listening, and with a 0 the socket (SCM_RIGHTS).
 */
#ifndef FLEET_ENGINE_INIT_DOOR_H
#define FLEET_ENGINE_INIT_DOOR_H

#define DOOR_PORT     19080 /* of 127.0.0.1, in the container's network */
#define DOOR_PORT_STR "19080"

/* The URL that functions call others at. Where a container has this variable its first process makes a door.
 */
#define DOOR_VARIABLE "BERTH_GATEWAY"
#define DOOR_URL      "http://127.0.0.1:" DOOR_PORT_STR

/* The socket, in what an instance has of its own, that waits for the door. */
#define DOOR_SOCKET "door.sock"

/* Makes the door and hands it over by the socket beside the file `neighbour`. To be called before there is
 * anybody else in the container who could hand over something in its place: the host listens to this one call
 * only, and has the only descriptor of the door then. -1, said on standard error: the host could not be
 * reached. Only in the first process. */
int door_give(const char *neighbour);

#endif
