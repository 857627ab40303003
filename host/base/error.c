#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void __attribute__((format(printf, 4, 0)))
fill(struct error *err, const char *component, const char *reason, const char *format, va_list args)
{
    err->component = component;
    err->reason = reason;
    err->hint[0] = '\0';
    vsnprintf(err->message, sizeof(err->message), format, args);
}

int error_set(struct error *err, const char *component, const char *reason, const char *format, ...)
{
    if (!err)
        return -1;
    va_list args;
    va_start(args, format);
    fill(err, component, reason, format, args);
    va_end(args);
    return -1;
}

int error_hint(struct error *err, const char *format, ...)
{
    if (!err)
        return -1;
    va_list args;
    va_start(args, format);
    vsnprintf(err->hint, sizeof(err->hint), format, args);
    va_end(args);
    return -1;
}

int error_prefix(struct error *err, const char *format, ...)
{
    if (!err)
        return -1;
    char prefix[256];
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof(prefix), format, args);
    va_end(args);

    char old[sizeof(err->message)];
    memcpy(old, err->message, sizeof(old));
    /* A message too long for the prefix loses its end, not its beginning. */
    int room = (int)(sizeof(err->message) - strlen(prefix) - 3);
    snprintf(err->message, sizeof(err->message), "%s: %.*s", prefix, room, old);
    return -1;
}

/* The slug of an errno that callers tell apart; everything else is a plain I/O error. */
static const char *errno_reason(int errnum)
{
    switch (errnum) {
    case ENOENT:
        return "not-found";
    case EACCES:
    case EPERM:
        return "permission";
    case EEXIST:
        return "exists";
    case EADDRINUSE:
        return "address-in-use";
    case ENOSPC:
        return "no-space";
    default:
        return "io";
    }
}

int error_errno(struct error *err, const char *component, int errnum, const char *format, ...)
{
    if (!err)
        return -1;
    va_list args;
    va_start(args, format);
    fill(err, component, errno_reason(errnum), format, args);
    va_end(args);
    size_t length = strlen(err->message);
    snprintf(err->message + length, sizeof(err->message) - length, ": %s", strerror(errnum));
    return -1;
}
