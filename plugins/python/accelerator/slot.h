/* One connection on the event loop: type SlotBase. */
#ifndef ACCELERATOR_SLOT_H
#define ACCELERATOR_SLOT_H

#include "accelerator.h"

/* What events.py's Slot knows as attributes of the same names. NULL is None. */
struct slot {
    PyObject_HEAD
    PyObject *loop;
    PyObject *handle;
    PyObject *encode;
    PyObject *request_class;
    PyObject *sock;
    PyObject *buffer; /* bytes read ahead */
    PyObject *request;
    PyObject *content;
    PyObject *task;
    PyObject *departures; /* list */
    PyObject *delays;
    int descriptor;
    unsigned mask;
    char gone;
    char sent;
    char close_after;
    char stopping;
    char writes_responses; /* whether `encode` treats a Starlette response as respond.py does */
};

/* Serves what epoll has told. 0 or -1. */
int slot_on_event(PyObject *slot, unsigned events);

/* Sends a complete response of two parts and ends the request; what the kernel does not take at once is left
 * to hold(). The request must be one that request_head_read() has accepted. 0 or -1. */
int slot_send(struct slot *self, const char *head, size_t head_size, const char *body, size_t body_size);

#endif
