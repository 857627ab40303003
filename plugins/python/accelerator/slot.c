#include "slot.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <structmember.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "exchange.h"
#include "head.h"
#include "loop.h"
#include "request.h"

#define RECEIVE_SIZE (64 << 10)

static const char control_path[] = "/.berth/";

/* The methods that can be served here; HEAD's responses are cut. */
static struct {
    const char *text;
    PyObject *name;
} methods_known[] = {{"GET", NULL},    {"POST", NULL},  {"PUT", NULL},
                     {"DELETE", NULL}, {"PATCH", NULL}, {"OPTIONS", NULL}};

/* Borrowed, or NULL for any other method. */
static PyObject *find_method(const char *text, size_t length)
{
    for (size_t i = 0; i < sizeof(methods_known) / sizeof(methods_known[0]); i++) {
        if (strlen(methods_known[i].text) == length && memcmp(methods_known[i].text, text, length) == 0)
            return methods_known[i].name;
    }
    return NULL;
}

static bool is_control(const char *target, size_t length)
{
    size_t size = sizeof(control_path) - 1;
    return length >= size && memcmp(target, control_path, size) == 0;
}

static bool is_empty(PyObject *bytes)
{
    return is_none(bytes) || (PyBytes_CheckExact(bytes) && PyBytes_Size(bytes) == 0);
}

/* Puts what follows the request into `buffer`. */
static int keep_rest(struct slot *self, const char *rest, size_t size)
{
    if (size == 0 && is_empty(self->buffer))
        return 0;
    PyObject *bytes = PyBytes_FromStringAndSize(rest, (Py_ssize_t)size);
    if (!bytes)
        return -1;
    PyObject *before = self->buffer;
    self->buffer = bytes;
    Py_XDECREF(before);
    return 0;
}

static PyObject *make_request(struct slot *self, PyObject *method, const char *data,
                              const struct request_head *parts, PyObject *head)
{
    PyObject *target = PyBytes_FromStringAndSize(data + parts->target, (Py_ssize_t)parts->target_length);
    PyObject *body = PyBytes_FromStringAndSize(data + parts->content, (Py_ssize_t)parts->content_length);
    PyObject *request = NULL;
    if (target && body)
        request =
            request_create((PyTypeObject *)self->request_class, method, target, head, body, (PyObject *)self);
    Py_XDECREF(target);
    Py_XDECREF(body);
    return request;
}

/* Runs the request's first step, and leaves a task that is not done to started(). */
static int run_request(struct slot *self, PyObject *request)
{
    PyObject *exchange = exchange_create((PyObject *)self, request);
    if (!exchange)
        return -1;
    PyObject *task = loop_start_task(self->loop, exchange);
    int rc = task ? 0 : -1;
    if (task && !exchange_is_done(exchange)) {
        PyObject *result = PyObject_CallMethodObjArgs((PyObject *)self, names.started, task, request, NULL);
        Py_XDECREF(result);
        rc = result ? 0 : -1;
    }
    Py_XDECREF(task);
    Py_DECREF(exchange);
    return rc;
}

static int start(struct slot *self, PyObject *method, const char *data, size_t size,
                 const struct request_head *parts)
{
    PyObject *head = PyBytes_FromStringAndSize(data, (Py_ssize_t)parts->head_length);
    PyObject *request = head ? make_request(self, method, data, parts, head) : NULL;
    size_t end = parts->content + parts->content_length;
    int rc = -1;
    if (request && keep_rest(self, data + end, size - end) == 0) {
        if (!is_none(self->delays))
            set_none(&self->delays);
        PyObject *before = self->request;
        self->request = Py_NewRef(request);
        Py_XDECREF(before);
        if (call_method(settings.current_head, names.set, head) == 0)
            rc = run_request(self, request);
    }
    Py_XDECREF(head);
    Py_XDECREF(request);
    return rc;
}

/* Serves the request that `data` holds whole, or leaves the bytes to take(). */
static int serve(struct slot *self, const char *data, size_t size)
{
    struct request_head parts;
    if (request_head_read(data, size, &parts) && parts.content_length <= size - parts.content &&
        !is_control(data + parts.target, parts.target_length)) {
        PyObject *method = find_method(data, parts.method_length);
        if (method)
            return start(self, method, data, size, &parts);
    }
    PyObject *bytes = PyBytes_FromStringAndSize(data, (Py_ssize_t)size);
    int rc = bytes ? call_method((PyObject *)self, names.take, bytes) : -1;
    Py_XDECREF(bytes);
    return rc;
}

