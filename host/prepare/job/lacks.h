/* What the system did not let a build job give up: texts in a JSON array, which the job's answer has. */
#ifndef PREPARE_JOB_LACKS_H
#define PREPARE_JOB_LACKS_H

#include <jansson.h>

/* Puts down what cannot be done, with the text of `errnum`. */
void lacks_add(json_t *lacks, const char *what, int errnum);

#endif
