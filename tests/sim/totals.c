#include "totals.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAULT_WORDS(name, word, help) [FAULT_##name] = {word, help},
static const struct {
    const char *word, *help;
} words[] = {FAULTS(FAULT_WORDS)};

static const char *const outcomes[OUTCOMES] = {
    [OUTCOME_SERVED] = "served",    [OUTCOME_ERROR] = "told an error", [OUTCOME_REFUSED] = "queue full",
    [OUTCOME_PATIENCE] = "waited",  [OUTCOME_LOST] = "instance lost",  [OUTCOME_LIMIT] = "time limit",
    [OUTCOME_LEFT] = "client left", [OUTCOME_ENDED] = "daemon ended",
};

const char *fault_word(enum fault fault)
{
    return words[fault].word;
}

const char *fault_help(enum fault fault)
{
    return words[fault].help;
}

static void print_transitions(const struct totals *totals)
{
    unsigned seen = 0, possible = 0;
    printf("\n%-12s", "from \\ to");
    for (int to = 0; to < INSTANCE_STATES; to++)
        printf("%12s", instance_state_name((enum instance_state)to));
    for (int from = 0; from < INSTANCE_STATES; from++) {
        printf("\n%-12s", instance_state_name((enum instance_state)from));
        for (int to = 0; to < INSTANCE_STATES; to++) {
            uint64_t count = totals->transitions[from][to];
            bool may = instance_state_leads_to((enum instance_state)from, (enum instance_state)to);
            possible += may;
            seen += may && count > 0;
            if (may)
                printf("%12" PRIu64, count);
            else
                printf("%12s", "");
        }
    }
    printf("\n%u of %u transitions of instances were seen\n\n", seen, possible);
}

static int by_name(const void *one, const void *other)
{
    return strcmp(one, other);
}

static void print_events(struct totals totals)
{
    size_t count = 0;
    uint64_t sum = 0;
    for (; count < EVENT_NAMES_MAX && totals.events[count].name[0]; count++)
        sum += totals.events[count].count;
    qsort(totals.events, count, sizeof(totals.events[0]), by_name);
    printf("%" PRIu64 " events of the log, of %zu kinds:", sum, count);
    for (size_t i = 0; i < count; i++)
        printf("%s%s %" PRIu64, i % 4 ? ", " : "\n    ", totals.events[i].name, totals.events[i].count);
    printf("\n\n");
}

void totals_print(const struct totals *totals)
{
    print_transitions(totals);
    print_events(*totals);
    printf("faults:");
    for (int i = 0; i < FAULT_KINDS; i++)
        printf("%s%s %" PRIu64, i ? ", " : " ", words[i].word, totals->faults[i]);
    printf("\nrequests:");
    for (int i = 0; i < OUTCOMES; i++)
        printf("%s%s %" PRIu64, i ? ", " : " ", outcomes[i], totals->outcomes[i]);
    printf("\n%" PRIu64 " daemons, %" PRIu64 " containers, %" PRIu64 " calls to the engine, %" PRIu64
           " builds, %" PRIu64 " turns of the event loop, %.1f virtual hours\n",
           totals->daemons, totals->containers, totals->engine_calls, totals->builds, totals->turns,
           (double)totals->virtual_ms / 3.6e6);
}
