/* What listens in a container, for who waits in vain for one of its ports. Any thread. */
#ifndef FLEET_LINK_LISTENERS_H
#define FLEET_LINK_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Ports and addresses that are listened on in the network of this process, such as "port 80, 127.0.0.1:3000";
 * as many as there is room for. False: none, or nobody can tell. */
bool listeners_of_process(pid_t process, char *text, size_t size);

#endif
