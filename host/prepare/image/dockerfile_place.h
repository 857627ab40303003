/*
 * Where in a Dockerfile what the engine tells of its build stands. The engine counts instructions, of all
 * stages and ARG before the first of them too; what a base image has put off with ONBUILD belongs to its
 * FROM.
 */
#ifndef PREPARE_IMAGE_DOCKERFILE_PLACE_H
#define PREPARE_IMAGE_DOCKERFILE_PLACE_H

#include <stdbool.h>
#include <stddef.h>

/* Where an instruction begins. */
struct dockerfile_place {
    unsigned line, column; /* from 1, the column in bytes */
    char instruction[16]; /* its word, such as "RUN"; cut when it is longer than any that there is */
};

/* The instruction that is step `step` of a build, from 1; of `size` bytes, which need not end with a NUL.
 * False: there are not so many. */
bool dockerfile_place_of_step(const char *text, size_t size, unsigned step,
                              struct dockerfile_place *ret_place);

/* The instruction that the line belongs to. False: there is none. */
bool dockerfile_place_of_line(const char *text, size_t size, unsigned line,
                              struct dockerfile_place *ret_place);

/* The line that the engine's words on a Dockerfile that it cannot read name, and what they say of it, within
 * `message`. 0: they name none. */
unsigned dockerfile_place_named(const char *message, const char **ret_reason);

#endif
