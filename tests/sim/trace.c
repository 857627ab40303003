#include "trace.h"

#include "base/log.h"
#include "sim.h"
#include "virtual_time.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HASH_BEGIN UINT64_C(0xcbf29ce484222325)
#define HASH_PRIME UINT64_C(0x100000001b3)
#define LINE_MAX   4096

static uint64_t hash = HASH_BEGIN;
static trace_observe_fn *observer;

static void add(const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * HASH_PRIME;
}

static void add_line(const char *kind, const char *text)
{
    char head[48];
    snprintf(head, sizeof(head), "%10" PRIu64 " %s ", virtual_time_ms(), kind);
    add(head);
    add(text);
    if (sim.trace)
        printf("%s%s\n", head, text);
}

/* Where the files of a run are is another place each time. */
static void leave_root_out(const char *text, char ret_text[LINE_MAX])
{
    size_t length = 0, root = strlen(sim.root);
    while (*text && length + 1 < LINE_MAX) {
        if (strncmp(text, sim.root, root) == 0)
            text += root;
        else
            ret_text[length++] = *text++;
    }
    ret_text[length] = '\0';
}

static void count_event(const char *event)
{
    for (size_t i = 0; i < EVENT_NAMES_MAX; i++) {
        if (!sim.totals->events[i].name[0])
            snprintf(sim.totals->events[i].name, sizeof(sim.totals->events[i].name), "%s", event);
        if (strcmp(sim.totals->events[i].name, event) != 0)
            continue;
        sim.totals->events[i].count++;
        return;
    }
}

static void on_log(const char *event, const struct log_field *fields, const char *json, void *context)
{
    (void)context;
    char line[LINE_MAX];
    leave_root_out(json, line);
    add_line("log", line);
    count_event(event);
    observer(event, fields);
}

void trace_begin(trace_observe_fn *observe)
{
    observer = observe;
    log_configure((enum log_level)(LOG_ERROR + 1), LOG_TEXT);
    log_observe(on_log, NULL);
}

__attribute__((format(printf, 2, 0))) static void note(const char *kind, const char *format,
                                                       va_list arguments)
{
    char text[LINE_MAX], line[LINE_MAX];
    vsnprintf(text, sizeof(text), format, arguments);
    leave_root_out(text, line);
    add_line(kind, line);
}

void trace_note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    note("sim", format, arguments);
    va_end(arguments);
}

void trace_fault(enum fault fault, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    sim.totals->faults[fault]++;
    note("fault", format, arguments);
    va_end(arguments);
}

uint64_t trace_hash(void)
{
    return hash;
}

const char *trace_field(const struct log_field *fields, const char *key)
{
    for (; fields->kind != LOG_KIND_END; fields++) {
        if (fields->kind == LOG_KIND_STRING && fields->string && strcmp(fields->key, key) == 0)
            return fields->string;
    }
    return "";
}

void trace_violation(const char *format, ...)
{
    char text[sizeof(sim.totals->violation) - 32];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    add_line("violation", text);
    snprintf(sim.totals->violation, sizeof(sim.totals->violation), "after %" PRIu64 " ms: %s",
             virtual_time_ms(), text);
    fflush(stdout);
    _exit(EXIT_FAILURE);
}
