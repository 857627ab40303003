#include "io.h"

#include <errno.h>
#include <sys/socket.h>

#define RECEIVE_SIZE (64 << 10)

/* Whether a call that failed is to be made once more, with *flags so that it waits if it has to. */
static bool may_repeat(int *flags)
{
    if (errno == EINTR)
        return PyErr_CheckSignals() == 0;
    if ((errno == EAGAIN || errno == EWOULDBLOCK) && (*flags & MSG_DONTWAIT)) {
        *flags &= ~MSG_DONTWAIT;
        return true;
    }
    PyErr_SetFromErrno(PyExc_OSError);
    return false;
}

PyObject *io_receive(PyObject *module, PyObject *sock)
{
    (void)module;
    char buffer[RECEIVE_SIZE];
    int number = PyObject_AsFileDescriptor(sock);
    if (number < 0)
        return NULL;
    int flags = MSG_DONTWAIT;
    ssize_t size = recv(number, buffer, sizeof(buffer), flags);
    while (size < 0 && may_repeat(&flags)) {
        Py_BEGIN_ALLOW_THREADS
        size = recv(number, buffer, sizeof(buffer), flags);
        Py_END_ALLOW_THREADS
    }
    return size < 0 ? NULL : PyBytes_FromStringAndSize(buffer, size);
}

static int send_all(int descriptor, const char *bytes, size_t size)
{
    int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    ssize_t sent = send(descriptor, bytes, size, flags);
    for (;;) {
        if (sent == (ssize_t)size)
            return 0;
        if (sent >= 0) {
            bytes += sent;
            size -= (size_t)sent;
            flags = MSG_NOSIGNAL;
        } else if (!may_repeat(&flags)) {
            return -1;
        }
        Py_BEGIN_ALLOW_THREADS
        sent = send(descriptor, bytes, size, flags);
        Py_END_ALLOW_THREADS
    }
}

PyObject *io_send_all(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    (void)module;
    char *bytes;
    Py_ssize_t size;
    if (count != 2) {
        PyErr_SetString(PyExc_TypeError, "send_all() takes a socket and bytes");
        return NULL;
    }
    int descriptor = PyObject_AsFileDescriptor(arguments[0]);
    if (descriptor < 0 || PyBytes_AsStringAndSize(arguments[1], &bytes, &size) < 0 ||
        send_all(descriptor, bytes, (size_t)size) < 0)
        return NULL;
    Py_RETURN_NONE;
}
