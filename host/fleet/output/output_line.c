#include "fleet/output/output_line.h"

#include <string.h>

void output_line_parse(const char *text, size_t length, struct output_line *ret_line)
{
    *ret_line = (struct output_line){.text = text, .length = length};
    if (length == 0 || text[0] != OUTPUT_LINE_MARK)
        return;
    const char *end = memchr(text + 1, OUTPUT_LINE_MARK, length - 1);
    size_t size = end ? (size_t)(end - text) - 1 : 0;
    if (!end || size >= OUTPUT_LINE_ID_SIZE)
        return;
    memcpy(ret_line->request_id, text + 1, size);
    ret_line->text = end + 1;
    ret_line->length = length - size - 2;
}

bool output_line_take_end(struct output_line *line)
{
    if (line->length == 0 || line->text[line->length - 1] != OUTPUT_LINE_MARK)
        return false;
    line->length--;
    return true;
}
