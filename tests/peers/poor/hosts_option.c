/* Has an option that is the host's. */
#include "poor.h"

static const struct berth_option options[] = {
    {.name = "memory", .type = BERTH_OPTION_INTEGER, .default_value = "1", .help = "How much of it."},
};

POOR_PLUGIN("hosts-option", good_validate, good_package, good_launch, BERTH_OPTIONS(options))
