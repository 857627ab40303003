/*
 * Text for strangers. What an error says is written for who runs this host, and may name folders of it; who
 * calls a function from outside is told the same without them.
 */
#ifndef BASE_PUBLIC_TEXT_H
#define BASE_PUBLIC_TEXT_H

#include <stddef.h>

/* Says that `folder`, an absolute path, belongs to this host: `stand_in` is shown for it, or with NULL only
 * what stands below it. `folder` is copied, `stand_in` must be static. A path that is not absolute, or the
 * root, is ignored. Call before there are threads. */
void public_text_hide(const char *folder, const char *stand_in);

/* Writes `text` to `ret_text` of `size` bytes, at least 1, cut to them and ended by a NUL: folders that are
 * hidden as their stand-ins say, any other absolute path of several components as its last one, addresses
 * without the user and password in them, what is no UTF-8 as '?'. Paths below /bin, /dev and /usr/bin, the
 * same on every machine, and those of the daemon's own ports, /system and /async, stay. Any thread. */
void public_text(const char *text, char *ret_text, size_t size);

#endif
