/* A line of output as a terminal would show it in the end. */
#ifndef PREPARE_PROCESS_SHOWN_LINE_H
#define PREPARE_PROCESS_SHOWN_LINE_H

#include <stddef.h>

/* Without what a later part of the line overwrites (a progress bar), without colours and other sequences for
 * terminals, and without passwords (base/redact.h). Ends at a NUL. The caller frees it. */
char *shown_line(const char *text, size_t length);

#endif
