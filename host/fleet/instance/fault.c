#include "fleet/instance/fault.h"

/* What the engine says for itself is its own affair unless it refuses; of everything else only what somebody
 * did to the instance passes. */
bool fault_is_own(enum error_component component, enum error_code code)
{
    enum error_class class = error_code_class(code);
    return component == COMPONENT_DOCKER ? class == ERROR_CLASS_OWN : class != ERROR_CLASS_PASSING;
}

bool fault_is_passing(const struct kept_error *problem)
{
    return problem && problem->component == COMPONENT_DOCKER &&
           error_code_class(problem->code) == ERROR_CLASS_PASSING;
}
