/* The coroutine of one request, from handler to response: type Exchange. What Slot.run() is in Python. */
#ifndef ACCELERATOR_EXCHANGE_H
#define ACCELERATOR_EXCHANGE_H

#include "accelerator.h"

/* `slot` is of SlotBase; both are borrowed. */
PyObject *exchange_create(PyObject *slot, PyObject *request);

/* Whether it has come to its end. */
bool exchange_is_done(PyObject *exchange);

#endif
