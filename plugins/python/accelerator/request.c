#include "request.h"

#include <stddef.h>
#include <structmember.h>

static int request_init(PyObject *object, PyObject *arguments, PyObject *keywords)
{
    struct request *self = (struct request *)object;
    static char *keyword_names[] = {"method", "target", "head", "lower", "body", "content", "slot", NULL};
    PyObject *method, *target, *head, *lower, *body, *content, *slot;
    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OOOOOOO", keyword_names, &method, &target, &head,
                                     &lower, &body, &content, &slot))
        return -1;
    PyObject *before[] = {self->method, self->target,  self->head, self->lower,
                          self->body,   self->content, self->slot};
    self->method = Py_NewRef(method);
    self->target = Py_NewRef(target);
    self->head = Py_NewRef(head);
    self->lower = lower == Py_None ? NULL : Py_NewRef(lower);
    self->body = content == Py_None ? Py_NewRef(body) : NULL;
    self->content = Py_NewRef(content);
    self->slot = Py_NewRef(slot);
    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
        Py_XDECREF(before[i]);
    return 0;
}

PyObject *request_create(PyTypeObject *type, PyObject *method, PyObject *target, PyObject *head,
                         PyObject *body, PyObject *slot)
{
    struct request *self = (struct request *)PyType_GenericAlloc(type, 0);
    if (!self)
        return NULL;
    self->method = Py_NewRef(method);
    self->target = Py_NewRef(target);
    self->head = Py_NewRef(head);
    self->body = Py_NewRef(body);
    self->content = Py_NewRef(Py_None);
    self->slot = Py_NewRef(slot);
    return (PyObject *)self;
}

static PyObject *request_lower(PyObject *object, void *closure)
{
    (void)closure;
    struct request *self = (struct request *)object;
    if (!self->lower) {
        if (!self->head) {
            PyErr_SetString(PyExc_AttributeError, "_lower");
            return NULL;
        }
        self->lower = PyObject_CallMethodObjArgs(self->head, names.lower, NULL);
        if (!self->lower)
            return NULL;
    }
    return Py_NewRef(self->lower);
}

static int request_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct request *self = (struct request *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->method);
    Py_VISIT(self->target);
    Py_VISIT(self->head);
    Py_VISIT(self->lower);
    Py_VISIT(self->body);
    Py_VISIT(self->content);
    Py_VISIT(self->slot);
    return 0;
}

static int request_clear(PyObject *object)
{
    struct request *self = (struct request *)object;
    Py_CLEAR(self->method);
    Py_CLEAR(self->target);
    Py_CLEAR(self->head);
    Py_CLEAR(self->lower);
    Py_CLEAR(self->body);
    Py_CLEAR(self->content);
    Py_CLEAR(self->slot);
    return 0;
}

static void request_dealloc(PyObject *object)
{
    PyObject_GC_UnTrack(object);
    request_clear(object);
    object_free(object);
}

int request_type_add(PyObject *module)
{
    static PyMemberDef members[] = {
        {"method", T_OBJECT_EX, offsetof(struct request, method), 0, NULL},
        {"_target", T_OBJECT_EX, offsetof(struct request, target), 0, NULL},
        {"_head", T_OBJECT_EX, offsetof(struct request, head), 0, NULL},
        {"_body", T_OBJECT_EX, offsetof(struct request, body), 0, NULL},
        {"_content", T_OBJECT_EX, offsetof(struct request, content), 0, NULL},
        {"_slot", T_OBJECT_EX, offsetof(struct request, slot), 0, NULL},
        {NULL, 0, 0, 0, NULL},
    };
    static PyGetSetDef computed[] = {
        {"_lower", request_lower, NULL, NULL, NULL},
        {NULL, NULL, NULL, NULL, NULL},
    };
    static PyType_Slot slots[] = {
        {Py_tp_init, request_init},
        {Py_tp_traverse, request_traverse},
        {Py_tp_clear, request_clear},
        {Py_tp_dealloc, request_dealloc},
        {Py_tp_members, members},
        {Py_tp_getset, computed},
        {0, NULL},
    };
    static PyType_Spec spec = {
        .name = "berth_runner._accelerator.RequestBase",
        .basicsize = sizeof(struct request),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
        .slots = slots,
    };
    return type_add(module, &spec, &request_type);
}
