#include "admin/request_history.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "store/record_file.h"

#include <stdlib.h>

#define KEPT_PART     8 /* of the size of the file of all: those that are kept for longer */
#define USUAL_SLOW_MS 1000

struct request_history {
    const struct host_settings *host;
    struct record_file *all, *kept;
};

static int open_files(struct request_history *history, const char *state_dir, struct error *err)
{
    const uint64_t bytes = history->host->request_records_bytes;
    cleanup_free char *folder = xasprintf("%s/requests", state_dir);
    cleanup_free char *all = xasprintf("%s/all", folder), *kept = xasprintf("%s/failed-or-slow", folder);
    if (fs_make_dirs(folder, 0700, err) < 0 || record_file_open(all, bytes, &history->all, err) < 0)
        return -1;
    return record_file_open(kept, bytes / KEPT_PART, &history->kept, err);
}

int request_history_open(const char *state_dir, const struct host_settings *host,
                         struct request_history **ret_history, struct error *err)
{
    struct request_history *history = xcalloc(1, sizeof(*history));
    history->host = host;
    if (host->request_records_bytes > 0 && open_files(history, state_dir, err) < 0) {
        request_history_close(history);
        return -1;
    }
    *ret_history = history;
    return 0;
}

void request_history_close(struct request_history *history)
{
    if (!history)
        return;
    record_file_close(history->all);
    record_file_close(history->kept);
    free(history);
}

unsigned request_history_slow_ms(const struct request_history *history)
{
    return history && history->host->slow_request_ms > 0 ? history->host->slow_request_ms : USUAL_SLOW_MS;
}

/* --- adding --- */

static bool is_kept_longer(const struct request_history *history, const struct request_record *record)
{
    if (record->code != ERROR_NONE || record->status >= 500 || !request_end_is_regular(record->end))
        return true;
    return !record->is_stream &&
           request_phases_of(record).whole_ns >= request_history_slow_ms(history) * UINT64_C(1000000);
}

void request_history_add(struct request_history *history, const struct request_record *record,
                         const struct clock_pair *now)
{
    if (!history || !history->all)
        return;
    const char *id = request_text(record, REQUEST_ID);
    char form[REQUEST_NOTE_MAX];
    size_t size = request_note_write(record, now, form);
    record_file_add(history->all, id, form, size);
    if (is_kept_longer(history, record))
        record_file_add(history->kept, id, form, size);
}

void request_history_add_form(struct request_history *history, const void *form, size_t size)
{
    struct request_note note;
    if (!history || !history->all || request_note_read(form, size, &note) < 0)
        return;
    bool is_slow =
        !note.is_stream && note.phases.whole_ns >= request_history_slow_ms(history) * UINT64_C(1000000);
    record_file_add(history->all, note.texts[NOTE_ID], form, size);
    if (is_slow || request_note_is_failed(&note) || note.texts[NOTE_CODE][0])
        record_file_add(history->kept, note.texts[NOTE_ID], form, size);
}

/* --- looking --- */

struct looking {
    request_visit_fn *visit;
    void *context;
    uint64_t before_ns; /* those that ended since have been visited; UINT64_MAX: none has */
    bool is_over;
};

static bool look(const void *bytes, size_t size, void *context)
{
    struct looking *looking = context;
    struct request_note note;
    if (request_note_read(bytes, size, &note) == 0 && note.ended_ns < looking->before_ns)
        looking->is_over = !looking->visit(&note, looking->context);
    return !looking->is_over;
}

/* Of the file of all, whose requests the other one has too. */
static uint64_t oldest_end_ns(const struct request_history *history)
{
    size_t size;
    struct request_note oldest;
    const void *bytes = record_file_oldest(history->all, &size);
    return bytes && request_note_read(bytes, size, &oldest) == 0 ? oldest.ended_ns : UINT64_MAX;
}

void request_history_visit(const struct request_history *history, enum history_part part,
                           request_visit_fn *visit, void *context)
{
    struct looking looking = {.visit = visit, .context = context, .before_ns = UINT64_MAX};
    if (!history || !history->all)
        return;
    if (part == HISTORY_ALL) {
        record_file_visit(history->all, look, &looking);
        looking.before_ns = oldest_end_ns(history);
    }
    if (!looking.is_over)
        record_file_visit(history->kept, look, &looking);
}

void request_history_find(const struct request_history *history, const char *id, request_visit_fn *visit,
                          void *context)
{
    struct looking looking = {.visit = visit, .context = context, .before_ns = UINT64_MAX};
    if (!history || !history->all)
        return;
    record_file_find(history->all, id, look, &looking);
    looking.before_ns = oldest_end_ns(history);
    if (!looking.is_over)
        record_file_find(history->kept, id, look, &looking);
}
