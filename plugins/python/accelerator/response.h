/* A Starlette response that holds its whole body, written without going through Python. */
#ifndef ACCELERATOR_RESPONSE_H
#define ACCELERATOR_RESPONSE_H

#include "slot.h"

/* Sends what a handler returned if it is such a response of the usual kind. 1: sent; 0: it is something else,
 * for `encode`; -1. */
int response_send(struct slot *slot, PyObject *result);

#endif
