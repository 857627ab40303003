/* The function that this runner serves: which script, and how it is run. */
#ifndef SHELL_FUNCTION_H
#define SHELL_FUNCTION_H

#include <berth/runner.h>

#include <limits.h>

struct function {
    char folder[PATH_MAX];
    char path[PATH_MAX]; /* of the script */
    const char *file; /* of the script, as users know it */
    const char *program; /* what is executed: the interpreter, or the script itself */
    const char *argv[4]; /* ended by NULL */
    const char *content_type; /* of an answer whose script names none */
};

/* The `load` and `unload` of struct berth_runner. */
int function_load(void *context, const struct berth_init *init, void **ret_function,
                  struct berth_load_error *err);
void function_unload(void *function);

#endif
