/* The Python plugin: its table and its callbacks. What it knows of Python is in analysis/, which runs in an
 * embedded interpreter; nothing here or there ever runs the user's code. */
#include "interpreter.h"
#include "outcome.h"

#include <stddef.h>

static const char *const aliases[] = {"python3", "py", NULL};

static const struct berth_option options[] = {
    {
        .name = "extra_dependencies",
        .type = BERTH_OPTION_STRING,
        .max = 16384,
        .help = "Packages to install, as a pip command line: names, versions, --extra-index-url URL.",
    },
    {
        .name = "handler",
        .type = BERTH_OPTION_STRING,
        .max = 512,
        .help = "The handler as module:attribute, when it is not `handle` of the entry file.",
    },
    {
        .name = "debug",
        .type = BERTH_OPTION_BOOLEAN,
        .default_value = "false",
        .help = "Show the traceback of an exception in the answer.",
    },
};

#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

static PyObject *option_values(const struct berth_host *host, struct berth_job *job)
{
    PyObject *values = PyDict_New();
    for (size_t i = 0; values && i < OPTION_COUNT; i++) {
        const char *text = host->option(job, options[i].name);
        if (!text)
            continue;
        PyObject *value = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
        if (!value || PyDict_SetItemString(values, options[i].name, value) < 0)
            Py_CLEAR(values);
        Py_XDECREF(value);
    }
    return values;
}

/* A path as text, or None; a new reference. */
static PyObject *path_text(const char *path)
{
    return path ? PyUnicode_DecodeFSDefault(path) : Py_NewRef(Py_None);
}

/* Calls the callback's counterpart in analysis/job.py: name(folder, name, file, options, installed,
 * base). */
static PyObject *ask(const char *name, const struct berth_host *host, struct berth_job *job,
                     const struct berth_function *function, struct berth_error *err)
{
    if (interpreter_start(err) < 0)
        return NULL;
    const char *installed = BERTH_HAS(function, dependencies) ? function->dependencies : NULL;
    const char *base = BERTH_HAS(function, base) ? function->base : NULL;
    PyObject *args = Py_BuildValue("NszNNz", path_text(function->folder), function->name, function->file,
                                   option_values(host, job), path_text(installed), base);
    return interpreter_call(name, args, err);
}

static int validate(const struct berth_host *host, struct berth_job *job,
                    const struct berth_function *function, struct berth_error *err)
{
    PyObject *result = ask("validate", host, job, function, err);
    int rc = result ? outcome_report(host, job, result, err) : -1;
    Py_XDECREF(result);
    return rc;
}

static int package(const struct berth_host *host, struct berth_job *job,
                   const struct berth_function *function, struct berth_error *err)
{
    PyObject *result = ask("package", host, job, function, err);
    int rc = result ? outcome_package(host, job, function->folder, result, err) : -1;
    Py_XDECREF(result);
    return rc;
}

static int launch(const struct berth_host *host, struct berth_job *job, const struct berth_function *function,
                  struct berth_error *err)
{
    PyObject *result = ask("launch", host, job, function, err);
    int rc = result ? outcome_launch(host, job, result, err) : -1;
    Py_XDECREF(result);
    return rc;
}

static int scaffold(const struct berth_host *host, struct berth_job *job,
                    const struct berth_function *function, struct berth_error *err)
{
    PyObject *result = ask("scaffold", host, job, function, err);
    int rc = result ? outcome_files(host, job, result, err) : -1;
    Py_XDECREF(result);
    return rc;
}

static const struct berth_plugin plugin = {
    .struct_size = sizeof(plugin),
    .abi_major = BERTH_ABI_MAJOR,
    .abi_minor = BERTH_ABI_MINOR,
    .name = "python",
    .version = PLUGIN_VERSION,
    .aliases = aliases,
    BERTH_OPTIONS(options),
    .validate = validate,
    .package = package,
    .launch = launch,
    .scaffold = scaffold,
};

const struct berth_plugin *berth_plugin_entry(void)
{
    return &plugin;
}
