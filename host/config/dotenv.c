#include "config/dotenv.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <ctype.h>
#include <string.h>

void dotenv_init(struct dotenv *file, const char *text, size_t size)
{
    bool has_mark = size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0;
    *file = (struct dotenv){.at = text, .end = text + size, .line_begin = text, .line = 1};
    if (has_mark)
        file->at += 3;
}

static bool is_at(const struct dotenv *file, char character)
{
    return file->at < file->end && *file->at == character;
}

static void skip_blanks(struct dotenv *file)
{
    while (is_at(file, ' ') || is_at(file, '\t') || is_at(file, '\r'))
        file->at++;
}

static void take_newline(struct dotenv *file)
{
    file->at++;
    file->line++;
    file->line_begin = file->at;
}

static void skip_line(struct dotenv *file)
{
    while (file->at < file->end && *file->at != '\n')
        file->at++;
    if (file->at < file->end)
        take_newline(file);
}

static struct position position_of(const struct dotenv *file)
{
    return (struct position){file->line, (unsigned)(file->at - file->line_begin) + 1};
}

/* Always true: there is an entry, though a bad one. */
static bool fail(struct dotenv *file, struct dotenv_entry *entry, const char *problem)
{
    entry->at = position_of(file);
    entry->problem = problem;
    free(steal(&entry->name));
    free(steal(&entry->value));
    skip_line(file);
    return true;
}

static char *take_name(struct dotenv *file)
{
    const char *begin = file->at;
    while (file->at < file->end && isascii(*file->at) &&
           (isalnum((unsigned char)*file->at) || *file->at == '_'))
        file->at++;
    return xstrndup(begin, (size_t)(file->at - begin));
}

/* The name, after "export" where that stands before it. */
static void read_name(struct dotenv *file, struct dotenv_entry *entry)
{
    entry->at = position_of(file);
    entry->name = take_name(file);
    if (strcmp(entry->name, "export") != 0 || !(is_at(file, ' ') || is_at(file, '\t')))
        return;
    skip_blanks(file);
    free(entry->name);
    entry->at = position_of(file);
    entry->name = take_name(file);
}

/* The character that stands behind a backslash, in double quotes; others keep the backslash. */
static size_t unescape(char character, char out[2])
{
    static const char from[] = "nrt\\\"$", to[] = "\n\r\t\\\"$";
    const char *found = character ? strchr(from, character) : NULL;
    if (found) {
        out[0] = to[found - from];
        return 1;
    }
    out[0] = '\\';
    out[1] = character;
    return 2;
}

/* What is between quotes, which may be several lines. NULL: there is no closing one. */
static char *read_quoted(struct dotenv *file)
{
    char quote = *file->at++, *value = xmalloc((size_t)(file->end - file->at) + 1);
    size_t length = 0;
    while (file->at < file->end && *file->at != quote) {
        if (quote == '"' && *file->at == '\\' && file->at + 1 < file->end && file->at[1] != '\n') {
            length += unescape(file->at[1], value + length);
            file->at += 2;
            continue;
        }
        value[length++] = *file->at;
        if (*file->at == '\n')
            take_newline(file);
        else
            file->at++;
    }
    value[length] = '\0';
    if (file->at < file->end) {
        file->at++;
        return value;
    }
    free(value);
    return NULL;
}

static char *read_plain(struct dotenv *file)
{
    const char *begin = file->at;
    while (file->at < file->end && *file->at != '\n') {
        bool is_comment =
            *file->at == '#' && (file->at == begin || file->at[-1] == ' ' || file->at[-1] == '\t');
        if (is_comment)
            break;
        file->at++;
    }
    const char *end = file->at;
    while (end > begin && strchr(" \t\r", end[-1]))
        end--;
    return xstrndup(begin, (size_t)(end - begin));
}

static bool read_entry(struct dotenv *file, struct dotenv_entry *entry)
{
    read_name(file, entry);
    struct position at = entry->at;
    if (!*entry->name || isdigit((unsigned char)*entry->name))
        return fail(file, entry, "this is no NAME=value");
    skip_blanks(file);
    if (!is_at(file, '='))
        return fail(file, entry, "there is no \"=\" behind the name");
    file->at++;
    skip_blanks(file);
    bool has_quotes = is_at(file, '\'') || is_at(file, '"');
    struct dotenv before = *file;
    entry->is_quoted = is_at(file, '\'');
    entry->value = has_quotes ? read_quoted(file) : read_plain(file);
    if (!entry->value) {
        *file = before;
        return fail(file, entry, "the quotes are not closed");
    }
    skip_blanks(file);
    if (file->at < file->end && *file->at != '\n' && *file->at != '#')
        return fail(file, entry, "something stands behind the closing quotes");
    skip_line(file);
    entry->at = at;
    return true;
}

bool dotenv_next(struct dotenv *file, struct dotenv_entry *ret_entry)
{
    *ret_entry = (struct dotenv_entry){0};
    for (;;) {
        skip_blanks(file);
        if (file->at == file->end)
            return false;
        if (*file->at != '\n' && *file->at != '#')
            return read_entry(file, ret_entry);
        skip_line(file);
    }
}
