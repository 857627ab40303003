/* Lookups by name or number: <uthash.h>, whose memory is that of base/alloc.h. */
#ifndef BASE_TABLE_H
#define BASE_TABLE_H

#include "base/alloc.h"

#define uthash_malloc(size)   xmalloc(size)
#define uthash_fatal(message) alloc_failed()

#include <uthash.h>

#endif
