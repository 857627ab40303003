#include "loop.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <structmember.h>
#include <sys/epoll.h>

#include "slot.h"

#define EVENTS_AT_ONCE 64

struct loop {
    PyObject_HEAD
    PyObject *step; /* a new task's first step and its context, between Task() and the step */
    PyObject *context;
    char touched; /* whether something was scheduled since the last look for events */
    char catching; /* whether the next callback is a task's first step */
};

/* The value of the keyword `context`, borrowed, or NULL; *ret_other says whether there are other keywords. */
static PyObject *context_argument(PyObject *const *values, PyObject *keywords, bool *ret_other)
{
    PyObject *context = NULL;
    Py_ssize_t count = keywords ? PyTuple_Size(keywords) : 0;
    *ret_other = false;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *keyword = PyTuple_GetItem(keywords, i);
        if (keyword == names.context || PyUnicode_Compare(keyword, names.context) == 0)
            context = values[i];
        else
            *ret_other = true;
    }
    return context;
}

static PyObject *keyword_dict(PyObject *const *values, PyObject *keywords)
{
    PyObject *dict = PyDict_New();
    for (Py_ssize_t i = 0; dict && i < PyTuple_Size(keywords); i++) {
        if (PyDict_SetItem(dict, PyTuple_GetItem(keywords, i), values[i]) < 0)
            Py_CLEAR(dict);
    }
    return dict;
}

/* The event loop class's own call_soon(). */
static PyObject *schedule(PyObject *self, PyObject *const *arguments, Py_ssize_t count, PyObject *keywords)
{
    if (!settings.call_soon) {
        PyErr_SetString(PyExc_RuntimeError, "configure() comes first");
        return NULL;
    }
    PyObject *positional = PyTuple_New(count + 1);
    if (!positional)
        return NULL;
    PyTuple_SetItem(positional, 0, Py_NewRef(self));
    for (Py_ssize_t i = 0; i < count; i++)
        PyTuple_SetItem(positional, i + 1, Py_NewRef(arguments[i]));
    PyObject *dict = NULL;
    PyObject *handle = NULL;
    if (!keywords || (dict = keyword_dict(arguments + count, keywords)))
        handle = PyObject_Call(settings.call_soon, positional, dict);
    Py_XDECREF(dict);
    Py_DECREF(positional);
    return handle;
}

static PyObject *loop_call_soon(PyObject *object, PyObject *const *arguments, Py_ssize_t count,
                                PyObject *keywords)
{
    struct loop *self = (struct loop *)object;
    self->touched = 1;
    bool other;
    PyObject *context = context_argument(arguments + count, keywords, &other);
    if (!self->catching || count != 1 || !context || other)
        return schedule(object, arguments, count, keywords);
    self->catching = 0;
    self->step = Py_NewRef(arguments[0]);
    self->context = Py_NewRef(context);
    Py_RETURN_NONE;
}

/* Runs the step that Task() has handed over. */
static int take_first_step(struct loop *self)
{
    PyObject *step = self->step, *context = self->context;
    self->step = self->context = NULL;
    if (!step) {
        PyErr_SetString(PyExc_RuntimeError, "the task has not scheduled its first step");
        return -1;
    }
    PyObject *result = PyObject_CallMethodObjArgs(context, names.run, step, NULL);
    Py_DECREF(step);
    Py_DECREF(context);
    if (!result)
        return -1;
    Py_DECREF(result);
    return 0;
}

static PyObject *create_task(PyObject *loop, PyObject *coroutine)
{
    if (!settings.task) {
        PyErr_SetString(PyExc_RuntimeError, "configure() comes first");
        return NULL;
    }
    PyObject *arguments = PyTuple_Pack(1, coroutine);
    PyObject *keywords = arguments ? Py_BuildValue("{s:O}", "loop", loop) : NULL;
    PyObject *task = keywords ? PyObject_Call(settings.task, arguments, keywords) : NULL;
    Py_XDECREF(keywords);
    Py_XDECREF(arguments);
    return task;
}

PyObject *loop_start_task(PyObject *loop, PyObject *coroutine)
{
    if (!PyObject_TypeCheck(loop, loop_type))
        return PyObject_CallMethodObjArgs(loop, names.start_task, coroutine, NULL);
    struct loop *self = (struct loop *)loop;
    self->catching = 1;
    PyObject *task = create_task(loop, coroutine);
    self->catching = 0;
    if (!task) {
        Py_CLEAR(self->step);
        Py_CLEAR(self->context);
        return NULL;
    }
    if (take_first_step(self) < 0)
        Py_CLEAR(task);
    return task;
}

