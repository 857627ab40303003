#include "base/error.h"

#include "base/alloc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 4, 0))) static void fill(struct error *err, enum error_component component,
                                                       enum error_code code, const char *format, va_list args)
{
    err->code = code;
    err->component = component;
    err->hint[0] = '\0';
    vsnprintf(err->message, sizeof(err->message), format, args);
}

int error_set(struct error *err, enum error_code code, const char *format, ...)
{
    if (!err)
        return -1;
    va_list args;
    va_start(args, format);
    fill(err, error_code_component(code), code, format, args);
    va_end(args);
    return -1;
}

int error_set_in(struct error *err, enum error_component component, enum error_code code, const char *format,
                 ...)
{
    if (!err)
        return -1;
    va_list args;
    va_start(args, format);
    fill(err, component, code, format, args);
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

/* Those that callers tell apart; everything else is a plain I/O error. */
static enum error_code errno_code(int errnum)
{
    switch (errnum) {
    case ENOENT:
        return ERROR_NOT_FOUND;
    case EACCES:
    case EPERM:
        return ERROR_PERMISSION;
    case EEXIST:
        return ERROR_EXISTS;
    case EADDRINUSE:
        return ERROR_ADDRESS_IN_USE;
    case ENOSPC:
        return ERROR_NO_SPACE;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return ERROR_OUT_OF_RESOURCES;
    default:
        return ERROR_IO;
    }
}

int error_errno(struct error *err, enum error_component component, int errnum, const char *format, ...)
{
    if (!err)
        return -1;
    va_list args;
    va_start(args, format);
    fill(err, component, errno_code(errnum), format, args);
    va_end(args);
    size_t length = strlen(err->message);
    snprintf(err->message + length, sizeof(err->message) - length, ": %s", strerror(errnum));
    return -1;
}

static struct kept_error *keep(enum error_code code, enum error_component component, const char *message,
                               const char *hint)
{
    size_t message_size = strlen(message) + 1, hint_size = strlen(hint) + 1;
    struct kept_error *kept = xmalloc(sizeof(*kept) + message_size + hint_size);
    kept->code = code;
    kept->component = component;
    kept->hint = memcpy(kept->message + message_size, hint, hint_size);
    memcpy(kept->message, message, message_size);
    return kept;
}

struct kept_error *error_keep(const struct error *err)
{
    return keep(err->code, err->component, err->message, err->hint);
}

struct kept_error *error_keep_again(const struct kept_error *kept)
{
    return kept ? keep(kept->code, kept->component, kept->message, kept->hint) : NULL;
}

void error_replace(struct kept_error **kept, const struct error *err)
{
    struct kept_error *former = *kept;
    *kept = err ? error_keep(err) : NULL;
    free(former);
}

void error_recall(const struct kept_error *kept, struct error *ret_err)
{
    ret_err->code = kept->code;
    ret_err->component = kept->component;
    snprintf(ret_err->message, sizeof(ret_err->message), "%s", kept->message);
    snprintf(ret_err->hint, sizeof(ret_err->hint), "%s", kept->hint);
}