static int leave_event(struct slot *self, unsigned events)
{
    PyObject *number = PyLong_FromUnsignedLong(events);
    int rc = number ? call_method((PyObject *)self, names.on_events, number) : -1;
    Py_XDECREF(number);
    return rc;
}

/* Whether such an event is the first of a request, and the slot one whose requests are served here. */
static bool begins_request(const struct slot *self, unsigned events)
{
    return events == EPOLLIN && is_none(self->request) && !is_none(self->sock) && is_empty(self->buffer) &&
           settings.task && self->request_class &&
           PyType_IsSubtype((PyTypeObject *)self->request_class, request_type);
}

int slot_on_event(PyObject *slot, unsigned events)
{
    /* Guarded by the interpreter's lock: nothing of Python runs while it is read. */
    static char buffer[RECEIVE_SIZE];
    if (!PyObject_TypeCheck(slot, slot_type)) {
        PyErr_SetString(PyExc_TypeError, "the owner of a descriptor is not a slot");
        return -1;
    }
    struct slot *self = (struct slot *)slot;
    if (!begins_request(self, events))
        return leave_event(self, events);
    ssize_t size;
    do {
        size = recv(self->descriptor, buffer, sizeof(buffer), MSG_DONTWAIT);
    } while (size < 0 && errno == EINTR);
    if (size > 0)
        return serve(self, buffer, (size_t)size);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return 0;
    return call_method(slot, names.lost, NULL);
}

/* The response has gone out whole. */
static int end_request(struct slot *self)
{
    Py_ssize_t waiting = self->departures ? PyList_Size(self->departures) : 0;
    if (waiting != 0 || self->close_after || self->stopping || !is_none(self->content) ||
        !(self->mask & EPOLLIN) || !is_empty(self->buffer)) {
        PyErr_Clear(); /* departures is no list: end() will say so */
        return call_method((PyObject *)self, names.end, NULL);
    }
    self->sent = 0;
    if (!is_none(self->task))
        set_none(&self->task);
    set_none(&self->request);
    return 0;
}

/* Leaves what the kernel did not take to hold(). */
static int hold_rest(struct slot *self, const struct iovec *parts, size_t sent)
{
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(parts[0].iov_len + parts[1].iov_len));
    PyObject *number = PyLong_FromSize_t(sent);
    PyObject *result = NULL;
    if (bytes && number) {
        char *to = PyBytes_AsString(bytes);
        memcpy(to, parts[0].iov_base, parts[0].iov_len);
        memcpy(to + parts[0].iov_len, parts[1].iov_base, parts[1].iov_len);
        result = PyObject_CallMethodObjArgs((PyObject *)self, names.hold, bytes, number, NULL);
    }
    Py_XDECREF(bytes);
    Py_XDECREF(number);
    Py_XDECREF(result);
    return result ? 0 : -1;
}

static ssize_t send_parts(int descriptor, struct iovec parts[2])
{
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    ssize_t sent;
    do {
        if (parts[1].iov_len == 0)
            sent = send(descriptor, parts[0].iov_base, parts[0].iov_len, flags);
        else
            sent = sendmsg(descriptor, &message, flags);
    } while (sent < 0 && errno == EINTR);
    return sent;
}

int slot_send(struct slot *self, const char *head, size_t head_size, const char *body, size_t body_size)
{
    if (is_none(self->sock))
        return 0;
    struct iovec parts[2] = {{(void *)(uintptr_t)head, head_size}, {(void *)(uintptr_t)body, body_size}};
    ssize_t sent = send_parts(self->descriptor, parts);
    if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
        self->gone = 1;
        return 0;
    }
    if (sent == (ssize_t)(head_size + body_size))
        return end_request(self);
    return hold_rest(self, parts, sent < 0 ? 0 : (size_t)sent);
}

