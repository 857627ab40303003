/*
 * Reads the answer to one request of `berth load`, in pieces as they come: what is wanted of it is its end,
 * its status and, when it went wrong, its id. llhttp does the reading. Nothing is allocated.
 */
#ifndef CLI_LOAD_LOAD_ANSWER_H
#define CLI_LOAD_LOAD_ANSWER_H

#include <llhttp.h>
#include <stdbool.h>
#include <stddef.h>

#define LOAD_ID_SIZE 64

enum load_reading {
    LOAD_READING_MORE,
    LOAD_READING_DONE, /* the answer is whole */
    LOAD_READING_MALFORMED, /* load_answer_problem() says what it is */
};

struct load_answer {
    llhttp_t parser;
    bool has_no_body; /* whatever its head says: it is one to HEAD */
    bool is_done;
    bool is_kept; /* the connection may be used again */
    size_t name_at; /* how much of the wanted header's name the header's has matched */
    bool in_value;
    size_t id_length;
    char request_id[LOAD_ID_SIZE]; /* of an answer with a status from 400 on; "": there is none */
};

/* Begins another one. It must not be moved until its end. */
void load_answer_begin(struct load_answer *answer, bool has_no_body);

/* Bytes behind the answer's end make the connection one that is not used again. Not behind the end. */
enum load_reading load_answer_take(struct load_answer *answer, const char *bytes, size_t size);

/* The connection has ended, which some answers end with. */
enum load_reading load_answer_finish(struct load_answer *answer);

unsigned load_answer_status(const struct load_answer *answer);

/* Static. */
const char *load_answer_problem(const struct load_answer *answer);

#endif
