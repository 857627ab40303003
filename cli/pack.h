/* A function's folder as an archive, for a daemon that may be elsewhere. */
#ifndef CLI_PACK_H
#define CLI_PACK_H

#include "base/error.h"

/* Packs everything below `folder` but what no package takes (stray_file.h) as a tar archive, gzip, into a
 * file without a name. Links within the folder stay links; one that leads out of it is an error, and one that
 * leads nowhere is left out, as are sockets and the like. The caller closes *ret_fd, which is at its
 * beginning. */
int pack_folder(const char *folder, int *ret_fd, struct error *err);

#endif
