/*
 * The Python runner's hot path in C: `berth_runner._accelerator`.
 *
 * It serves the usual request (a head and a body that came in one piece, no HEAD, not chunked) with the usual
 * response (bytes, or a Starlette response that holds its body), and hands everything else to the methods of
 * the Python classes that derive from its types. Those do without it too: reference.py stands in where this
 * module cannot be loaded, and the same tests run with both.
 *
 * Only the stable ABI of Python 3.11 is used, so that one build fits the image's Python whichever it is. All
 * of it runs under the interpreter's lock, on any thread. As usual in the C API, a function that gives a
 * PyObject gives a new reference, or NULL with a Python exception set; one that gives int gives -1 for that.
 */
#ifndef ACCELERATOR_H
#define ACCELERATOR_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>

/* Names of attributes and methods, as interned texts: names.lost is "lost". */
#define ACCELERATOR_NAMES(X)                                                                                 \
    X(background)                                                                                            \
    X(body)                                                                                                  \
    X(call_soon)                                                                                             \
    X(carry_out)                                                                                             \
    X(close)                                                                                                 \
    X(context)                                                                                               \
    X(cr_frame)                                                                                              \
    X(end)                                                                                                   \
    X(fail)                                                                                                  \
    X(finish)                                                                                                \
    X(hold)                                                                                                  \
    X(lost)                                                                                                  \
    X(lower)                                                                                                 \
    X(on_events)                                                                                             \
    X(raw_headers)                                                                                           \
    X(redial)                                                                                                \
    X(run)                                                                                                   \
    X(set)                                                                                                   \
    X(start_task)                                                                                            \
    X(started)                                                                                               \
    X(status_code)                                                                                           \
    X(take)                                                                                                  \
    X(throw)                                                                                                 \
    X(wait_for)

struct names {
#define DECLARE_NAME(name) PyObject *name;
    ACCELERATOR_NAMES(DECLARE_NAME)
#undef DECLARE_NAME
};

/* What configure() has handed over; NULL before. */
struct settings {
    PyObject *task; /* asyncio.Task */
    PyObject *coroutine_type; /* types.CoroutineType */
    PyObject *call_soon; /* the event loop class's own, unbound */
    PyObject *current_head; /* the context variable of output.py */
    PyObject *status_lines; /* protocol.py's: status to the line as bytes */
    PyObject *writers; /* respond.py's: class of a result to the function that writes it */
    PyObject *write_response; /* the one among them for a Starlette response that holds its body */
};

extern struct names names;
extern struct settings settings;
extern PyTypeObject *loop_type, *slot_type, *request_type, *exchange_type;

/* Each adds one type to the module. 0 or -1. */
int loop_type_add(PyObject *module);
int request_type_add(PyObject *module);
int slot_type_add(PyObject *module);
int exchange_type_add(PyObject *module);

/* Makes a type of a spec and adds it to the module. *ret_type owns a reference for good. 0 or -1. */
int type_add(PyObject *module, PyType_Spec *spec, PyTypeObject **ret_type);

/* The end of every tp_dealloc: frees the memory and drops the type. */
void object_free(PyObject *self);

/* Calls a method whose result nobody wants; `argument` may be NULL. 0 or -1. */
int call_method(PyObject *self, PyObject *name, PyObject *argument);

static inline bool is_none(PyObject *object)
{
    return !object || object == Py_None;
}

/* Puts None where `*place` is. */
static inline void set_none(PyObject **place)
{
    PyObject *before = *place;
    *place = Py_NewRef(Py_None);
    Py_XDECREF(before);
}

#endif
