#include "fleet/revision/function_counts.h"

#include <stdlib.h>

#define MS_NS UINT64_C(1000000)

struct loss_kind loss_kind_of(uint32_t kind)
{
    return (struct loss_kind){.component = (enum error_component)(kind & 0xff),
                              .code = (enum error_code)(kind >> 8)};
}

const char *start_phase_name(enum start_phase phase)
{
    static const char *const names[START_PHASES] = {
        [START_CREATE] = "create", [START_START] = "start", [START_LOAD] = "load"};
    return names[phase];
}

void function_counts_built(struct function_counts *counts, uint64_t took_ms, const struct error *err)
{
    counts->builds_failed += err != NULL;
    counts->build_ms += took_ms;
}

void function_counts_ready(struct function_counts *counts, const struct instance *instance)
{
    const struct instance_times *times = instance_phase_times(instance);
    counts->started++;
    if (!instance_was_prewarmed(instance)) {
        histogram_add(&counts->phases[START_CREATE], times->create_ms * MS_NS);
        histogram_add(&counts->phases[START_START], times->start_ms * MS_NS);
    }
    histogram_add(&counts->phases[START_LOAD], times->load_ms * MS_NS);
}

void function_counts_lost(struct function_counts *counts, const struct error *cause)
{
    tally_add(&counts->lost, (uint32_t)cause->code << 8 | (uint32_t)cause->component);
}

void function_counts_gone(struct function_counts *counts, struct instance *instance)
{
    counts->cpu_ns += instance_look_at_resources(instance)->cpu_ns;
}

void function_counts_clear(struct function_counts *counts)
{
    for (size_t i = 0; i < START_PHASES; i++)
        free(counts->phases[i]);
    tally_clear(&counts->lost);
}
