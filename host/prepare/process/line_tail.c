#include "prepare/process/line_tail.h"

#include <stdio.h>
#include <string.h>

void line_tail_add(struct line_tail *tail, const char *line)
{
    line += strspn(line, " \t\r");
    if (!*line)
        return;
    snprintf(tail->lines[tail->count++ % LINE_TAIL_LINES], LINE_TAIL_BYTES, "%s", line);
}

const char *line_tail_text(const struct line_tail *tail, char ret_text[LINE_TAIL_TEXT])
{
    size_t first = tail->count > LINE_TAIL_LINES ? tail->count - LINE_TAIL_LINES : 0;
    size_t used = 0;
    snprintf(ret_text, LINE_TAIL_TEXT, "no output");
    for (size_t i = first; i < tail->count; i++) {
        int size = snprintf(ret_text + used, LINE_TAIL_TEXT - used, "%s%s", i > first ? " / " : "",
                            tail->lines[i % LINE_TAIL_LINES]);
        used += size > 0 ? (size_t)size : 0;
    }
    return ret_text;
}
