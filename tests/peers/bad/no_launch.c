/* Never says how instances are started. */
#include "bad.h"

BAD_PLUGIN("no-launch", BERTH_ABI_MAJOR, good_validate, good_package, good_validate)
