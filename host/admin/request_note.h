/*
 * What is kept of a request: its record, with times of the wall clock and with names in the place of numbers
 * that another build of the daemon may have for something else, in a form of bytes that has a version.
 */
#ifndef ADMIN_REQUEST_NOTE_H
#define ADMIN_REQUEST_NOTE_H

#include "gateway/request_record.h"

enum note_text {
    NOTE_ID,
    NOTE_METHOD,
    NOTE_PATH, /* without its query */
    NOTE_FUNCTION,
    NOTE_CLIENT,
    NOTE_END, /* as request_end_name() has it */
    NOTE_COMPONENT, /* of the error; "": there was none */
    NOTE_CODE,
    NOTE_MESSAGE,
    NOTE_HINT,
    NOTE_CALLER, /* the function that made it; "": none did */
    NOTE_TRACE, /* the id of its trace; "": none is known */
    NOTE_TEXTS,
};

struct request_note {
    uint64_t began_ms, ended_ms; /* since 1970 */
    uint64_t ended_ns; /* the same as ended_ms, to tell two requests apart */
    struct request_phases phases;
    uint64_t bytes_in, bytes_out;
    uint64_t instance, revision; /* 0: none */
    uint16_t status; /* 0: there was no answer */
    uint16_t depth; /* functions that called each other up to it */
    bool is_own, is_routed, is_cold, is_stream; /* as in the record */
    const char *texts[NOTE_TEXTS]; /* each ended by a NUL, none NULL; borrowed */
};

#define REQUEST_NOTE_MAX 4096 /* bytes of a form: more than the longest texts of a record take */

/* Now, by both clocks: for the times of records, which are those of the monotonic one. */
struct clock_pair {
    uint64_t monotonic_ns, wall_ns;
};

struct clock_pair clock_pair_now(void);

/* Writes the form of a record. Returns its size. */
size_t request_note_write(const struct request_record *record, const struct clock_pair *now,
                          char ret_form[REQUEST_NOTE_MAX]);

/* Reads a form; its texts are in the bytes. -1: it is none, or of another version. */
int request_note_read(const void *bytes, size_t size, struct request_note *ret_note);

/* It went wrong, by whoever's doing: an error, a status of 500 or above, or no whole answer. */
bool request_note_is_failed(const struct request_note *note);

#endif
