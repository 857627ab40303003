/* The programs docker-credential-NAME, which keep passwords for Docker's own command line. */
#ifndef PREPARE_IMAGE_CREDENTIAL_HELPER_H
#define PREPARE_IMAGE_CREDENTIAL_HELPER_H

#include "base/error.h"
#include "base/locked.h"

#define CREDENTIAL_HELPER_MS 30000 /* for its answer */

/* Asks the helper `name`, which is found in PATH, for a registry: "get", and the registry on its standard
 * input. *ret_answer is what it says, with a NUL, which locked_clear() gives back; of zeros: it knows nothing
 * of that registry. Waits for it; any thread. "image-login": it is not there, fails, or takes longer than
 * CREDENTIAL_HELPER_MS; what it says then is not in the message. */
int credential_helper_ask(const char *name, const char *registry, struct locked *ret_answer,
                          struct error *err);

#endif
