/* What the daemon and all that it starts can do without: given up at the start, for good. */
#ifndef PRIVILEGES_H
#define PRIVILEGES_H

/* No new privileges for anybody, no capabilities but those that are used, and a place behind functions when
 * memory runs out. What this process may not do of that it leaves as it is. Before any other thread. */
void privileges_shed(void);

#endif
