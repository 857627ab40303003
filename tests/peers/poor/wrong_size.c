/* Forgets that its description begins with its size. */
#include "poor.h"

POOR_PLUGIN("wrong-size", good_validate, good_package, good_launch, .struct_size = 8)
