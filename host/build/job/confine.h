/* What keeps a build job's process small: it dies with its parent, leaves no core, yields to the daemon, and
 * cannot take all memory or fill the disk. */
#ifndef BUILD_JOB_CONFINE_H
#define BUILD_JOB_CONFINE_H

/* Applies all of it. Best effort: what the system refuses is left out. */
void confine(void);

#endif
