/* Hides nothing. */
#include "poor.h"

BERTH_EXPORT int shown_validate(POOR_ARGUMENTS);
BERTH_EXPORT int shown_validate(POOR_ARGUMENTS)
{
    return good_validate(host, job, function, err);
}

POOR_PLUGIN("shows-all", shown_validate, good_package, good_launch)
