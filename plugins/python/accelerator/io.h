/* Blocking reads and writes for threads, which give up the interpreter's lock only when they would have to
 * wait. */
#ifndef ACCELERATOR_IO_H
#define ACCELERATOR_IO_H

#include "accelerator.h"

/* Python: receive(sock). Waits for bytes; b"" at the end. */
PyObject *io_receive(PyObject *module, PyObject *sock);

/* Python: send_all(sock, data). */
PyObject *io_send_all(PyObject *module, PyObject *const *arguments, Py_ssize_t count);

#endif
