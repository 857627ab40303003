#include "dockerfile.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WORD_SHOWN 40

static const char *const instructions[] = {
    "ADD",   "ARG",        "CMD",     "COPY", "ENTRYPOINT", "ENV",        "EXPOSE", "FROM",   "HEALTHCHECK",
    "LABEL", "MAINTAINER", "ONBUILD", "RUN",  "SHELL",      "STOPSIGNAL", "USER",   "VOLUME", "WORKDIR"};

/* A line without its end; the last may have none. */
struct line {
    const char *at, *end;
    unsigned number;
};

struct reader {
    const char *next, *end;
    unsigned line; /* of what was read last */
    char escape;
    struct dockerfile *file;
};

static bool next_line(struct reader *reader, struct line *ret_line)
{
    if (reader->next >= reader->end)
        return false;
    const char *end = memchr(reader->next, '\n', (size_t)(reader->end - reader->next));
    const char *stop = end ? end : reader->end;
    *ret_line = (struct line){reader->next, stop, ++reader->line};
    if (ret_line->end > ret_line->at && ret_line->end[-1] == '\r')
        ret_line->end--;
    reader->next = end ? end + 1 : reader->end;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && is_blank(*at))
        at++;
    return at;
}

static const char *word_end(const char *at, const char *end)
{
    while (at < end && !is_blank(*at))
        at++;
    return at;
}

/* An escape character at the end of the line, unless it is escaped itself: the instruction goes on in the
 * next. */
static bool goes_on(const struct reader *reader, const struct line *line)
{
    const char *end = line->end;
    while (end > line->at && is_blank(end[-1]))
        end--;
    return end > line->at && end[-1] == reader->escape && (end - 1 == line->at || end[-2] != reader->escape);
}

static bool is_empty_or_comment(const struct line *line)
{
    const char *at = skip_blanks(line->at, line->end);
    return at == line->end || *at == '#';
}

__attribute__((format(printf, 5, 6))) static void complain(struct reader *reader, const struct line *line,
                                                           const char *at, const char *hint,
                                                           const char *format, ...)
{
    struct dockerfile *file = reader->file;
    if (file->problem[0])
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(file->problem, sizeof(file->problem), format, arguments);
    va_end(arguments);
    file->line = line->number;
    file->column = (unsigned)(at - line->at) + 1;
    file->hint = hint;
}

/* "# escape=`". False: the line is no directive, and none follows. */
static bool read_directive(struct reader *reader, const struct line *line)
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
    bool is_escape = length == strlen("escape") && strncasecmp(name, "escape", length) == 0;
    if (is_escape && at < line->end && (*at == '`' || *at == '\\'))
        reader->escape = *at;
    return true;
}

static bool is_instruction(const char *word, size_t length, const char *name)
{
    return strlen(name) == length && strncasecmp(word, name, length) == 0;
}

static const char *find_instruction(const char *word, size_t length)
{
    for (size_t i = 0; i < sizeof(instructions) / sizeof(*instructions); i++) {
        if (is_instruction(word, length, instructions[i]))
            return instructions[i];
    }
    return NULL;
}

/* One word of EXPOSE: 80, 80/tcp, or something else. */
static void note_port(struct dockerfile *file, const char *word, size_t length)
{
    unsigned long port = 0;
    size_t i = 0;
    while (i < length && isdigit((unsigned char)word[i]) && port <= 65535)
        port = port * 10 + (unsigned long)(word[i++] - '0');
    bool is_udp = length - i == 4 && strncasecmp(word + i, "/udp", 4) == 0;
    bool is_tcp = i == length || (length - i == 4 && strncasecmp(word + i, "/tcp", 4) == 0);
    if (i > 0 && is_udp)
        return;
    if (i > 0 && is_tcp && port >= 1 && port <= 65535 && file->port_count < DOCKERFILE_PORTS_MAX)
        file->ports[file->port_count++] = (unsigned)port;
    else
        file->port_is_unclear = true;
}

static void note_ports(struct reader *reader, const struct line *line, const char *at)
{
    const char *end = line->end;
    reader->file->port_line = line->number;
    if (goes_on(reader, line))
        reader->file->port_is_unclear = true;
    while ((at = skip_blanks(at, end)) < end) {
        const char *stop = word_end(at, end);
        note_port(reader->file, at, (size_t)(stop - at));
        at = stop;
    }
}

/* The first line of an instruction. */
static void read_instruction(struct reader *reader, const struct line *line)
{
    const char *at = skip_blanks(line->at, line->end);
    const char *end = word_end(at, line->end);
    const char *name = find_instruction(at, (size_t)(end - at));
    const char *rest = skip_blanks(end, line->end);
    if (!name) {
        int shown = end - at > WORD_SHOWN ? WORD_SHOWN : (int)(end - at);
        complain(reader, line, at, "an instruction is one of FROM, RUN, COPY, CMD and the like",
                 "\"%.*s\" is no instruction of a Dockerfile", shown, at);
        return;
    }
    if (rest == line->end)
        complain(reader, line, at, NULL, "%s has nothing behind it", name);
    if (strcmp(name, "FROM") == 0)
        reader->file->has_from = true;
    else if (!reader->file->has_from && strcmp(name, "ARG") != 0)
        complain(reader, line, at, "begin with FROM and the image that yours stands on",
                 "%s stands before the first FROM", name);
    if (strcmp(name, "EXPOSE") == 0)
        note_ports(reader, line, rest);
}

static void check_text(struct reader *reader, const char *text, size_t size)
{
    const struct line first = {text, text + size, 1};
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        reader->next += 3;
    if (memchr(text, '\0', size))
        complain(reader, &first, text, NULL, "the Dockerfile is no text: it has a NUL in it");
}

void dockerfile_read(const char *text, size_t size, struct dockerfile *ret_file)
{
    *ret_file = (struct dockerfile){0};
    struct reader reader = {.next = text, .end = text + size, .escape = '\\', .file = ret_file};
    struct line line;
    bool continues = false, in_directives = true;
    check_text(&reader, text, size);
    while (next_line(&reader, &line)) {
        in_directives = in_directives && read_directive(&reader, &line);
        if (is_empty_or_comment(&line))
            continue; /* also between the lines of one instruction */
        if (!continues)
            read_instruction(&reader, &line);
        continues = goes_on(&reader, &line);
    }
    if (!ret_file->has_from && !ret_file->problem[0]) {
        snprintf(ret_file->problem, sizeof(ret_file->problem), "the Dockerfile has no FROM");
        ret_file->hint = "begin with FROM and the image that yours stands on";
    }
}
