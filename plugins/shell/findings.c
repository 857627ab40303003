#include "findings.h"

#include <stdarg.h>
#include <stdio.h>

void findings_add(struct findings *findings, enum berth_severity severity, struct place place,
                  const char *hint, const char *format, ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    findings->errors += severity == BERTH_SEVERITY_ERROR;
    if (!findings->host)
        return;
    const struct berth_diagnostic diagnostic = {
        .struct_size = sizeof(diagnostic),
        .severity = severity,
        .file = place.file,
        .line = place.line,
        .column = place.column,
        .message = message,
        .hint = hint,
    };
    findings->host->report(findings->job, &diagnostic);
}
