/* How clients of the /system contract name a function. */
#ifndef ADMIN_FUNCTION_NAME_H
#define ADMIN_FUNCTION_NAME_H

#include "gateway/target.h" /* FUNCTION_NAMESPACE */

#include <stdbool.h>

/* Whether a namespace given apart is the one that there is; "" and NULL mean that. */
bool function_namespace_is_known(const char *space);

/* The name alone of "NAME" or "NAME.openfaas-fn", where `space` may say the namespace apart; the caller frees
 * it. NULL: that is another namespace, which has no functions. */
char *function_name_read(const char *given, const char *space);

#endif
