/* What came of a load: for people, or as JSON. */
#ifndef CLI_LOAD_LOAD_REPORT_H
#define CLI_LOAD_LOAD_REPORT_H

#include "cli/load/load_run.h"

/* What the daemon counted meanwhile. */
struct load_counted {
    bool is_known;
    unsigned instances; /* at the end */
    uint64_t invocations, failed, cold_starts;
};

/* To standard output. */
void load_report_print(const struct load_plan *plan, const struct load_run_result *result,
                       const struct load_counted *counted);
void load_report_print_json(const struct load_plan *plan, const struct load_run_result *result,
                            const struct load_counted *counted);

#endif
