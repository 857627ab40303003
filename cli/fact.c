#include "cli/fact.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LABEL_WIDTH 16
#define WIDTH_LEAST 40
#define WIDTH_MOST  100

void fact_part(const char *title)
{
    printf("\n%s%s%s\n", colour_begin(stdout, COLOUR_BOLD), title, colour_end(stdout));
}

static size_t room(void)
{
    unsigned width = screen_width(STDOUT_FILENO);
    if (width > WIDTH_MOST)
        width = WIDTH_MOST;
    return (width < WIDTH_LEAST ? WIDTH_LEAST : width) - LABEL_WIDTH - 2;
}

/* The bytes of the first line: up to the last blank that it can end at, or all that fits of a long word. */
static size_t first_line(const char *text, size_t width)
{
    size_t fits = (size_t)text_bytes(text, width), end = fits;
    if (!text[fits])
        return fits;
    while (end > 0 && text[end] != ' ')
        end--;
    return end > 0 ? end : fits;
}

static void print_lines(const char *label, const char *text)
{
    const size_t width = room();
    do {
        size_t length = first_line(text, width);
        cleanup_free char *line = xasprintf("%.*s", (int)length, text);
        printf("  %-*s", LABEL_WIDTH, label);
        say_text(stdout, line);
        putchar('\n');
        label = "";
        text += length;
        text += strspn(text, " ");
    } while (*text);
}

void fact_print(const char *label, const char *format, ...)
{
    va_list args;
    char *text;
    va_start(args, format);
    int length = vasprintf(&text, format, args);
    va_end(args);
    if (length < 0)
        return;
    print_lines(label, text);
    free(text);
}
