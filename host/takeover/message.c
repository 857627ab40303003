#include "takeover/message.h"

#include "base/alloc.h"
#include "base/json.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT_BYTES_MAX ((json_int_t)1 << 31)

static const char *const kind_names[TAKEOVER_KINDS] = {
    [TAKEOVER_ASK] = "ask",           [TAKEOVER_REFUSED] = "refused", [TAKEOVER_YOURS] = "yours",
    [TAKEOVER_INSTANCE] = "instance", [TAKEOVER_SERVING] = "serving", [TAKEOVER_CLIENT] = "client",
    [TAKEOVER_REQUEST] = "request",
};

/* --- reading --- */

static int bad(const char *what, struct error *err)
{
    return error_set(err, ERROR_TAKEOVER_MESSAGE, "the other daemon has sent something else than %s", what);
}

static int read_text(const json_t *body, const char *member, char *ret_text, size_t room)
{
    const char *text = json_string_value(json_object_get(body, member));
    if (!text || strlen(text) >= room)
        return -1;
    memcpy(ret_text, text, strlen(text) + 1);
    return 0;
}

static int read_ask(const json_t *body, size_t fd_count, struct takeover_message *message)
{
    const json_t *protocol = json_object_get(body, "protocol");
    if (fd_count != 0 || !json_is_integer(protocol) || json_integer_value(protocol) < 0)
        return -1;
    message->protocol = (uint64_t)json_integer_value(protocol);
    return read_text(body, "version", message->version, sizeof(message->version));
}

static int read_refusal(const json_t *body, size_t fd_count, struct takeover_message *message)
{
    if (fd_count != 0 || read_text(body, "message", message->message, sizeof(message->message)) < 0)
        return -1;
    return read_text(body, "hint", message->hint, sizeof(message->hint));
}

static int read_keeps(const json_t *keeps, struct takeover_message *message)
{
    size_t count = json_array_size(keeps);
    if (!json_is_array(keeps))
        return keeps ? -1 : 0;
    message->keeps = xcalloc(count + 1, sizeof(*message->keeps));
    for (size_t i = 0; i < count; i++) {
        const json_t *instance = json_array_get(keeps, i);
        if (!json_is_integer(instance) || json_integer_value(instance) < 0)
            return -1;
        message->keeps[message->keep_count++] = (uint64_t)json_integer_value(instance);
    }
    return 0;
}

static int read_names(const json_t *body, size_t fd_count, struct takeover_message *message)
{
    const json_t *names = json_object_get(body, "names");
    if (!json_is_array(names) || json_array_size(names) != fd_count || fd_count > WIRE_FDS_MAX)
        return -1;
    for (size_t i = 0; i < fd_count; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (!name || !*name || strlen(name) >= sizeof(message->names[i]))
            return -1;
        memcpy(message->names[i], name, strlen(name) + 1);
    }
    return 0;
}

static int read_yours(const json_t *body, size_t fd_count, struct takeover_message *message)
{
    if (read_names(body, fd_count, message) < 0 || read_keeps(json_object_get(body, "keeps"), message) < 0)
        return -1;
    return read_text(body, "version", message->version, sizeof(message->version));
}

static int read_instance(const json_t *body, size_t fd_count, struct takeover_message *message)
{
    const json_t *instance = json_object_get(body, "instance");
    if (!json_is_integer(instance) || json_integer_value(instance) < 0)
        return -1;
    message->instance = (uint64_t)json_integer_value(instance);
    return read_names(body, fd_count, message);
}

static int read_nothing(const json_t *body, size_t fd_count, struct takeover_message *message)
{
    (void)body, (void)message;
    return fd_count == 0 ? 0 : -1;
}

static int read_client(const json_t *body, size_t fd_count, struct takeover_message *message)
{
    const json_t *instance = json_object_get(body, "instance"), *size = json_object_get(body, "size");
    if (!json_is_integer(instance) || json_integer_value(instance) < 0 || !json_is_integer(size) ||
        json_integer_value(size) < 0 || json_integer_value(size) > CLIENT_BYTES_MAX)
        return -1;
    message->client =
        (struct passed_client){.fd = -1,
                               .instance = (uint64_t)json_integer_value(instance),
                               .is_management = json_is_true(json_object_get(body, "management")),
                               .is_checked = json_is_true(json_object_get(body, "checked")),
                               .size = (size_t)json_integer_value(size)};
    return fd_count == (message->client.size > 0 ? 2u : 1u) ? 0 : -1;
}

