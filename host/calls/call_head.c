#include "calls/call_head.h"

#include "base/alloc.h"

#include <string.h>
#include <strings.h>

char *call_head_find(const char *head, const char *name)
{
    size_t length = strlen(name);
    const char *end;
    for (const char *line = head; line && (end = strstr(line, "\r\n")); line = end + 2) {
        if (strncasecmp(line, name, length) != 0 || line[length] != ':')
            continue;
        const char *value = line + length + 1;
        value += strspn(value, " \t");
        return value < end ? xstrndup(value, (size_t)(end - value)) : xstrdup("");
    }
    return NULL;
}

static size_t count_lines(const char *head)
{
    size_t count = 0;
    for (const char *at = head; (at = strstr(at, "\r\n")); at += 2)
        count++;
    return count;
}

char **call_head_split(const char *head)
{
    char **lines = xcalloc(count_lines(head) + 1, sizeof(*lines));
    const char *end;
    for (size_t i = 0; (end = strstr(head, "\r\n")); i++) {
        lines[i] = xstrndup(head, (size_t)(end - head));
        head = end + 2;
    }
    return lines;
}
