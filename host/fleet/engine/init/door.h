/*
 * The door of a container: how its first process makes it and hands it to the host, which both must know. It
 * sends one byte, the number of the error that kept it from listening, and with a 0 the socket (SCM_RIGHTS).
 * The connection stays as a line by which the first process sees that the host has gone, and the door with
 * it: it makes another one for the next.
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

/* The name that its socket has until it listens: who sees it under its own can connect. */
#define DOOR_SOCKET_NEW "door.new"

/* Between two attempts to reach the next host, in milliseconds, where nothing tells that it is there. */
#define DOOR_RETRY_MS 100

/* Makes the door and hands it over by the socket beside the file `neighbour`. Returns the line, which the
 * caller closes. To be called before there is anybody else in the container who could hand over something in
 * its place: the host listens to this one call only, and has the only descriptor of the door then. -1, said
 * on standard error: the host could not be reached. Only in the first process. */
int door_give(const char *neighbour);

/* The same for the next host, which knows by its process who it is listening to. -1: nobody waits for it yet.
 * Does not wait. */
int door_give_again(const char *neighbour);

/* What becomes readable when the next host may be there: to be closed once it is, since there are few of
 * these for all containers together. -1: none is to be had. */
int door_watch(const char *neighbour);

#endif
