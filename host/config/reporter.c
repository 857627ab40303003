#include "config/reporter.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <stdarg.h>
#include <string.h>

__attribute__((format(printf, 5, 0))) static void report(struct reporter *reporter, enum severity severity,
                                                         struct position at, const char *hint,
                                                         const char *format, va_list args)
{
    char *message = NULL;
    if (vasprintf(&message, format, args) < 0)
        message = xstrdup(format);
    struct diagnostic item = {
        .severity = severity,
        .function = (char *)reporter->function,
        .file = (char *)reporter->file,
        .line = at.line,
        .column = at.column,
        .message = message,
        .hint = (char *)hint,
    };
    diagnostics_add(reporter->diagnostics, &item);
    free(message);
}

void reporter_error(struct reporter *reporter, struct position at, const char *hint, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(reporter, SEVERITY_ERROR, at, hint, format, args);
    va_end(args);
    reporter->errors++;
}

void reporter_warning(struct reporter *reporter, struct position at, const char *hint, const char *format,
                      ...)
{
    va_list args;
    va_start(args, format);
    report(reporter, SEVERITY_WARNING, at, hint, format, args);
    va_end(args);
}

struct quoted quote(const char *word)
{
    enum { ROOM = sizeof(struct quoted) - sizeof("...") };
    struct quoted quoted;
    size_t length = strlen(word);
    bool cut = length > ROOM;
    if (cut) {
        length = ROOM;
        while (length > 0 && ((unsigned char)word[length] & 0xc0u) == 0x80u)
            length--;
    }
    for (size_t i = 0; i < length; i++) {
        bool control = (unsigned char)word[i] < 0x20 || word[i] == 0x7f;
        quoted.text[i] = control ? '?' : word[i];
    }
    memcpy(quoted.text + length, cut ? "..." : "", cut ? 4 : 1);
    return quoted;
}