static PyObject *slot_on_event_method(PyObject *self, PyObject *argument)
{
    unsigned long events = PyLong_AsUnsignedLong(argument);
    if (PyErr_Occurred() || slot_on_event(self, (unsigned)events) < 0)
        return NULL;
    Py_RETURN_NONE;
}

static int slot_traverse(PyObject *object, visitproc visit, void *arg)
{
    struct slot *self = (struct slot *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->loop);
    Py_VISIT(self->handle);
    Py_VISIT(self->encode);
    Py_VISIT(self->request_class);
    Py_VISIT(self->sock);
    Py_VISIT(self->buffer);
    Py_VISIT(self->request);
    Py_VISIT(self->content);
    Py_VISIT(self->task);
    Py_VISIT(self->departures);
    Py_VISIT(self->delays);
    return 0;
}

static int slot_clear(PyObject *object)
{
    struct slot *self = (struct slot *)object;
    Py_CLEAR(self->loop);
    Py_CLEAR(self->handle);
    Py_CLEAR(self->encode);
    Py_CLEAR(self->request_class);
    Py_CLEAR(self->sock);
    Py_CLEAR(self->buffer);
    Py_CLEAR(self->request);
    Py_CLEAR(self->content);
    Py_CLEAR(self->task);
    Py_CLEAR(self->departures);
    Py_CLEAR(self->delays);
    return 0;
}

static void slot_dealloc(PyObject *object)
{
    PyObject_GC_UnTrack(object);
    slot_clear(object);
    object_free(object);
}

static PyMemberDef slot_members[] = {
    {"loop", T_OBJECT, offsetof(struct slot, loop), 0, NULL},
    {"handle", T_OBJECT, offsetof(struct slot, handle), 0, NULL},
    {"encode", T_OBJECT, offsetof(struct slot, encode), 0, NULL},
    {"request_class", T_OBJECT, offsetof(struct slot, request_class), 0, NULL},
    {"sock", T_OBJECT, offsetof(struct slot, sock), 0, NULL},
    {"buffer", T_OBJECT, offsetof(struct slot, buffer), 0, NULL},
    {"request", T_OBJECT, offsetof(struct slot, request), 0, NULL},
    {"content", T_OBJECT, offsetof(struct slot, content), 0, NULL},
    {"task", T_OBJECT, offsetof(struct slot, task), 0, NULL},
    {"departures", T_OBJECT, offsetof(struct slot, departures), 0, NULL},
    {"delays", T_OBJECT, offsetof(struct slot, delays), 0, NULL},
    {"descriptor", T_INT, offsetof(struct slot, descriptor), 0, NULL},
    {"mask", T_UINT, offsetof(struct slot, mask), 0, NULL},
    {"gone", T_BOOL, offsetof(struct slot, gone), 0, NULL},
    {"sent", T_BOOL, offsetof(struct slot, sent), 0, NULL},
    {"close_after", T_BOOL, offsetof(struct slot, close_after), 0, NULL},
    {"stopping", T_BOOL, offsetof(struct slot, stopping), 0, NULL},
    {"writes_responses", T_BOOL, offsetof(struct slot, writes_responses), 0, NULL},
    {NULL, 0, 0, 0, NULL},
};

static int intern_methods(void)
{
    for (size_t i = 0; i < sizeof(methods_known) / sizeof(methods_known[0]); i++) {
        methods_known[i].name = PyUnicode_InternFromString(methods_known[i].text);
        if (!methods_known[i].name)
            return -1;
    }
    return 0;
}

int slot_type_add(PyObject *module)
{
    static PyMethodDef methods[] = {
        {"on_event", slot_on_event_method, METH_O, "Serves what epoll has told."},
        {NULL, NULL, 0, NULL},
    };
    static PyType_Slot slots[] = {
        {Py_tp_traverse, slot_traverse}, {Py_tp_clear, slot_clear}, {Py_tp_dealloc, slot_dealloc},
        {Py_tp_members, slot_members},   {Py_tp_methods, methods},  {0, NULL},
    };
    static PyType_Spec spec = {
        .name = "berth_runner._accelerator.SlotBase",
        .basicsize = sizeof(struct slot),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
        .slots = slots,
    };
    return intern_methods() < 0 ? -1 : type_add(module, &spec, &slot_type);
}
