#include "outcome.h"

#include <stdio.h>
#include <stdlib.h>

/* The host has kept its own account of why a call was refused. */
static int refused(const char *call, struct berth_error *err)
{
    snprintf(err->message, sizeof(err->message), "the host refused %s", call);
    return -1;
}

/* The texts of a list of str as an array ended by NULL, which borrows from the list; NULL with an exception.
 * The caller frees the array. */
static const char **texts_of(PyObject *list)
{
    Py_ssize_t count = PyList_Size(list);
    if (count < 0)
        return NULL;
    const char **texts = calloc((size_t)count + 1, sizeof(*texts));
    if (!texts) {
        PyErr_NoMemory();
        return NULL;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        texts[i] = PyUnicode_AsUTF8(PyList_GetItem(list, i));
        if (!texts[i]) {
            free(texts);
            return NULL;
        }
    }
    return texts;
}

static int report_one(const struct berth_host *host, struct berth_job *job, PyObject *item,
                      struct berth_error *err)
{
    struct berth_diagnostic diagnostic = {.struct_size = sizeof(diagnostic)};
    int severity;
    if (!PyArg_ParseTuple(item, "izIIszz", &severity, &diagnostic.file, &diagnostic.line, &diagnostic.column,
                          &diagnostic.message, &diagnostic.hint, &diagnostic.option))
        return interpreter_error("reading a finding", err);
    diagnostic.severity = (enum berth_severity)severity;
    return host->report(job, &diagnostic) == 0 ? 0 : refused("report", err);
}

int outcome_report(const struct berth_host *host, struct berth_job *job, PyObject *result,
                   struct berth_error *err)
{
    for (Py_ssize_t i = 0; i < PyList_Size(result); i++) {
        if (report_one(host, job, PyList_GetItem(result, i), err) < 0)
            return -1;
    }
    return PyErr_Occurred() ? interpreter_error("reading the findings", err) : 0;
}

int outcome_files(const struct berth_host *host, struct berth_job *job, PyObject *result,
                  struct berth_error *err)
{
    for (Py_ssize_t i = 0; i < PyList_Size(result); i++) {
        const char *path, *bytes;
        Py_ssize_t size;
        if (!PyArg_ParseTuple(PyList_GetItem(result, i), "sy#", &path, &bytes, &size))
            return interpreter_error("reading a file", err);
        if (host->add_file(job, path, bytes, (size_t)size, 0) < 0)
            return refused("add_file", err);
    }
    return PyErr_Occurred() ? interpreter_error("reading the files", err) : 0;
}

static int set_dependencies(const struct berth_host *host, struct berth_job *job, PyObject *value,
                            struct berth_error *err)
{
    struct berth_dependencies dependencies = {.struct_size = sizeof(dependencies)};
    PyObject *argv_list, *environment_list;
    if (value == Py_None)
        return 0;
    if (!PyArg_ParseTuple(value, "sO!O!", &dependencies.key, &PyList_Type, &argv_list, &PyList_Type,
                          &environment_list))
        return interpreter_error("reading the dependencies", err);
    const char **argv = texts_of(argv_list);
    const char **environment = argv ? texts_of(environment_list) : NULL;
    int rc = -1;
    if (!environment) {
        interpreter_error("reading the dependencies", err);
    } else {
        dependencies.argv = argv;
        dependencies.environment = environment;
        rc = host->set_dependencies(job, &dependencies) == 0 ? 0 : refused("set_dependencies", err);
    }
    free(environment);
    free(argv);
    return rc;
}

int outcome_package(const struct berth_host *host, struct berth_job *job, const char *folder,
                    PyObject *result, struct berth_error *err)
{
    PyObject *excluded, *files, *dependencies;
    if (!PyArg_ParseTuple(result, "O!O!O", &PyList_Type, &excluded, &PyList_Type, &files, &dependencies))
        return interpreter_error("reading the package", err);
    const char **patterns = texts_of(excluded);
    if (!patterns)
        return interpreter_error("reading the package", err);
    int added = host->add_folder(job, "", folder, patterns);
    free(patterns);
    if (added < 0)
        return refused("add_folder", err);
    if (outcome_files(host, job, files, err) < 0)
        return -1;
    return set_dependencies(host, job, dependencies, err);
}

int outcome_launch(const struct berth_host *host, struct berth_job *job, PyObject *result,
                   struct berth_error *err)
{
    struct berth_launch launch = {.struct_size = sizeof(launch), .transport = BERTH_TRANSPORT_DIAL_HOME};
    PyObject *command_list, *environment_list;
    if (!PyArg_ParseTuple(result, "O!O!Is", &PyList_Type, &command_list, &PyList_Type, &environment_list,
                          &launch.concurrency, &launch.runtime))
        return interpreter_error("reading the launch", err);
    const char **command = texts_of(command_list);
    const char **environment = command ? texts_of(environment_list) : NULL;
    int rc = -1;
    if (!environment) {
        interpreter_error("reading the launch", err);
    } else {
        launch.command = command;
        launch.environment = environment;
        rc = host->set_launch(job, &launch) == 0 ? 0 : refused("set_launch", err);
    }
    free(environment);
    free(command);
    return rc;
}
