#include "cli/load/load_tally.h"

#include <stdio.h>

bool load_outcome_failed(const struct load_outcome *outcome)
{
    return outcome->end != LOAD_ANSWERED || outcome->status >= 400;
}

static struct load_outcome *find(struct load_tally *tally, const struct load_result *result)
{
    for (size_t i = 0; i < tally->outcome_count; i++) {
        struct load_outcome *outcome = &tally->outcomes[i];
        if (outcome->end == result->end && outcome->status == result->status)
            return outcome;
    }
    if (tally->outcome_count == LOAD_OUTCOMES_MAX)
        return &tally->outcomes[LOAD_OUTCOMES_MAX - 1];
    struct load_outcome *added = &tally->outcomes[tally->outcome_count++];
    added->end = result->end;
    added->status = result->status;
    return added;
}

void load_tally_add(struct load_tally *tally, const struct load_result *result, uint64_t duration_ns)
{
    struct load_outcome *outcome = find(tally, result);
    outcome->count++;
    if (load_outcome_failed(outcome)) {
        snprintf(outcome->request_id, sizeof(outcome->request_id), "%s", result->request_id);
        snprintf(outcome->problem, sizeof(outcome->problem), "%s", result->problem);
    }
    tally->ended++;
    tally->failed += load_outcome_failed(outcome);
    tally->bytes += result->bytes;
    if (result->end != LOAD_ANSWERED)
        return;
    tally->answered++;
    latencies_add(&tally->latencies, duration_ns);
    latencies_add(&tally->second, duration_ns);
}
