#include "fleet/output_tail.h"

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

const char *output_tail_last(const struct output_tail *tail)
{
    for (size_t back = 1; back <= tail->count && back <= OUTPUT_TAIL_LINES; back++) {
        const char *line = tail->lines[(tail->count - back) % OUTPUT_TAIL_LINES];
        if (line[strspn(line, " \t\r")] != '\0')
            return line;
    }
    return NULL;
}
