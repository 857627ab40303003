#include "admin/request_note.h"

#include "base/clock.h"

#include <string.h>
#include <time.h>

#define VERSION       2
#define VERSION_SHORT 1 /* without depth, caller and trace */
#define MILLI         UINT64_C(1000000) /* nanoseconds */

/* How a form begins; the texts follow, each with its length before it and a NUL behind it. Its members have
 * no gaps between them. */
struct form {
    uint8_t version;
    uint8_t flags;
    uint16_t status;
    uint16_t depth;
    uint16_t reserved;
    uint64_t began_ns, ended_ns; /* since 1970 */
    uint64_t head_ns, body_ns, queue_ns, run_ns, answer_ns, whole_ns;
    uint64_t bytes_in, bytes_out;
    uint64_t instance, revision;
};

enum form_flag { FLAG_OWN = 1, FLAG_ROUTED = 2, FLAG_COLD = 4, FLAG_STREAM = 8 };

struct clock_pair clock_pair_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (struct clock_pair){.monotonic_ns = clock_ns(),
                               .wall_ns = (uint64_t)now.tv_sec * 1000 * MILLI + (uint64_t)now.tv_nsec};
}

/* --- writing --- */

static uint64_t wall_ns(const struct clock_pair *now, uint64_t monotonic_ns)
{
    return now->wall_ns - (now->monotonic_ns - monotonic_ns);
}

static struct form form_of(const struct request_record *record, const struct clock_pair *now)
{
    const struct request_phases phases = request_phases_of(record);
    return (struct form){
        .version = VERSION,
        .flags = (uint8_t)((record->is_own ? FLAG_OWN : 0) | (record->is_routed ? FLAG_ROUTED : 0) |
                           (record->is_cold ? FLAG_COLD : 0) | (record->is_stream ? FLAG_STREAM : 0)),
        .status = record->status,
        .depth = record->depth,
        .began_ns = wall_ns(now, record->times.began_ns),
        .ended_ns = wall_ns(now, record->times.end_ns),
        .head_ns = phases.head_ns,
        .body_ns = phases.body_ns,
        .queue_ns = phases.queue_ns,
        .run_ns = phases.run_ns,
        .answer_ns = phases.answer_ns,
        .whole_ns = phases.whole_ns,
        .bytes_in = record->bytes_in,
        .bytes_out = record->bytes_out,
        .instance = record->instance,
        .revision = record->revision,
    };
}

static char *write_text(char *at, struct http_text text)
{
    const uint16_t prefix = (uint16_t)text.length;
    memcpy(at, &prefix, sizeof(prefix));
    at += sizeof(prefix);
    memcpy(at, text.data, text.length);
    at += text.length;
    *at = '\0';
    return at + 1;
}

static struct http_text text_of(const struct request_record *record, enum request_text text)
{
    return http_text_make(request_text(record, text), request_text_length(record, text));
}

static struct http_text path_of(const struct request_record *record)
{
    struct http_text target = text_of(record, REQUEST_TARGET);
    const char *query = memchr(target.data, '?', target.length);
    return query ? http_text_make(target.data, (size_t)(query - target.data)) : target;
}

static struct http_text name_of(const char *name)
{
    return http_text_make(name, strlen(name));
}

size_t request_note_write(const struct request_record *record, const struct clock_pair *now,
                          char ret_form[REQUEST_NOTE_MAX])
{
    const struct form form = form_of(record, now);
    const struct http_text texts[NOTE_TEXTS] = {
        [NOTE_ID] = text_of(record, REQUEST_ID),
        [NOTE_METHOD] = text_of(record, REQUEST_METHOD),
        [NOTE_PATH] = path_of(record),
        [NOTE_FUNCTION] = text_of(record, REQUEST_FUNCTION),
        [NOTE_CLIENT] = text_of(record, REQUEST_CLIENT),
        [NOTE_END] = name_of(request_end_name(record->end)),
        [NOTE_COMPONENT] = name_of(record->code ? error_component_name(record->component) : ""),
        [NOTE_CODE] = name_of(error_code_slug(record->code)),
        [NOTE_MESSAGE] = text_of(record, REQUEST_MESSAGE),
        [NOTE_HINT] = text_of(record, REQUEST_HINT),
        [NOTE_CALLER] = text_of(record, REQUEST_CALLER),
        [NOTE_TRACE] = text_of(record, REQUEST_TRACE),
    };
    memcpy(ret_form, &form, sizeof(form));
    char *at = ret_form + sizeof(form);
    for (size_t i = 0; i < NOTE_TEXTS; i++)
        at = write_text(at, texts[i]);
    return (size_t)(at - ret_form);
}

/* --- reading --- */

/* Those of an older version end earlier. */
static int read_texts(const char *at, const char *end, unsigned version, const char *texts[NOTE_TEXTS])
{
    const size_t count = version == VERSION_SHORT ? NOTE_HINT + 1 : NOTE_TEXTS;
    for (size_t i = count; i < NOTE_TEXTS; i++)
        texts[i] = "";
    for (size_t i = 0; i < count; i++) {
        uint16_t length;
        if ((size_t)(end - at) < sizeof(length) + 1)
            return -1;
        memcpy(&length, at, sizeof(length));
        at += sizeof(length);
        if ((size_t)(end - at) < (size_t)length + 1 || at[length] != '\0')
            return -1;
        texts[i] = at;
        at += length + 1;
    }
    return at == end ? 0 : -1;
}

int request_note_read(const void *bytes, size_t size, struct request_note *ret_note)
{
    struct form form;
    if (size < sizeof(form))
        return -1;
    memcpy(&form, bytes, sizeof(form));
    struct request_note note = {
        .began_ms = form.began_ns / MILLI,
        .ended_ms = form.ended_ns / MILLI,
        .ended_ns = form.ended_ns,
        .phases = {.head_ns = form.head_ns,
                   .body_ns = form.body_ns,
                   .queue_ns = form.queue_ns,
                   .run_ns = form.run_ns,
                   .answer_ns = form.answer_ns,
                   .whole_ns = form.whole_ns},
        .bytes_in = form.bytes_in,
        .bytes_out = form.bytes_out,
        .instance = form.instance,
        .revision = form.revision,
        .status = form.status,
        .depth = form.depth,
        .is_own = form.flags & FLAG_OWN,
        .is_routed = form.flags & FLAG_ROUTED,
        .is_cold = form.flags & FLAG_COLD,
        .is_stream = form.flags & FLAG_STREAM,
    };
    if ((form.version != VERSION && form.version != VERSION_SHORT) ||
        read_texts((const char *)bytes + sizeof(form), (const char *)bytes + size, form.version, note.texts) <
            0)
        return -1;
    *ret_note = note;
    return 0;
}

bool request_note_is_failed(const struct request_note *note)
{
    return *note->texts[NOTE_CODE] || note->status >= 500 ||
           (strcmp(note->texts[NOTE_END], request_end_name(REQUEST_ANSWERED)) != 0 &&
            strcmp(note->texts[NOTE_END], request_end_name(REQUEST_ACCEPTED)) != 0);
}
