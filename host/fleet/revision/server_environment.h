/* What a function that is a server of its own finds in its environment: nobody sends it settings. */
#ifndef FLEET_REVISION_SERVER_ENVIRONMENT_H
#define FLEET_REVISION_SERVER_ENVIRONMENT_H

#include "fleet/revision/preparation.h"

/* The function's variables, what its plugin launches it with, and what web servers and functions of other
 * hosts look for (PORT, OPENFAAS_NAME), each name once: the first of these that sets it counts. "NAME=value",
 * ended by NULL; the caller frees it with texts_free(). */
char **server_environment_make(const struct function_settings *settings, const struct prepared *prepared);

#endif
