/* The embedded interpreter: the system's CPython, cut off from the user's environment, with the analysis
 * loaded as the package `analysis`. One per process; it is never shut down, because a build job ends right
 * after. */
#ifndef PLUGIN_INTERPRETER_H
#define PLUGIN_INTERPRETER_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <berth/plugin.h>

/* The analysis as source text, in the order of loading; ended by a NULL name. Made by embed.cmake. */
struct analysis_module {
    const char *name;
    const char *text;
};
extern const struct analysis_module analysis_modules[];

/* Starts the interpreter and loads the analysis; later calls do nothing. 0, or -1 with `err` filled. */
int interpreter_start(struct berth_error *err);

/* Calls analysis.job.<name>(*args) and steals `args` (NULL: the error that its making left behind). Gives a
 * new reference, or NULL with `err` filled from the exception. */
PyObject *interpreter_call(const char *name, PyObject *args, struct berth_error *err);

/* Fills `err` from the pending exception, which is cleared, and returns -1. `doing` says what failed. */
int interpreter_error(const char *doing, struct berth_error *err);

#endif
