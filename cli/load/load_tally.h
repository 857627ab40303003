/* What has become of the requests of `berth load`, counted. No locks: plain data. Zero-initialised is empty.
 */
#ifndef CLI_LOAD_LOAD_TALLY_H
#define CLI_LOAD_LOAD_TALLY_H

#include "cli/latencies.h"
#include "cli/load/load_connection.h"

/* Requests that ended in the same way. Of failures the last one, of which most is still known. */
struct load_outcome {
    enum load_end end;
    unsigned status; /* of answers */
    uint64_t count;
    char request_id[LOAD_ID_SIZE]; /* "": it has none */
    char problem[128];
};

#define LOAD_OUTCOMES_MAX 64 /* further ones count in the last */

struct load_tally {
    uint64_t ended, failed, answered, bytes;
    struct latencies latencies; /* of answers, from when they should have begun */
    struct latencies second; /* the same of the second under way; its owner empties it */
    struct load_outcome outcomes[LOAD_OUTCOMES_MAX];
    size_t outcome_count;
};

/* Whether a user calls it a failure: no whole answer, or one with a status from 400 on. */
bool load_outcome_failed(const struct load_outcome *outcome);

void load_tally_add(struct load_tally *tally, const struct load_result *result, uint64_t duration_ns);

#endif
