#include "language.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *word;
    enum berth_severity severity;
} severities[] = {
    {"error: ", BERTH_SEVERITY_ERROR},
    {"warning: ", BERTH_SEVERITY_WARNING},
    {"note: ", BERTH_SEVERITY_NOTE},
};

/* The severity that `at` begins with: its index, or -1. */
static int severity_at(const char *at)
{
    for (size_t i = 0; i < sizeof(severities) / sizeof(severities[0]); i++)
        if (strncmp(at, severities[i].word, strlen(severities[i].word)) == 0)
            return (int)i;
    return -1;
}

/* Takes ":NUMBER" off the end of the text; 0: there is none. */
static unsigned take_number(char *text)
{
    char *colon = strrchr(text, ':');
    if (!colon || colon == text || colon[1] < '0' || colon[1] > '9')
        return 0;
    char *end;
    unsigned long number = strtoul(colon + 1, &end, 10);
    if (*end || number == 0 || number > INT32_MAX)
        return 0;
    *colon = '\0';
    return (unsigned)number;
}

/* "FILE:LINE:COLUMN", the latter two optional. */
static void take_place(char *place, struct finding *finding)
{
    unsigned last = take_number(place);
    unsigned first = last ? take_number(place) : 0;
    finding->file = *place ? place : NULL;
    finding->line = first ? first : last;
    finding->column = first ? last : 0;
}

bool finding_parse(char *line, struct finding *ret_finding)
{
    int severity = severity_at(line);
    char *word = line;
    for (char *next = line; severity < 0 && (next = strstr(next, ": ")) != NULL; next++) {
        word = next + 2;
        severity = severity_at(word);
    }
    if (severity < 0)
        return false;
    *ret_finding = (struct finding){.severity = severities[severity].severity,
                                    .message = word + strlen(severities[severity].word)};
    if (word > line) {
        word[-2] = '\0';
        take_place(line, ret_finding);
    }
    return true;
}

void finding_report(const struct language_job *about, struct finding *finding, char *hint)
{
    char message[1024];
    snprintf(message, sizeof(message), "%s", finding->message);
    text_clean(message);
    if (hint)
        text_clean(hint);
    const struct berth_diagnostic diagnostic = {
        .struct_size = sizeof(diagnostic),
        .severity = finding->severity,
        .file = finding->file,
        .line = finding->line,
        .column = finding->column,
        .message = message,
        .hint = hint,
    };
    if (about->host)
        about->host->report(about->job, &diagnostic);
}

void finding_add(const struct language_job *about, enum berth_severity severity, const char *file,
                 const char *hint, const char *format, ...)
{
    char message[1024], shown_hint[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    snprintf(shown_hint, sizeof(shown_hint), "%s", hint ? hint : "");
    struct finding finding = {.severity = severity, .file = file, .message = message};
    finding_report(about, &finding, hint ? shown_hint : NULL);
}

int language_fail(const struct language_job *about, const char *hint, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(about->err->message, sizeof(about->err->message), format, arguments);
    va_end(arguments);
    snprintf(about->err->hint, sizeof(about->err->hint), "%s", hint);
    text_clean(about->err->message);
    text_clean(about->err->hint);
    return -1;
}