static int read_request(const json_t *body, size_t fd_count, struct takeover_message *message)
{
    const json_t *note = json_object_get(body, "note");
    if (fd_count != 0 || !json_is_string(note) || json_string_length(note) % 2 != 0)
        return -1;
    message->note = json_string_value(note);
    message->note_digits = json_string_length(note);
    return strspn(message->note, "0123456789abcdef") == message->note_digits ? 0 : -1;
}

static int (*const readers[TAKEOVER_KINDS])(const json_t *body, size_t fd_count,
                                            struct takeover_message *message) = {
    [TAKEOVER_ASK] = read_ask,           [TAKEOVER_REFUSED] = read_refusal, [TAKEOVER_YOURS] = read_yours,
    [TAKEOVER_INSTANCE] = read_instance, [TAKEOVER_SERVING] = read_nothing, [TAKEOVER_CLIENT] = read_client,
    [TAKEOVER_REQUEST] = read_request,
};

static int find_kind(const json_t *body, enum takeover_kind *ret_kind)
{
    const char *name = json_string_value(json_object_get(body, "is"));
    for (int kind = 0; name && kind < TAKEOVER_KINDS; kind++) {
        if (strcmp(name, kind_names[kind]) == 0) {
            *ret_kind = (enum takeover_kind)kind;
            return 0;
        }
    }
    return -1;
}

int takeover_message_read(const char *text, size_t size, size_t fd_count,
                          struct takeover_message *ret_message, struct error *err)
{
    json_t *body = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    memset(ret_message, 0, sizeof(*ret_message));
    if (!json_is_object(body) || find_kind(body, &ret_message->kind) < 0) {
        json_decref(body);
        return bad("a message of a takeover", err);
    }
    ret_message->body = body;
    if (readers[ret_message->kind](body, fd_count, ret_message) == 0)
        return 0;
    bad(kind_names[ret_message->kind], err);
    takeover_message_clear(ret_message);
    return -1;
}

void takeover_message_clear(struct takeover_message *message)
{
    json_decref(message->body);
    free(message->keeps);
    message->body = NULL;
    message->keeps = NULL;
}

/* --- writing --- */

/* Takes the object over. */
static char *write_out(json_t *body, enum takeover_kind kind)
{
    json_object_set_new(body, "is", json_string(kind_names[kind]));
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    return text;
}

char *takeover_write_ask(const char *version)
{
    return write_out(json_pack("{s:i, s:s}", "protocol", TAKEOVER_PROTOCOL, "version", version),
                     TAKEOVER_ASK);
}

char *takeover_write_refusal(const struct error *why)
{
    json_t *body = json_object();
    json_object_set_new(body, "message", json_text(why->message));
    json_object_set_new(body, "hint", json_text(why->hint));
    return write_out(body, TAKEOVER_REFUSED);
}

static json_t *name_list(const char *const *names, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(names[i]));
    return list;
}

char *takeover_write_yours(const char *version, const char *const *names, size_t count, const uint64_t *keeps,
                           size_t keep_count)
{
    json_t *kept = json_array();
    for (size_t i = 0; i < keep_count; i++)
        json_array_append_new(kept, json_integer((json_int_t)keeps[i]));
    return write_out(
        json_pack("{s:s, s:o, s:o}", "version", version, "names", name_list(names, count), "keeps", kept),
        TAKEOVER_YOURS);
}

char *takeover_write_instance(uint64_t instance, const char *const *names, size_t count)
{
    return write_out(
        json_pack("{s:I, s:o}", "instance", (json_int_t)instance, "names", name_list(names, count)),
        TAKEOVER_INSTANCE);
}

char *takeover_write_serving(void)
{
    return write_out(json_object(), TAKEOVER_SERVING);
}

char *takeover_write_client(const struct passed_client *client)
{
    return write_out(json_pack("{s:I, s:b, s:b, s:I}", "instance", (json_int_t)client->instance, "management",
                               (int)client->is_management, "checked", (int)client->is_checked, "size",
                               (json_int_t)client->size),
                     TAKEOVER_CLIENT);
}

char *takeover_write_request(const void *note, size_t size)
{
    char *digits = malloc(2 * size + 1);
    if (!digits)
        return NULL;
    sodium_bin2hex(digits, 2 * size + 1, note, size);
    json_t *body = json_pack("{s:s}", "note", digits);
    free(digits);
    return write_out(body, TAKEOVER_REQUEST);
}
