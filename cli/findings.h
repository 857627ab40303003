/* Findings about a user's files, as the API and `berthd --check --json` give them. */
#ifndef CLI_FINDINGS_H
#define CLI_FINDINGS_H

#include <jansson.h>
#include <stdio.h>

/* Prints each with its place and, where the file can be read here, its line with a caret. */
void findings_print(FILE *stream, const json_t *findings);

/* How many are errors. */
size_t findings_errors(const json_t *findings);

#endif
