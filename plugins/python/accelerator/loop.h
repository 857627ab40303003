/* The part of the event loop that requests go through: type LoopBase. */
#ifndef ACCELERATOR_LOOP_H
#define ACCELERATOR_LOOP_H

#include "accelerator.h"

/* A task of `loop` for the coroutine, whose first step has been taken on return. Not from within another
 * task. */
PyObject *loop_start_task(PyObject *loop, PyObject *coroutine);

/* Python: serve(epoll, inner, owners, loop, timeout). Waits with `epoll` and hands events
 * to their slots in `owners` until `inner` is ready (True), or something was scheduled or the time is over
 * (False). */
PyObject *loop_serve(PyObject *module, PyObject *const *arguments, Py_ssize_t count);

#endif
