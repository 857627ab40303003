#include "cli/registry_entry.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/strbuf.h"
#include "config/registry.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX     (4u << 20) /* as the registry's own */
#define FUNCTIONS    "usable-functions:"
#define ENTRY_INDENT 2

int registry_file_ensure(const char *path, bool *ret_made, struct error *err)
{
    static const char empty[] = FUNCTIONS "\n";
    *ret_made = !fs_exists(path);
    return !*ret_made ? 0 : fs_write_file(path, empty, strlen(empty), 0644, err);
}

static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');
    return end ? end + 1 : line + strlen(line);
}

static bool is_blank(const char *line)
{
    line += strspn(line, " \t\r");
    return *line == '\n' || *line == '#' || *line == '\0';
}

/* The line behind that of the key; NULL: there is none, or the value stands in the key's own line. */
static const char *find_block(const char *text)
{
    for (const char *line = text; *line; line = next_line(line)) {
        if (strncmp(line, FUNCTIONS, strlen(FUNCTIONS)) == 0)
            return is_blank(line + strlen(FUNCTIONS)) ? next_line(line) : NULL;
    }
    return NULL;
}

/* Where the block ends, less the blank lines and comments that end it, and how far its keys are indented. */
static const char *find_end(const char *block, size_t *ret_indent)
{
    const char *end = block;
    *ret_indent = 0;
    for (const char *line = block; *line; line = next_line(line)) {
        size_t indent = strspn(line, " ");
        if (is_blank(line))
            continue;
        if (indent == 0)
            break;
        if (*ret_indent == 0)
            *ret_indent = indent;
        end = next_line(line);
    }
    if (*ret_indent == 0)
        *ret_indent = ENTRY_INDENT;
    return end;
}

static void append_indented(struct strbuf *out, const char *entry, size_t indent)
{
    for (const char *line = entry; *line; line = next_line(line)) {
        strbuf_append_format(out, "%*s", (int)(indent - 1), "");
        strbuf_append(out, " ", 1);
        strbuf_append(out, line + ENTRY_INDENT, (size_t)(next_line(line) - line) - ENTRY_INDENT);
    }
}

static void measure(const char *text, size_t *ret_functions, size_t *ret_errors)
{
    struct registry *registry = registry_parse("registry", text, strlen(text), NULL, 0);
    *ret_functions = registry->function_count;
    *ret_errors = 0;
    for (size_t i = 0; i < registry->diagnostics.count; i++) {
        const struct diagnostic *item = &registry->diagnostics.items[i];
        *ret_errors += item->severity == SEVERITY_ERROR && !item->function;
    }
    registry_destroy(registry);
}

/* Whether it is read as what was there and one function more. */
static bool is_one_more(const char *before, const char *after)
{
    size_t functions_before, errors_before, functions, errors;
    measure(before, &functions_before, &errors_before);
    measure(after, &functions, &errors);
    return functions == functions_before + 1 && errors <= errors_before;
}

char *registry_entry_insert(const char *text, const char *entry)
{
    size_t indent;
    const char *block = find_block(text);
    if (!block)
        return NULL;
    const char *end = find_end(block, &indent);
    cleanup_strbuf struct strbuf after;
    strbuf_init(&after, FILE_MAX);
    strbuf_append(&after, text, (size_t)(end - text));
    if (end[-1] != '\n')
        strbuf_append_text(&after, "\n");
    append_indented(&after, entry, indent);
    strbuf_append_text(&after, end);
    return !after.overflowed && is_one_more(text, strbuf_text(&after)) ? strbuf_steal(&after) : NULL;
}

int registry_entry_add(const char *path, const char *entry, bool *ret_added, struct error *err)
{
    cleanup_free char *real = realpath(path, NULL), *before = NULL;
    struct stat status = {.st_mode = 0644};
    *ret_added = false;
    if (fs_read_file(path, FILE_MAX, &before, NULL, err) < 0)
        return -1;
    cleanup_free char *after = registry_entry_insert(before, entry);
    if (!after)
        return 0;
    stat(real ? real : path, &status);
    if (fs_write_file(real ? real : path, after, strlen(after), status.st_mode & 07777, err) < 0)
        return -1;
    *ret_added = true;
    return 0;
}
