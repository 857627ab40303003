#include "response.h"

#include <string.h>

#define HEAD_MAX        (16 << 10)
#define BODY_COPIED_MAX (16 << 10) /* up to this size copying is cheaper than a second part */

struct writer {
    char bytes[HEAD_MAX + BODY_COPIED_MAX];
    size_t size;
};

struct parts {
    PyObject *background, *status, *headers, *body;
};

static void parts_clear(struct parts *parts)
{
    Py_CLEAR(parts->background);
    Py_CLEAR(parts->status);
    Py_CLEAR(parts->headers);
    Py_CLEAR(parts->body);
}

/* Everything is asked for before anything is written, since an attribute may be code. */
static int parts_get(PyObject *response, struct parts *ret_parts)
{
    struct parts parts = {0};
    if (!(parts.background = PyObject_GetAttr(response, names.background)) ||
        !(parts.status = PyObject_GetAttr(response, names.status_code)) ||
        !(parts.headers = PyObject_GetAttr(response, names.raw_headers)) ||
        !(parts.body = PyObject_GetAttr(response, names.body))) {
        parts_clear(&parts);
        return -1;
    }
    *ret_parts = parts;
    return 0;
}

static bool append(struct writer *writer, const char *bytes, size_t size)
{
    if (size > HEAD_MAX - writer->size)
        return false;
    memcpy(writer->bytes + writer->size, bytes, size);
    writer->size += size;
    return true;
}

static bool has_break(const char *text, size_t size)
{
    return memchr(text, '\n', size) || memchr(text, '\r', size) || memchr(text, '\0', size);
}

static bool append_text(struct writer *writer, PyObject *text)
{
    if (!PyBytes_CheckExact(text))
        return false;
    const char *bytes = PyBytes_AsString(text);
    size_t size = (size_t)PyBytes_Size(text);
    return !has_break(bytes, size) && append(writer, bytes, size);
}

static bool is_text(PyObject *text, const char *wanted, size_t size)
{
    return (size_t)PyBytes_Size(text) == size && memcmp(PyBytes_AsString(text), wanted, size) == 0;
}

/* False: not of the usual kind. */
static bool append_header(struct writer *writer, PyObject *pair, bool *has_length)
{
    if (!PyTuple_CheckExact(pair) || PyTuple_Size(pair) != 2)
        return false;
    PyObject *name = PyTuple_GetItem(pair, 0);
    if (!append_text(writer, name) || !append(writer, ": ", 2) ||
        !append_text(writer, PyTuple_GetItem(pair, 1)) || !append(writer, "\r\n", 2))
        return false;
    if (is_text(name, "content-length", 14))
        *has_length = true;
    return !is_text(name, "transfer-encoding", 17);
}

/* Whether a response of this status has no body and no length; also for what is no status. */
static bool is_bodiless(PyObject *status)
{
    long code = PyLong_AsLong(status);
    return code < 200 || code == 204 || code == 304;
}

/* The whole head with the empty line. False: not of the usual kind. */
static bool write_head(struct writer *writer, const struct parts *parts)
{
    if (!PyLong_CheckExact(parts->status) || !PyList_CheckExact(parts->headers) || is_bodiless(parts->status))
        return false;
    PyObject *line = PyDict_GetItemWithError(settings.status_lines, parts->status);
    if (!line || !PyBytes_CheckExact(line) ||
        !append(writer, PyBytes_AsString(line), (size_t)PyBytes_Size(line)))
        return false;
    bool has_length = false;
    Py_ssize_t count = PyList_Size(parts->headers);
    for (Py_ssize_t i = 0; i < count; i++) {
        if (!append_header(writer, PyList_GetItem(parts->headers, i), &has_length))
            return false;
    }
    return has_length && append(writer, "\r\n", 2);
}

static int send_parts(struct slot *slot, const struct parts *parts)
{
    /* Guarded by the interpreter's lock: nothing of Python runs while it is filled. */
    static struct writer writer;
    writer.size = 0;
    if (parts->background != Py_None || !PyBytes_CheckExact(parts->body) || !write_head(&writer, parts)) {
        PyErr_Clear();
        return 0;
    }
    const char *body = PyBytes_AsString(parts->body);
    size_t size = (size_t)PyBytes_Size(parts->body);
    if (size <= BODY_COPIED_MAX) {
        memcpy(writer.bytes + writer.size, body, size);
        writer.size += size;
        size = 0;
    }
    return slot_send(slot, writer.bytes, writer.size, body, size) < 0 ? -1 : 1;
}

int response_send(struct slot *slot, PyObject *result)
{
    if (!slot->writes_responses)
        return 0;
    PyObject *writer = PyDict_GetItemWithError(settings.writers, (PyObject *)Py_TYPE(result));
    if (writer != settings.write_response || !writer)
        return PyErr_Occurred() ? -1 : 0;
    struct parts parts;
    if (parts_get(result, &parts) < 0)
        return -1;
    int rc = send_parts(slot, &parts);
    parts_clear(&parts);
    return rc;
}
