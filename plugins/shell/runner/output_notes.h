/*
 * What a script's output was taken for, in the function's log: once for headers, and once for a body that
 * looks like headers at first. Nobody has to guess why a header has become text.
 */
#ifndef SHELL_OUTPUT_NOTES_H
#define SHELL_OUTPUT_NOTES_H

#include "cgi_output.h"
#include "function.h"

/* From any thread. `verdict`: what the output of `function` is answered as, with the `head` that goes with
 * it. */
void note_output(const struct function *function, enum cgi_verdict verdict, const struct cgi_head *head);

#endif
