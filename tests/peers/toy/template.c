#include "template.h"

#include <string.h>

static const char *const names[TOY_PARTS] = {
    [TOY_METHOD] = "{method}", [TOY_PATH] = "{path}", [TOY_QUERY] = "{query}", [TOY_BODY] = "{body}"};

static struct toy_step take_brace(const char *at, size_t *position)
{
    if (at[1] == '{') {
        *position += 2;
        return (struct toy_step){.kind = TOY_TEXT, .at = at, .length = 1};
    }
    for (int part = 0; part < TOY_PARTS; part++) {
        size_t length = strlen(names[part]);
        if (strncmp(at, names[part], length) == 0) {
            *position += length;
            return (struct toy_step){.kind = TOY_REQUEST_PART, .part = (enum toy_part)part};
        }
    }
    *position += 1;
    return (struct toy_step){.kind = TOY_MISTAKE, .at = at, .length = strcspn(at, "}\n")};
}

struct toy_step toy_next(const char *program, size_t *position)
{
    while (program[*position] == '#' && (*position == 0 || program[*position - 1] == '\n')) {
        *position += strcspn(program + *position, "\n");
        *position += program[*position] == '\n';
    }
    const char *at = program + *position;
    if (*at == '\0')
        return (struct toy_step){.kind = TOY_END};
    if (*at == '{')
        return take_brace(at, position);
    size_t length = strcspn(at, "{\n");
    length += at[length] == '\n';
    *position += length;
    return (struct toy_step){.kind = TOY_TEXT, .at = at, .length = length};
}
