#include "interpreter.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define STRINGIFY(x) #x
#define STRING(x)    STRINGIFY(x)
#define LIBPYTHON    "libpython" STRING(PY_MAJOR_VERSION) "." STRING(PY_MINOR_VERSION) ".so.1.0"

static int fail(struct berth_error *err, const char *message, const char *hint)
{
    snprintf(err->message, sizeof(err->message), "%s", message);
    snprintf(err->hint, sizeof(err->hint), "%s", hint);
    return -1;
}

/* The plugin, and libpython with it, was loaded RTLD_LOCAL; extension modules look for the C API in the
 * global scope. */
static int promote_libpython(struct berth_error *err)
{
    if (dlopen(LIBPYTHON, RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL))
        return 0;
    return fail(err, "the Python library " LIBPYTHON " is not loaded",
                "install the distribution's libpython3 package");
}

static PyStatus set_up(PyConfig *config)
{
    PyPreConfig preconfig;
    PyPreConfig_InitIsolatedConfig(&preconfig);
    preconfig.utf8_mode = 1;
#ifdef __SANITIZE_ADDRESS__
    /* Python's own arenas hide its objects from the leak check. */
    preconfig.allocator = PYMEM_ALLOCATOR_MALLOC;
#endif
    PyStatus status = Py_PreInitialize(&preconfig);
    if (PyStatus_Exception(status))
        return status;
    config->site_import = 0;
    config->write_bytecode = 0;
    config->install_signal_handlers = 0;
    status = PyConfig_SetBytesString(config, &config->home, PYTHON_HOME);
    if (PyStatus_Exception(status))
        return status;
    return Py_InitializeFromConfig(config);
}

static int start(struct berth_error *err)
{
    PyConfig config;
    PyConfig_InitIsolatedConfig(&config);
    PyStatus status = set_up(&config);
    PyConfig_Clear(&config);
    if (!PyStatus_Exception(status))
        return 0;
    return fail(err, status.err_msg ? status.err_msg : "the Python interpreter does not start",
                "is the Python standard library installed under " PYTHON_HOME "?");
}

static int load(const struct analysis_module *module, struct berth_error *err)
{
    char name[64], file[80];
    bool is_package = strcmp(module->name, "__init__") == 0;
    snprintf(name, sizeof(name), is_package ? "analysis" : "analysis.%s", module->name);
    snprintf(file, sizeof(file), "analysis/%s.py", module->name);
    PyObject *code = Py_CompileString(module->text, file, Py_file_input);
    PyObject *loaded = code ? PyImport_ExecCodeModule(name, code) : NULL;
    int rc = loaded ? 0 : -1;
    if (rc == 0 && is_package) {
        PyObject *path = PyList_New(0);
        rc = path ? PyObject_SetAttrString(loaded, "__path__", path) : -1;
        Py_XDECREF(path);
    }
    Py_XDECREF(loaded);
    Py_XDECREF(code);
    return rc == 0 ? 0 : interpreter_error("loading the analysis", err);
}

int interpreter_start(struct berth_error *err)
{
    static bool started;
    if (started)
        return 0;
    if (promote_libpython(err) < 0 || start(err) < 0)
        return -1;
    for (const struct analysis_module *module = analysis_modules; module->name; module++) {
        if (load(module, err) < 0)
            return -1;
    }
    started = true;
    return 0;
}

int interpreter_error(const char *doing, struct berth_error *err)
{
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    PyObject *text = value ? PyObject_Str(value) : NULL;
    const char *words = text ? PyUnicode_AsUTF8(text) : NULL;
    const char *kind = type ? ((PyTypeObject *)type)->tp_name : "error";
    snprintf(err->message, sizeof(err->message), "%s failed: %s: %s", doing, kind,
             words ? words : "no message");
    PyErr_Clear();
    Py_XDECREF(text);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    return -1;
}

PyObject *interpreter_call(const char *name, PyObject *args, struct berth_error *err)
{
    PyObject *module = args ? PyImport_ImportModule("analysis.job") : NULL;
    PyObject *function = module ? PyObject_GetAttrString(module, name) : NULL;
    PyObject *result = function ? PyObject_CallObject(function, args) : NULL;
    Py_XDECREF(function);
    Py_XDECREF(module);
    Py_XDECREF(args);
    if (!result)
        interpreter_error(name, err);
    return result;
}
