/*
 * Structured log: one event a line, on standard error. As text
 *
 *     2024-05-01T09:30:00.123Z info instance.ready function=hello instance=a1b2 ms=7
 *
 * or as one JSON object a line. The event is a dotted lower-case name; fields are key and value. A text may
 * hold any bytes: those that are not UTF-8 are written as '?', so a line always is. Safe from any thread;
 * lines never mix.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };
enum log_purpose {
    LOG_CHANGE, /* something has become of something: observers are shown it */
    LOG_TRAFFIC, /* something has passed: a request, a line of output. There may be thousands a second */
};
enum log_format { LOG_TEXT, LOG_JSON };

enum log_kind { LOG_KIND_END = 0, LOG_KIND_STRING, LOG_KIND_BYTES, LOG_KIND_INTEGER, LOG_KIND_DECIMAL };

struct log_field {
    const char *key;
    enum log_kind kind;
    union {
        const char *string; /* NULL: the field is left out */
        int64_t integer;
        double decimal;
    };
    size_t size; /* of `string`, with LOG_KIND_BYTES */
};

#define LOG_STR(k, v) ((struct log_field){.key = (k), .kind = LOG_KIND_STRING, .string = (v)})
#define LOG_BYTES(k, v, n)                                                                                   \
    ((struct log_field){.key = (k), .kind = LOG_KIND_BYTES, .string = (v), .size = (n)})
#define LOG_INT(k, v) ((struct log_field){.key = (k), .kind = LOG_KIND_INTEGER, .integer = (int64_t)(v)})
#define LOG_DEC(k, v) ((struct log_field){.key = (k), .kind = LOG_KIND_DECIMAL, .decimal = (v)})

/* Sets what is written from now on. Call before there are threads. */
void log_configure(enum log_level level, enum log_format format);

/* Gets an event, as its fields and as the object that it is in JSON: on the thread that logs it. All of it is
 * borrowed, and what it does may log nothing. */
typedef void log_observe_fn(const char *event, const struct log_field *fields, const char *json,
                            void *context);

/* Has an observer shown every event of level info or above, whichever levels are written; NULL: nobody. Call
 * while there are no other threads that log. */
void log_observe(log_observe_fn *observe, void *context);

/* True when lines of this level are written; spares building costly fields. */
bool log_enabled(enum log_level level);

/* "debug", "info", "warning" or "error" to its level, case-sensitively; -1 for anything else. */
int log_level_parse(const char *name, enum log_level *ret_level);

/* The longest text, of whatever bytes, that a line has room for beside the usual fields. */
#define LOG_TEXT_MAX (64u << 10)

/* Writes one line; how many bytes it has, 0 when lines of this level are not written. `fields` ends with a
 * field of kind LOG_KIND_END. errno is kept. */
size_t log_write(enum log_level level, enum log_purpose purpose, const char *event,
                 const struct log_field *fields);

#define LOG_FIELDS(...)                ((const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){.kind = LOG_KIND_END}})
#define log_event(level, event, ...)   log_write(level, LOG_CHANGE, event, LOG_FIELDS(__VA_ARGS__))
#define log_traffic(level, event, ...) log_write(level, LOG_TRAFFIC, event, LOG_FIELDS(__VA_ARGS__))
#define log_debug(event, ...)          log_event(LOG_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...)           log_event(LOG_INFO, event, __VA_ARGS__)
#define log_warning(event, ...)        log_event(LOG_WARNING, event, __VA_ARGS__)
#define log_error(event, ...)          log_event(LOG_ERROR, event, __VA_ARGS__)

/* The fields of an error, for use among the others: log_warning("x", LOG_STR("function", f), LOG_ERR(&err)).
 */
#define LOG_ERR(err)                                                                                         \
    LOG_STR("component", error_component_name((err)->component)),                                            \
        LOG_STR("reason", error_code_slug((err)->code)), LOG_STR("error", (err)->message),                   \
        LOG_STR("hint", (err)->hint[0] ? (err)->hint : NULL)

#endif
