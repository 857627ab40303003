/* In the place of fleet/engine/docker_engine.c: an engine that does what it is asked for with the played
 * containers, after a while, and fails at it as the weather is. */
#ifndef SIM_PLAYED_ENGINE_H
#define SIM_PLAYED_ENGINE_H

#include <stdbool.h>

void played_engine_begin(void);

/* It goes away, and ends every container or none; it comes back. */
void played_engine_go_away(bool ends_containers);
void played_engine_come_back(void);

/* It takes calls and answers none; it goes on. */
void played_engine_hang(void);
void played_engine_go_on(void);

/* The daemon that has used it was killed: what it had begun to do it may still do. */
void played_engine_forget_daemon(void);

/* How often it has refused to remove a container, since that was forgotten. */
unsigned played_engine_refused_removals(void);
void played_engine_forget_refusals(void);

/* Whether nothing is under way in it. */
bool played_engine_is_quiet(void);

#endif
