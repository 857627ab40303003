#include "prepare/image/dockerfile_place.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ESCAPE_DIRECTIVE "escape"

/* How the engine begins, in one of its versions' spellings. */
#define PARSE_MARK "ockerfile parse error "
#define LINE_MARK  "line "

struct line {
    const char *at, *end; /* without its end and the escape character there */
    unsigned number;
    bool goes_on; /* in the next line */
};

struct reader {
    const char *next, *end;
    unsigned line; /* of what was read last */
    char escape;
};

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    return at;
}

static const char *before_blanks(const char *at, const char *end)
{
    while (end > at && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return end;
}

/* The escape character itself, escaped, does not continue a line. */
static void cut_escape(const struct reader *reader, struct line *line)
{
    const char *end = before_blanks(line->at, line->end);
    line->goes_on =
        end > line->at && end[-1] == reader->escape && (end - 1 == line->at || end[-2] != reader->escape);
    if (line->goes_on)
        line->end = end - 1;
}

static bool next_line(struct reader *reader, struct line *ret_line)
{
    if (reader->next >= reader->end)
        return false;
    const char *end = memchr(reader->next, '\n', (size_t)(reader->end - reader->next));
    const char *stop = end ? end : reader->end;
    *ret_line = (struct line){reader->next, stop, ++reader->line, false};
    if (ret_line->end > ret_line->at && ret_line->end[-1] == '\r')
        ret_line->end--;
    reader->next = end ? end + 1 : reader->end;
    return true;
}

/* "# escape=`". False: the line is no directive, and none follows. */
static bool take_directive(struct reader *reader, const struct line *line)
{
    const char *at = skip_blanks(line->at, line->end);
    if (at == line->end || *at != '#')
        return false;
    at = skip_blanks(at + 1, line->end);
    const char *name = at;
    while (at < line->end && isalnum((unsigned char)*at))
        at++;
    size_t length = (size_t)(at - name);
    at = skip_blanks(at, line->end);
    if (length == 0 || at == line->end || *at != '=')
        return false;
    at = skip_blanks(at + 1, line->end);
    bool is_escape = length == strlen(ESCAPE_DIRECTIVE) && strncasecmp(name, ESCAPE_DIRECTIVE, length) == 0;
    if (is_escape && at < line->end && (*at == '`' || *at == '\\'))
        reader->escape = *at;
    return true;
}

static void reader_init(struct reader *reader, const char *text, size_t size)
{
    static const char mark[] = "\xef\xbb\xbf";
    bool is_marked = size >= strlen(mark) && memcmp(text, mark, strlen(mark)) == 0;
    *reader =
        (struct reader){.next = is_marked ? text + strlen(mark) : text, .end = text + size, .escape = '\\'};
    struct reader ahead = *reader;
    struct line line;
    while (next_line(&ahead, &line) && take_directive(reader, &line)) {
    }
}

static void note_place(const struct line *line, const char *at, struct dockerfile_place *ret_place)
{
    int length = 0;
    while (at + length < line->end && length < (int)sizeof(ret_place->instruction) - 1 &&
           isalpha((unsigned char)at[length]))
        length++;
    ret_place->line = line->number;
    ret_place->column = (unsigned)(at - line->at) + 1;
    snprintf(ret_place->instruction, sizeof(ret_place->instruction), "%.*s", length, at);
}

/* Reads one to its end. Empty lines and comments may stand before it and within. */
static bool next_instruction(struct reader *reader, struct dockerfile_place *ret_place)
{
    struct line line;
    bool has_begun = false;
    while (next_line(reader, &line)) {
        const char *at = skip_blanks(line.at, line.end);
        if (at == line.end || *at == '#')
            continue;
        cut_escape(reader, &line);
        if (!has_begun && at < line.end) {
            note_place(&line, at, ret_place);
            has_begun = true;
        }
        if (has_begun && !line.goes_on)
            return true;
    }
    return has_begun;
}

bool dockerfile_place_of_step(const char *text, size_t size, unsigned step,
                              struct dockerfile_place *ret_place)
{
    struct reader reader;
    struct dockerfile_place place;
    reader_init(&reader, text, size);
    for (unsigned i = 1; next_instruction(&reader, &place); i++) {
        if (i == step) {
            *ret_place = place;
            return true;
        }
    }
    return false;
}

bool dockerfile_place_of_line(const char *text, size_t size, unsigned line,
                              struct dockerfile_place *ret_place)
{
    struct reader reader;
    struct dockerfile_place place;
    reader_init(&reader, text, size);
    while (next_instruction(&reader, &place)) {
        if (line <= reader.line) {
            *ret_place = place;
            return true;
        }
    }
    return false;
}

unsigned dockerfile_place_named(const char *message, const char **ret_reason)
{
    const char *mark = strstr(message, PARSE_MARK);
    const char *number = mark ? strstr(mark, LINE_MARK) : NULL;
    char *end;
    if (!number || !isdigit((unsigned char)number[strlen(LINE_MARK)]))
        return 0;
    unsigned long line = strtoul(number + strlen(LINE_MARK), &end, 10);
    if (strncmp(end, ": ", 2) != 0 || line > UINT_MAX)
        return 0;
    *ret_reason = end + 2;
    return (unsigned)line;
}
