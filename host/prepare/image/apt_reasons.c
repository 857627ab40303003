#include "prepare/image/apt_reasons.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "config/registry.h"

#include <stdbool.h>
#include <string.h>

#define REASON_MARK "E: " /* how apt begins it */
#define BLOCK_MARK                                                                                           \
    " : Depends: " /* what a package needs and cannot get: " NAME : Depends: OTHER but ..."                  \
                    */

/* The bytes that a package's name may have: it does not end where one follows. */
static bool is_name_byte(char byte)
{
    return byte != '\0' && strchr("abcdefghijklmnopqrstuvwxyz0123456789+-.", byte);
}

/* Whether the name, without a version, stands in the line by itself. A point may end a sentence. */
static bool names(const char *line, const char *word)
{
    size_t length = strcspn(word, "=");
    cleanup_free char *name = xstrndup(word, length);
    for (const char *found = line; (found = strstr(found, name)); found++) {
        const char *end = found + length;
        bool ends = !is_name_byte(*end) || (*end == '.' && !is_name_byte(end[1]));
        if (ends && (found == line || !is_name_byte(found[-1])))
            return true;
    }
    return false;
}

static void add(struct diagnostics *findings, const char *message, const char *package)
{
    cleanup_free char *option = xasprintf(SYSTEM_PACKAGE_OPTION "%.*s", (int)strcspn(package, "="), package);
    const struct diagnostic item = {.severity = SEVERITY_ERROR, .message = (char *)message, .option = option};
    diagnostics_add(findings, &item);
}

static bool is_reason(const char *line)
{
    return strncmp(line, REASON_MARK, strlen(REASON_MARK)) == 0 || strstr(line, BLOCK_MARK);
}

static void add_named(const char *line, const struct package_list *packages, struct diagnostics *findings)
{
    for (size_t i = 0; i < packages->count; i++) {
        if (!names(line, packages->items[i].text))
            continue;
        cleanup_free char *message = xasprintf("apt-get: %s", line + strspn(line, " "));
        add(findings, message, packages->items[i].text);
        return;
    }
}

void apt_reasons_find(const char *output, const struct package_list *packages, const char *otherwise,
                      struct diagnostics *ret_findings)
{
    size_t before = ret_findings->count;
    for (const char *line = output; line && *line;) {
        size_t length = strcspn(line, "\n");
        cleanup_free char *copy = xstrndup(line, length);
        if (is_reason(copy))
            add_named(copy, packages, ret_findings);
        line += length + (line[length] == '\n');
    }
    if (ret_findings->count == before)
        add(ret_findings, otherwise, "");
}
