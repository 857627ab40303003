#include "exchange.h"

#include "response.h"
#include "slot.h"

enum stage {
    STAGE_NEW,
    STAGE_HANDLER, /* `inner` is the handler's coroutine */
    STAGE_ANSWER, /* `inner` is carry_out()'s */
    STAGE_DONE,
};

struct exchange {
    PyObject_HEAD
    struct slot *slot;
    PyObject *request;
    PyObject *inner; /* the coroutine that is being run */
    enum stage stage;
};

PyObject *exchange_create(PyObject *slot, PyObject *request)
{
    struct exchange *self = (struct exchange *)PyType_GenericAlloc(exchange_type, 0);
    if (!self)
        return NULL;
    self->slot = (struct slot *)Py_NewRef(slot);
    self->request = Py_NewRef(request);
    self->stage = STAGE_NEW;
    return (PyObject *)self;
}

bool exchange_is_done(PyObject *exchange)
{
    return ((struct exchange *)exchange)->stage == STAGE_DONE;
}

/* Tells the slot of the exception that is set. */
static int report_failure(struct exchange *self)
{
    PyObject *kind, *error, *trace;
    PyErr_Fetch(&kind, &error, &trace);
    PyErr_NormalizeException(&kind, &error, &trace);
    if (trace)
        PyException_SetTraceback(error, trace);
    PyObject *result =
        PyObject_CallMethodObjArgs((PyObject *)self->slot, names.fail, error, self->request, NULL);
    Py_XDECREF(kind);
    Py_XDECREF(error);
    Py_XDECREF(trace);
    Py_XDECREF(result);
    return result ? 0 : -1;
}

/* The slot dials again when its connection ended under the request. Keeps the exception that may be set. */
static int come_back(struct exchange *self)
{
    if (!self->slot->gone || self->slot->request != self->request)
        return 0;
    PyObject *kind, *error, *trace;
    PyErr_Fetch(&kind, &error, &trace);
    if (call_method((PyObject *)self->slot, names.redial, NULL) < 0) {
        Py_XDECREF(kind);
        Py_XDECREF(error);
        Py_XDECREF(trace);
        return -1;
    }
    PyErr_Restore(kind, error, trace);
    return 0;
}

/* Ends the exchange, with the exception that is set or without one. */
static PySendResult finish(struct exchange *self, PyObject **ret_result)
{
    self->stage = STAGE_DONE;
    Py_CLEAR(self->inner);
    int rc = PyErr_Occurred() ? report_failure(self) : 0;
    if (come_back(self) < 0 || rc < 0)
        return PYGEN_ERROR;
    *ret_result = Py_NewRef(Py_None);
    return PYGEN_RETURN;
}

/* Calls the handler. What it gives is a coroutine, or is wrapped in one. */
static int call_handler(struct exchange *self)
{
    PyObject *given = PyObject_CallFunctionObjArgs(self->slot->handle, self->request, NULL);
    if (given && (PyObject *)Py_TYPE(given) != settings.coroutine_type) {
        PyObject *waiting = PyObject_CallMethodObjArgs((PyObject *)self->slot, names.wait_for, given, NULL);
        Py_DECREF(given);
        given = waiting;
    }
    self->inner = given;
    self->stage = STAGE_HANDLER;
    return given ? 0 : -1;
}

/* Sends what the handler returned. 0: that was all; 1: the rest is `inner`'s; -1. */
static int answer(struct exchange *self, PyObject *result)
{
    struct slot *slot = self->slot;
    int rc = response_send(slot, result);
    if (rc != 0)
        return rc < 0 ? -1 : 0;
    PyObject *encoded = PyObject_CallFunctionObjArgs(slot->encode, result, NULL);
    if (!encoded)
        return -1;
    if (PyBytes_CheckExact(encoded)) {
        rc = slot_send(slot, PyBytes_AsString(encoded), (size_t)PyBytes_Size(encoded), "", 0);
    } else {
        self->inner =
            PyObject_CallMethodObjArgs((PyObject *)slot, names.carry_out, encoded, self->request, NULL);
        self->stage = STAGE_ANSWER;
        rc = self->inner ? 1 : -1;
    }
    Py_DECREF(encoded);
    return rc;
}

/* Goes on from what `inner` gave, until something has to be waited for or everything is done. */
static PySendResult proceed(struct exchange *self, PySendResult status, PyObject *result,
                            PyObject **ret_result)
{
    for (;;) {
        if (status == PYGEN_NEXT) {
            *ret_result = result;
            return PYGEN_NEXT;
        }
        Py_CLEAR(self->inner);
        if (status == PYGEN_ERROR || self->stage == STAGE_ANSWER) {
            Py_XDECREF(result);
            return finish(self, ret_result);
        }
        int rc = answer(self, result);
        Py_DECREF(result);
        if (rc <= 0)
            return finish(self, ret_result);
        result = NULL;
        status = PyIter_Send(self->inner, Py_None, &result);
    }
}

static int refuse_reuse(void)
{
    PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
    return -1;
}

static PySendResult exchange_send(PyObject *object, PyObject *value, PyObject **ret_result)
{
    struct exchange *self = (struct exchange *)object;
    *ret_result = NULL;
    if (self->stage == STAGE_DONE) {
        refuse_reuse();
        return PYGEN_ERROR;
    }
    if (self->stage == STAGE_NEW && call_handler(self) < 0)
        return finish(self, ret_result);
    PyObject *result = NULL;
    PySendResult status = PyIter_Send(self->inner, value, &result);
    return proceed(self, status, result, ret_result);
}

/* As a method gives it: the value, or StopIteration. */
static PyObject *as_iteration(PySendResult status, PyObject *result)
{
    if (status == PYGEN_NEXT)
        return result;
    if (status == PYGEN_RETURN) {
        Py_DECREF(result);
        PyErr_SetNone(PyExc_StopIteration);
    }
    return NULL;
}

