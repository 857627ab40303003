/* Has the name of another plugin. Nothing it builds could be started. */
#include "bad.h"

BAD_PLUGIN("python", BERTH_ABI_MAJOR, good_validate, good_package, good_validate)
