#include "gateway/in_flight.h"

#include "base/alloc.h"

#include <string.h>

#define VERSION    1u
#define TEXTS_KEPT REQUEST_MESSAGE /* those before it */

/* How a cell begins; the texts follow. */
struct form {
    uint16_t version;
    uint16_t depth;
    uint16_t lengths[TEXTS_KEPT], reserved[3];
    uint64_t began_ns, head_ns, slot_ns, waited_ns;
    uint64_t instance, revision;
};

_Static_assert(sizeof(struct form) == 72,
               "a form has no gaps, and is the same in every build of its version");

/* The texts in the order of what is known when they have to be short: the path is cut to what is left. */
static const enum request_text order[TEXTS_KEPT] = {
    REQUEST_ID,     REQUEST_FUNCTION, REQUEST_METHOD, REQUEST_CLIENT,
    REQUEST_CALLER, REQUEST_TRACE,    REQUEST_TARGET,
};

struct flight_cell *in_flight_begin(struct flight_part *part, const struct request_times *times,
                                    uint16_t depth, const struct http_text texts[REQUEST_TEXTS])
{
    struct flight_cell *cell = part ? flight_part_take(part) : NULL;
    if (!cell)
        return NULL;
    struct form *form = (struct form *)cell->bytes;
    *form = (struct form){
        .version = VERSION, .depth = depth, .began_ns = times->began_ns, .head_ns = times->head_ns};
    char *at = cell->bytes + sizeof(*form);
    for (size_t i = 0; i < TEXTS_KEPT; i++) {
        const size_t left = (size_t)(cell->bytes + FLIGHT_CELL_BYTES - at), length = texts[order[i]].length;
        form->lengths[i] = (uint16_t)(length < left ? length : left);
        if (length > 0)
            memcpy(at, texts[order[i]].data, form->lengths[i]);
        at += form->lengths[i];
    }
    flight_cell_set(cell, (size_t)(at - cell->bytes));
    return cell;
}

void in_flight_reach(struct flight_cell *cell, uint64_t instance, uint64_t revision, uint64_t slot_ns,
                     uint64_t waited_ns)
{
    if (!cell)
        return;
    struct form *form = (struct form *)cell->bytes;
    form->instance = instance;
    form->revision = revision;
    form->slot_ns = slot_ns;
    form->waited_ns = waited_ns;
}

void in_flight_end(struct flight_part *part, struct flight_cell *cell)
{
    if (cell)
        flight_part_give(part, cell);
}

/* --- reading --- */

static int read_texts(const char *at, const char *end, const struct form *form,
                      struct http_text ret_texts[REQUEST_TEXTS])
{
    for (size_t i = 0; i < TEXTS_KEPT; i++) {
        if (form->lengths[i] > end - at)
            return -1;
        ret_texts[order[i]] = http_text_make(at, form->lengths[i]);
        at += form->lengths[i];
    }
    return at == end ? 0 : -1;
}

/* A time of the other process; one that cannot be, since a clock was set meanwhile, is brought to where it
 * can. */
static uint64_t time_here(uint64_t there_ns, int64_t shift_ns, uint64_t now_ns)
{
    if (there_ns == 0)
        return 0;
    const int64_t here = (int64_t)(there_ns + (uint64_t)shift_ns);
    if (here < 1)
        return 1;
    return (uint64_t)here < now_ns ? (uint64_t)here : now_ns;
}

struct request_record *in_flight_read(const void *bytes, size_t size, int64_t shift_ns, uint64_t now_ns)
{
    struct form form;
    struct http_text texts[REQUEST_TEXTS] = {
        [REQUEST_MESSAGE] = HTTP_TEXT("The daemon was killed, or crashed, while the request was under way."),
        [REQUEST_HINT] = HTTP_TEXT("The function may have done what it was asked for: send the request again "
                                   "if that does no harm. How long it took counts up to the next start.")};
    if (size < sizeof(form))
        return NULL;
    memcpy(&form, bytes, sizeof(form));
    if (form.version != VERSION ||
        read_texts((const char *)bytes + sizeof(form), (const char *)bytes + size, &form, texts) < 0)
        return NULL;
    struct request_record *record = xcalloc(1, request_record_size(texts));
    *record = (struct request_record){
        .times = {.began_ns = time_here(form.began_ns, shift_ns, now_ns),
                  .head_ns = time_here(form.head_ns, shift_ns, now_ns),
                  .slot_ns = time_here(form.slot_ns, shift_ns, now_ns),
                  .end_ns = now_ns},
        .waited_ns = form.waited_ns,
        .instance = form.instance,
        .revision = form.revision,
        .code = ERROR_DAEMON_ENDED,
        .component = error_code_component(ERROR_DAEMON_ENDED),
        .depth = form.depth,
        .end = REQUEST_STOPPED,
        .is_routed = true,
    };
    request_record_set_texts(record, texts);
    return record;
}
