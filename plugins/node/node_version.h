/* Which Node.js functions run on. */
#ifndef NODE_VERSION_H
#define NODE_VERSION_H

/* "18.20.4": that of the Debian which runtime images are made of, this machine's own. A text for good. */
const char *node_version(void);

#endif
