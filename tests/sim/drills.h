/*
 * When all is right and nobody asks for anything: one thing is done, or goes wrong, and what it needs has to
 * come about by itself, since nothing else happens that would bring it about as well.
 */
#ifndef SIM_DRILLS_H
#define SIM_DRILLS_H

#include "turns.h"

#define PATIENCE_MS 600000 /* for what must come in the end */

/* Whether every request has ended. */
until_fn drills_have_answers;

/* Two requests for each function, which are served. */
void drills_probe(void);

/* All drills; everything is idle before and after. */
void drills_run(void);

#endif
