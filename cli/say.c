#include "cli/say.h"

#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define USUAL_WIDTH 100

static bool has_colours(FILE *stream)
{
    const char *no_color = getenv("NO_COLOR"); /* https://no-color.org: any value but an empty one */
    return !(no_color && *no_color) && isatty(fileno(stream));
}

const char *colour_begin(FILE *stream, enum colour colour)
{
    static const char *const sequences[] = {
        [COLOUR_NONE] = "",        [COLOUR_BOLD] = "\033[1m",   [COLOUR_DIM] = "\033[2m",
        [COLOUR_RED] = "\033[31m", [COLOUR_GREEN] = "\033[32m", [COLOUR_YELLOW] = "\033[33m",
    };
    return has_colours(stream) ? sequences[colour] : "";
}

const char *colour_end(FILE *stream)
{
    return has_colours(stream) ? "\033[0m" : "";
}

void say_wrong(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%sberth: ", colour_begin(stderr, COLOUR_RED));
    vfprintf(stderr, format, args);
    fprintf(stderr, "%s\n", colour_end(stderr));
    va_end(args);
}

void say_next(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("  ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

void say_text(FILE *stream, const char *text)
{
    for (; *text; text++)
        fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, stream);
}

void say_fact(const char *label, const char *text)
{
    if (!*text)
        return;
    printf("  %-10s", label);
    say_text(stdout, text);
    putchar('\n');
}

unsigned screen_width(int fd)
{
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : USUAL_WIDTH;
}

unsigned screen_height(int fd)
{
    struct winsize size;
    return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : UINT_MAX;
}

bool screen_is_utf8(void)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    if (locale == (locale_t)0)
        return false;
    const bool is_utf8 = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
    freelocale(locale);
    return is_utf8;
}

size_t text_width(const char *text)
{
    size_t width = 0;
    for (; *text; text++)
        width += (*text & 0xc0) != 0x80;
    return width;
}

int text_bytes(const char *text, size_t width)
{
    size_t bytes = 0;
    for (size_t seen = 0; text[bytes]; bytes++) {
        seen += (text[bytes] & 0xc0) != 0x80;
        if (seen > width)
            break;
    }
    return (int)bytes;
}
