/* What man pages are written in. Any thread. */
#ifndef BASE_ROFF_H
#define BASE_ROFF_H

/* Prints text to standard output so that it is shown as it is, whatever is in it; it begins a line. */
void roff_print(const char *text);

/* The same and the end of the line. */
void roff_print_line(const char *text);

#endif
