/* Which Node.js functions run on. */
#ifndef NODE_VERSION_H
#define NODE_VERSION_H

/* "18.20.4": that of this release of Debian, such as "bookworm"; NULL: of this machine's own, which runtime
 * images are made of. A text for good. */
const char *node_version(const char *base);

#endif
