#include "fleet/instance/init_text.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "fleet/instance/instance_memory.h"

#include <stdbool.h>
#include <string.h>

#define ESCAPED_MAX 6 /* bytes of "\u0001" */

/* Text as it is written, into memory of a size that is enough: it never moves, so nothing is left behind. */
struct writer {
    struct locked *to;
    size_t length;
};

static void put(struct writer *writer, const void *bytes, size_t size)
{
    memcpy(writer->to->bytes + writer->length, bytes, size);
    writer->length += size;
}

static void put_text(struct writer *writer, const char *text)
{
    put(writer, text, strlen(text));
}

/* As JSON has it between quotes; the value is UTF-8 without a NUL. */
static void put_escaped(struct writer *writer, const struct locked *value)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < value->size; i++) {
        unsigned char byte = (unsigned char)value->bytes[i];
        if (byte == '"' || byte == '\\') {
            put(writer, (char[]){'\\', (char)byte}, 2);
        } else if (byte < 0x20) {
            put_text(writer, "\\u00");
            put(writer, (char[]){digits[byte >> 4], digits[byte & 15]}, 2);
        } else {
            put(writer, &byte, 1);
        }
    }
}

/* Calls visit with each secret that is a variable, and its value. */
static int each_variable(const struct secret_use *secrets, size_t count, const struct secret_store *store,
                         void (*visit)(const char *variable, const struct locked *value, void *context),
                         void *context, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        cleanup_locked struct locked value = {0};
        if (!secrets[i].variable)
            continue;
        if (instance_memory_reveal(store, &secrets[i], &value, err) < 0)
            return -1;
        visit(secrets[i].variable, &value, context);
    }
    return 0;
}

/* Room that is enough for them, with all that stands around them. */
static void add_size(const char *variable, const struct locked *value, void *context)
{
    size_t *size = context;
    *size += strlen(variable) + ESCAPED_MAX * value->size + sizeof(",\"\":\"\"");
}

/* --- JSON --- */

static void put_member(const char *variable, const struct locked *value, void *context)
{
    struct writer *writer = context;
    if (writer->to->bytes[writer->length - 1] != '{')
        put_text(writer, ",");
    put_text(writer, "\"");
    put_text(writer, variable);
    put_text(writer, "\":\"");
    put_escaped(writer, value);
    put_text(writer, "\"");
}

/* An object without its closing brace. */
static void put_open(struct writer *writer, const char *object)
{
    put(writer, object, strlen(object) - 1);
}

int init_text_make(const json_t *settings, const struct secret_use *secrets, size_t count,
                   const struct secret_store *store, struct locked *ret_text, struct error *err)
{
    const json_t *environment = json_object_get(settings, "environment");
    json_t *rest = json_copy((json_t *)settings);
    json_object_del(rest, "environment");
    cleanup_free char *outer = json_dumps(rest, JSON_COMPACT);
    cleanup_free char *inner = environment ? json_dumps(environment, JSON_COMPACT) : xstrdup("{}");
    json_decref(rest);
    size_t size = strlen(outer) + strlen(inner) + sizeof(",\"environment\":");
    if (each_variable(secrets, count, store, add_size, &size, err) < 0)
        return -1;
    cleanup_locked struct locked room = locked_make(size);
    struct writer writer = {.to = &room};
    put_open(&writer, outer);
    put_text(&writer, ",\"environment\":");
    put_open(&writer, inner);
    if (each_variable(secrets, count, store, put_member, &writer, err) < 0)
        return -1;
    put(&writer, "}}", 3);
    *ret_text = (struct locked){steal(&room.bytes), writer.length - 1};
    return 0;
}

/* --- entries --- */

static void put_entry(const char *variable, const struct locked *value, void *context)
{
    struct writer *writer = context;
    put_text(writer, variable);
    put_text(writer, "=");
    put(writer, value->bytes, value->size);
    put(writer, "", 1);
}

int init_text_environment(const struct secret_use *secrets, size_t count, const struct secret_store *store,
                          struct locked *ret_entries, struct error *err)
{
    size_t size = 1;
    if (each_variable(secrets, count, store, add_size, &size, err) < 0)
        return -1;
    cleanup_locked struct locked room = locked_make(size);
    struct writer writer = {.to = &room};
    if (each_variable(secrets, count, store, put_entry, &writer, err) < 0)
        return -1;
    *ret_entries = (struct locked){steal(&room.bytes), writer.length};
    return 0;
}
