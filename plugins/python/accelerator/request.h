/* What every request object begins with: type RequestBase. */
#ifndef ACCELERATOR_REQUEST_H
#define ACCELERATOR_REQUEST_H

#include "accelerator.h"

struct request {
    PyObject_HEAD
    PyObject *method;
    PyObject *target;
    PyObject *head;
    PyObject *lower; /* made when it is asked for */
    PyObject *body; /* NULL as long as it is not there */
    PyObject *content;
    PyObject *slot;
};

/* A request of `type`, a class derived from RequestBase, whose whole body came along with the head. The
 * arguments are borrowed. */
PyObject *request_create(PyTypeObject *type, PyObject *method, PyObject *target, PyObject *head,
                         PyObject *body, PyObject *slot);

#endif
