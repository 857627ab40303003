#include "prepare/process/cause_line.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool contains_any(const char *line, const char *const *words)
{
    for (; *words; words++) {
        if (strstr(line, *words))
            return true;
    }
    return false;
}

static bool begins_with_any(const char *line, const char *const *words)
{
    for (; *words; words++) {
        if (strncasecmp(line, *words, strlen(*words)) == 0)
            return true;
    }
    return false;
}

static int kind_of(const char *line)
{
    static const char *const compilers[] = {": error: ", ": fatal error: ", NULL};
    static const char *const begins[] = {"error:", "error[", "E: ", "fatal:", "npm ERR!", "npm error", NULL};
    if (contains_any(line, compilers))
        return CAUSE_COMPILER;
    return begins_with_any(line, begins) ? CAUSE_ERROR : CAUSE_NONE;
}

bool cause_line_add(struct cause_line *cause, const char *line)
{
    const size_t mark = strlen(CAUSE_LINE_MARK);
    bool named = strncmp(line, CAUSE_LINE_MARK, mark) == 0;
    line += named ? mark : strspn(line, " \t");
    int kind = named ? CAUSE_NAMED : kind_of(line);
    if (kind > (int)cause->kind || named) {
        cause->kind = kind;
        snprintf(cause->text, sizeof(cause->text), "%s", line);
    }
    return named;
}

const char *cause_line_text(const struct cause_line *cause)
{
    return cause->kind == CAUSE_NONE ? NULL : cause->text;
}
