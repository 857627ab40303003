#include "accelerator.h"

#include "head.h"
#include "io.h"
#include "loop.h"

struct names names;
struct settings settings;
PyTypeObject *loop_type, *slot_type, *request_type, *exchange_type;

int type_add(PyObject *module, PyType_Spec *spec, PyTypeObject **ret_type)
{
    PyTypeObject *type = (PyTypeObject *)PyType_FromSpec(spec);
    if (!type)
        return -1;
    if (PyModule_AddType(module, type) < 0) {
        Py_DECREF(type);
        return -1;
    }
    *ret_type = type;
    return 0;
}

void object_free(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_Del(self);
    Py_DECREF(type);
}

int call_method(PyObject *self, PyObject *name, PyObject *argument)
{
    PyObject *result = PyObject_CallMethodObjArgs(self, name, argument, NULL);
    Py_XDECREF(result);
    return result ? 0 : -1;
}

static void keep(PyObject **place, PyObject *object)
{
    PyObject *before = *place;
    *place = Py_NewRef(object);
    Py_XDECREF(before);
}

static PyObject *configure(PyObject *module, PyObject *arguments, PyObject *keywords)
{
    (void)module;
    static char *keyword_names[] = {"task",         "coroutine_type", "call_soon",      "current_head",
                                    "status_lines", "writers",        "write_response", NULL};
    PyObject *task, *coroutine_type, *call_soon, *current_head, *status_lines, *writers, *write_response;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OOOOO!O!O", keyword_names, &task, &coroutine_type,
                                     &call_soon, &current_head, &PyDict_Type, &status_lines, &PyDict_Type,
                                     &writers, &write_response))
        return NULL;
    keep(&settings.task, task);
    keep(&settings.coroutine_type, coroutine_type);
    keep(&settings.call_soon, call_soon);
    keep(&settings.current_head, current_head);
    keep(&settings.status_lines, status_lines);
    keep(&settings.writers, writers);
    keep(&settings.write_response, write_response);
    Py_RETURN_NONE;
}

static PyObject *read_head(PyObject *module, PyObject *argument)
{
    (void)module;
    char *bytes;
    Py_ssize_t size;
    struct request_head head;
    if (PyBytes_AsStringAndSize(argument, &bytes, &size) < 0)
        return NULL;
    if (!request_head_read(bytes, (size_t)size, &head))
        Py_RETURN_NONE;
    return Py_BuildValue("y#y#nn", bytes, (Py_ssize_t)head.method_length, bytes + head.target,
                         (Py_ssize_t)head.target_length, (Py_ssize_t)head.head_length,
                         (Py_ssize_t)head.content_length);
}

static PyMethodDef functions[] = {
    {"configure", (PyCFunction)(void (*)(void))configure, METH_VARARGS | METH_KEYWORDS,
     "Hands over what the event loop's part works with."},
    {"read_head", read_head, METH_O,
     "(method, target, length of the head, length of the content) of a usual head at the front of bytes, or "
     "None."},
    {"receive", io_receive, METH_O, "Waits for bytes on a blocking socket; b'' at the end."},
    {"send_all", (PyCFunction)(void (*)(void))io_send_all, METH_FASTCALL,
     "Sends all of some bytes on a blocking socket."},
    {"serve", (PyCFunction)(void (*)(void))loop_serve, METH_FASTCALL,
     "Waits with epoll and serves slots; see SlotSelector."},
    {NULL, NULL, 0, NULL},
};

static int intern_names(void)
{
#define INTERN_NAME(name)                                                                                    \
    if (!(names.name = PyUnicode_InternFromString(#name)))                                                   \
        return -1;
    ACCELERATOR_NAMES(INTERN_NAME)
#undef INTERN_NAME
    return 0;
}

PyMODINIT_FUNC PyInit__accelerator(void);

PyMODINIT_FUNC PyInit__accelerator(void)
{
    static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "_accelerator", .m_size = -1,
                                            .m_methods = functions};
    PyObject *module = PyModule_Create(&definition);
    if (!module)
        return NULL;
    if (intern_names() < 0 || loop_type_add(module) < 0 || request_type_add(module) < 0 ||
        slot_type_add(module) < 0 || exchange_type_add(module) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
