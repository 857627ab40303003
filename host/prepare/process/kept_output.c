#include "prepare/process/kept_output.h"

#include "base/strbuf.h"

#include <string.h>

#define GAP_BYTES (64u << 10) /* left out at a time, at least */

void kept_output_init(struct kept_output *output)
{
    *output = (struct kept_output){0};
    strbuf_init(&output->text, KEPT_OUTPUT_MAX);
}

void kept_output_clear(struct kept_output *output)
{
    strbuf_clear(&output->text);
}

/* The end of the line in which `at` is. */
static size_t line_end(const struct strbuf *text, size_t at)
{
    const char *newline = memchr(text->data + at, '\n', text->length - at);
    return newline ? (size_t)(newline - text->data) + 1 : text->length;
}

/* Leaves out whole lines behind the beginning. */
static void make_room(struct kept_output *output)
{
    struct strbuf *text = &output->text;
    if (output->head_length == 0)
        output->head_length = line_end(text, KEPT_OUTPUT_HEAD);
    size_t from = output->head_length, to = line_end(text, from + GAP_BYTES);
    for (size_t at = from; at < to; at = line_end(text, at))
        output->left_out++;
    memmove(text->data + from, text->data + to, text->length - to + 1);
    text->length -= to - from;
}

void kept_output_add(struct kept_output *output, const char *line)
{
    size_t size = strlen(line);
    if (size > GAP_BYTES / 2)
        size = GAP_BYTES / 2;
    if (output->text.length + size + 1 > KEPT_OUTPUT_MAX)
        make_room(output);
    output->last = output->text.length;
    strbuf_append(&output->text, line, size);
    strbuf_append_text(&output->text, "\n");
}

const char *kept_output_last(const struct kept_output *output)
{
    return strbuf_text(&output->text) + output->last;
}

char *kept_output_text(const struct kept_output *output)
{
    const struct strbuf *kept = &output->text;
    if (kept->length == 0)
        return NULL;
    struct strbuf text;
    strbuf_init(&text, KEPT_OUTPUT_MAX + 100);
    strbuf_append(&text, kept->data, output->head_length);
    if (output->left_out > 0)
        strbuf_append_format(&text, "[... %zu lines are left out ...]\n", output->left_out);
    strbuf_append_text(&text, kept->data + output->head_length);
    return strbuf_steal(&text);
}