static PyObject *loop_start_task_method(PyObject *self, PyObject *coroutine)
{
    return loop_start_task(self, coroutine);
}

/* Hands one event to its slot. 1: it was for `inner`; 0 or -1. */
static int dispatch(const struct epoll_event *event, int inner, PyObject *owners)
{
    PyObject *key = PyLong_FromLong(event->data.fd);
    if (!key)
        return -1;
    PyObject *slot = PyDict_GetItemWithError(owners, key);
    Py_DECREF(key);
    if (!slot)
        return PyErr_Occurred() ? -1 : event->data.fd == inner;
    Py_INCREF(slot);
    int rc = slot_on_event(slot, event->events);
    Py_DECREF(slot);
    return rc;
}

/* One wait, and all that came with it. 1: `inner` is ready; 0 or -1. */
static int serve_once(int descriptor, int inner, PyObject *owners, int wait_ms)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    int count;
    Py_BEGIN_ALLOW_THREADS
    count = epoll_wait(descriptor, events, EVENTS_AT_ONCE, wait_ms);
    Py_END_ALLOW_THREADS
    if (count < 0 && errno != EINTR) {
        PyErr_SetFromErrno(PyExc_OSError);
        return -1;
    }
    if (PyErr_CheckSignals() < 0)
        return -1;
    int own = 0;
    for (int i = 0; i < count; i++) {
        int rc = dispatch(&events[i], inner, owners);
        if (rc < 0)
            return -1;
        own |= rc;
    }
    return own;
}

/* epoll's milliseconds of asyncio's seconds, never too short; -1 without an end. */
static int read_wait(PyObject *timeout, int *ret_wait_ms)
{
    if (timeout == Py_None) {
        *ret_wait_ms = -1;
        return 0;
    }
    double seconds = PyFloat_AsDouble(timeout);
    if (seconds == -1.0 && PyErr_Occurred())
        return -1;
    *ret_wait_ms = seconds <= 0 ? 0 : seconds > 1e6 ? 1000000000 : (int)ceil(seconds * 1e3);
    return 0;
}

PyObject *loop_serve(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    int wait_ms;
    if (count != 5 || !PyDict_Check(arguments[2]) || !PyObject_TypeCheck(arguments[3], loop_type)) {
        PyErr_SetString(PyExc_TypeError,
                        "serve() takes an epoll, a descriptor, the owners, a loop and a time");
        return NULL;
    }
    int descriptor = PyObject_AsFileDescriptor(arguments[0]);
    int inner = descriptor < 0 ? -1 : PyObject_AsFileDescriptor(arguments[1]);
    if (inner < 0 || read_wait(arguments[4], &wait_ms) < 0)
        return NULL;
    struct loop *loop = (struct loop *)arguments[3];
    for (;;) {
        loop->touched = 0;
        int own = serve_once(descriptor, inner, arguments[2], wait_ms);
        if (own < 0)
            return NULL;
        if (own)
            Py_RETURN_TRUE;
        if (wait_ms >= 0 || loop->touched)
            Py_RETURN_FALSE;
    }
}

static int loop_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct loop *self = (struct loop *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->step);
    Py_VISIT(self->context);
    return 0;
}

static int loop_clear(PyObject *object)
{
    struct loop *self = (struct loop *)object;
    Py_CLEAR(self->step);
    Py_CLEAR(self->context);
    return 0;
}

static void loop_dealloc(PyObject *object)
{
    PyObject_GC_UnTrack(object);
    loop_clear(object);
    object_free(object);
}

int loop_type_add(PyObject *module)
{
    static PyMemberDef members[] = {
        {"touched", T_BOOL, offsetof(struct loop, touched), 0, NULL},
        {NULL, 0, 0, 0, NULL},
    };
    static PyMethodDef methods[] = {
        {"call_soon", (PyCFunction)(void (*)(void))loop_call_soon, METH_FASTCALL | METH_KEYWORDS,
         "As of the event loop, but hands over a new task's first step."},
        {"start_task", loop_start_task_method, METH_O,
         "A task whose first step has been taken when this returns. Not from within another task."},
        {NULL, NULL, 0, NULL},
    };
    static PyType_Slot slots[] = {
        {Py_tp_traverse, loop_traverse}, {Py_tp_clear, loop_clear}, {Py_tp_dealloc, loop_dealloc},
        {Py_tp_members, members},        {Py_tp_methods, methods},  {0, NULL},
    };
    static PyType_Spec spec = {
        .name = "berth_runner._accelerator.LoopBase",
        .basicsize = sizeof(struct loop),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
        .slots = slots,
    };
    return type_add(module, &spec, &loop_type);
}
