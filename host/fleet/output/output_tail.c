#include "fleet/output/output_tail.h"

#include "base/alloc.h"
#include "base/strbuf.h"

#include <stdlib.h>
#include <string.h>

void output_tail_add(struct output_tail *tail, const char *text, size_t length)
{
    char **line = &tail->lines[tail->count % OUTPUT_TAIL_LINES];
    free(*line);
    *line = xstrndup(text, length < OUTPUT_TAIL_WIDTH ? length : OUTPUT_TAIL_WIDTH);
    tail->count++;
}

void output_tail_clear(struct output_tail *tail)
{
    for (size_t i = 0; i < OUTPUT_TAIL_LINES; i++)
        free(tail->lines[i]);
    *tail = (struct output_tail){0};
}

char *output_tail_join(const struct output_tail *tail)
{
    if (tail->count == 0)
        return NULL;
    struct strbuf text;
    strbuf_init(&text, OUTPUT_TAIL_LINES * (OUTPUT_TAIL_WIDTH + 1));
    size_t first = tail->count > OUTPUT_TAIL_LINES ? tail->count - OUTPUT_TAIL_LINES : 0;
    for (size_t i = first; i < tail->count; i++) {
        strbuf_append_text(&text, tail->lines[i % OUTPUT_TAIL_LINES]);
        strbuf_append_text(&text, "\n");
    }
    return strbuf_steal(&text);
}

const char *output_tail_last(const struct output_tail *tail)
{
    for (size_t back = 1; back <= tail->count && back <= OUTPUT_TAIL_LINES; back++) {
        const char *line = tail->lines[(tail->count - back) % OUTPUT_TAIL_LINES];
        if (line[strspn(line, " \t\r")] != '\0')
            return line;
    }
    return NULL;
}
