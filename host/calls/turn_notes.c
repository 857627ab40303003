#include "calls/turn_notes.h"

#include "base/alloc.h"
#include "base/container_of.h"
#include "calls/turn.h"

#include <stdlib.h>

/* --- lines of the log --- */

struct event_note {
    struct turn_step step;
    enum log_level level;
    enum log_purpose purpose;
    const char *event;
    struct log_field fields[]; /* with texts of their own */
};

static void on_event_kept(struct turn_step *step, const struct error *failure)
{
    struct event_note *note = container_of(step, struct event_note, step);
    if (!failure)
        log_write(note->level, note->purpose, note->event, note->fields);
    for (const struct log_field *field = note->fields; field->kind != LOG_KIND_END; field++) {
        if (field->kind == LOG_KIND_STRING)
            free((char *)field->string);
    }
    free(note);
}

static struct log_field copy_field(const struct log_field *field)
{
    struct log_field copy = *field;
    if (copy.kind == LOG_KIND_STRING && copy.string)
        copy.string = xstrdup(copy.string);
    return copy;
}

void turn_note_event(struct turn *turn, enum log_level level, enum log_purpose purpose, const char *event,
                     const struct log_field *fields)
{
    size_t count = 0;
    while (fields[count].kind != LOG_KIND_END)
        count++;
    struct event_note *note = xcalloc(1, sizeof(*note) + (count + 1) * sizeof(*fields));
    note->step.done = on_event_kept;
    note->level = level;
    note->purpose = purpose;
    note->event = event;
    for (size_t i = 0; i < count; i++)
        note->fields[i] = copy_field(&fields[i]);
    turn_then(turn, &note->step);
}

/* --- counts --- */

struct count_note {
    struct turn_step step;
    struct call_counts *counts;
    enum call_count count;
    uint64_t amount;
};

static void on_count_kept(struct turn_step *step, const struct error *failure)
{
    struct count_note *note = container_of(step, struct count_note, step);
    if (!failure)
        call_count_add(note->counts, note->count, note->amount);
    free(note);
}

void turn_note_count(struct turn *turn, struct call_counts *counts, enum call_count count, uint64_t amount)
{
    struct count_note *note = xcalloc(1, sizeof(*note));
    note->step.done = on_count_kept;
    note->counts = counts;
    note->count = count;
    note->amount = amount;
    turn_then(turn, &note->step);
}