static PyObject *exchange_send_method(PyObject *self, PyObject *value)
{
    PyObject *result;
    PySendResult status = exchange_send(self, value, &result);
    return as_iteration(status, result);
}

static PyObject *exchange_next(PyObject *self)
{
    return exchange_send_method(self, Py_None);
}

/* What a coroutine's throw() gave, as a PySendResult. */
static PySendResult classify(PyObject *yielded, PyObject **ret_result)
{
    *ret_result = yielded;
    if (yielded)
        return PYGEN_NEXT;
    if (!PyErr_ExceptionMatches(PyExc_StopIteration))
        return PYGEN_ERROR;
    PyObject *kind, *stop, *trace;
    PyErr_Fetch(&kind, &stop, &trace);
    PyErr_NormalizeException(&kind, &stop, &trace);
    *ret_result = PyObject_GetAttrString(stop, "value");
    Py_XDECREF(kind);
    Py_XDECREF(stop);
    Py_XDECREF(trace);
    return *ret_result ? PYGEN_RETURN : PYGEN_ERROR;
}

static PyObject *exchange_throw(PyObject *object, PyObject *arguments)
{
    struct exchange *self = (struct exchange *)object;
    PyObject *kind, *value = NULL, *trace = NULL;
    if (!PyArg_UnpackTuple(arguments, "throw", 1, 3, &kind, &value, &trace))
        return NULL;
    if (self->stage == STAGE_DONE) {
        refuse_reuse();
        return NULL;
    }
    PyObject *result = NULL;
    PySendResult status;
    if (self->stage == STAGE_NEW) {
        bool is_instance = PyObject_IsInstance(kind, PyExc_BaseException) == 1;
        PyErr_SetObject(is_instance ? (PyObject *)Py_TYPE(kind) : kind, is_instance ? kind : value);
        status = PYGEN_ERROR;
    } else {
        PyObject *method = PyObject_GetAttr(self->inner, names.throw);
        PyObject *yielded = method ? PyObject_Call(method, arguments, NULL) : NULL;
        Py_XDECREF(method);
        status = classify(yielded, &result);
    }
    PyObject *given = NULL;
    status = proceed(self, status, result, &given);
    return as_iteration(status, given);
}

/* Nothing is answered any more: the loop that would do it has ended. */
static PyObject *exchange_close(PyObject *object, PyObject *unused)
{
    (void)unused;
    struct exchange *self = (struct exchange *)object;
    PyObject *inner = self->inner;
    self->inner = NULL;
    self->stage = STAGE_DONE;
    int rc = inner ? call_method(inner, names.close, NULL) : 0;
    Py_XDECREF(inner);
    if (rc < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *exchange_itself(PyObject *self)
{
    return Py_NewRef(self);
}

static PyObject *exchange_frame(PyObject *object, void *closure)
{
    (void)closure;
    struct exchange *self = (struct exchange *)object;
    if (self->inner)
        return PyObject_GetAttr(self->inner, names.cr_frame);
    Py_RETURN_NONE;
}

static PyObject *exchange_inner(PyObject *object, void *closure)
{
    (void)closure;
    struct exchange *self = (struct exchange *)object;
    return Py_NewRef(self->inner ? self->inner : Py_None);
}

static PyObject *exchange_name(PyObject *object, void *closure)
{
    (void)object;
    return PyUnicode_FromString((const char *)closure);
}

static int exchange_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct exchange *self = (struct exchange *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT((PyObject *)self->slot);
    Py_VISIT(self->request);
    Py_VISIT(self->inner);
    return 0;
}

static void exchange_dealloc(PyObject *object)
{
    struct exchange *self = (struct exchange *)object;
    PyObject_GC_UnTrack(object);
    Py_CLEAR(self->inner);
    Py_CLEAR(self->request);
    Py_CLEAR(self->slot);
    object_free(object);
}

/* The slot stays: a handler that is closed may still come back to it. */
static int exchange_clear(PyObject *object)
{
    struct exchange *self = (struct exchange *)object;
    Py_CLEAR(self->inner);
    return 0;
}

int exchange_type_add(PyObject *module)
{
    static char name[] = "run", qualified_name[] = "Slot.run";
    static PyGetSetDef computed[] = {
        {"cr_frame", exchange_frame, NULL, "The frame of the coroutine that is being run.", NULL},
        {"cr_await", exchange_inner, NULL, "The coroutine that is being run.", NULL},
        {"__name__", exchange_name, NULL, NULL, name},
        {"__qualname__", exchange_name, NULL, NULL, qualified_name},
        {NULL, NULL, NULL, NULL, NULL},
    };
    static PyMethodDef methods[] = {
        {"send", exchange_send_method, METH_O, "As of a coroutine."},
        {"throw", exchange_throw, METH_VARARGS, "As of a coroutine."},
        {"close", exchange_close, METH_NOARGS, "As of a coroutine."},
        {NULL, NULL, 0, NULL},
    };
    static PyType_Slot slots[] = {
        {Py_tp_traverse, exchange_traverse},
        {Py_tp_clear, exchange_clear},
        {Py_tp_dealloc, exchange_dealloc},
        {Py_tp_getset, computed},
        {Py_tp_methods, methods},
        {Py_tp_iter, exchange_itself},
        {Py_tp_iternext, exchange_next},
        {Py_am_await, exchange_itself},
        {Py_am_send, exchange_send},
        {0, NULL},
    };
    static PyType_Spec spec = {
        .name = "berth_runner._accelerator.Exchange",
        .basicsize = sizeof(struct exchange),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
        .slots = slots,
    };
    return type_add(module, &spec, &exchange_type);
}
