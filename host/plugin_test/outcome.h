/* What one check of a plugin comes to. */
#ifndef PLUGIN_TEST_OUTCOME_H
#define PLUGIN_TEST_OUTCOME_H

#include "base/error.h"

enum verdict { VERDICT_PASSED, VERDICT_FAILED, VERDICT_SKIPPED };

/* Of zeros: passed, with nothing to say. */
struct outcome {
    enum verdict verdict;
    char text[1024]; /* what was seen, or why it failed or was skipped */
    char advice[512]; /* what the author should change; "" unless it failed */
};

/* These fill it from scratch; the text may hold anything. */
void outcome_pass(struct outcome *outcome, const char *format, ...) __attribute__((format(printf, 2, 3)));
void outcome_skip(struct outcome *outcome, const char *format, ...) __attribute__((format(printf, 2, 3)));
void outcome_fail(struct outcome *outcome, const char *advice, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A failure of a build job: the advice goes by the reason of the error. */
void outcome_fail_job(struct outcome *outcome, const struct error *err);

#endif
