/* Made for an ABI that does not exist yet. */
#include "bad.h"

BAD_PLUGIN("wrong-major", BERTH_ABI_MAJOR + 98, good_validate, good_package, good_launch)
