/*
 * The output of an installation or an image build, kept for whoever looks for the cause of its failure: all
 * of it up to KEPT_OUTPUT_MAX bytes, and of more than that the beginning and the end.
 */
#ifndef PREPARE_PROCESS_KEPT_OUTPUT_H
#define PREPARE_PROCESS_KEPT_OUTPUT_H

#include "base/strbuf.h"

#include <stddef.h>

#define KEPT_OUTPUT_MAX  (256u << 10)
#define KEPT_OUTPUT_HEAD (64u << 10) /* of the beginning, once not all can be kept */

struct kept_output {
    struct strbuf text;
    size_t head_length; /* 0: nothing was left out */
    size_t left_out; /* lines */
    size_t last; /* where the last line begins */
};

void kept_output_init(struct kept_output *output);
void kept_output_clear(struct kept_output *output);

/* Adds a line, without its newline. */
void kept_output_add(struct kept_output *output, const char *line);

/* The newest line with its newline, "" when there is none. Valid until the next call. */
const char *kept_output_last(const struct kept_output *output);

/* All that is kept; NULL when there was nothing. The caller frees it. */
char *kept_output_text(const struct kept_output *output);

#endif
