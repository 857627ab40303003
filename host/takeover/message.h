/*
 * What a daemon and the one that takes its place say to each other. The follower asks; the daemon refuses, or
 * gives up everything and says "yours" with all descriptors that have a name; the follower says "serving"
 * once it lets clients in; from then on the daemon passes on clients and tells of requests that end with it,
 * until it closes the connection.
 *
 * Each is one JSON object of known members with descriptors. Both sides may be of different versions: members
 * that are not known are passed over, kinds that are not known are errors.
 */
#ifndef TAKEOVER_MESSAGE_H
#define TAKEOVER_MESSAGE_H

#include "base/error.h"
#include "gateway/passed_client.h"
#include "takeover/wire.h"

#include <stdint.h>

struct json_t;

#define TAKEOVER_PROTOCOL 1

enum takeover_kind {
    TAKEOVER_ASK, /* {"protocol", "version"} */
    TAKEOVER_REFUSED, /* {"message", "hint"} */
    TAKEOVER_YOURS, /* {"version", "names", "keeps"}: of the descriptors, in their order; instances, as in
                       their names, that stay the daemon's until they have finished */
    TAKEOVER_INSTANCE, /* {"instance", "names"}, before YOURS: what an instance has open, in the order of its
                          descriptors */
    TAKEOVER_SERVING, /* {} */
    TAKEOVER_CLIENT, /* {"instance", "management", "checked", "size"}: the connection, and where `size` is
                        above 0 a file with that many bytes */
    TAKEOVER_REQUEST, /* {"note"}: the form of request_note.h, in hexadecimal digits */
    TAKEOVER_KINDS,
};

struct takeover_message {
    enum takeover_kind kind;
    uint64_t protocol; /* of ASK */
    char version[64]; /* of ASK and YOURS */
    char message[768], hint[384]; /* of REFUSED */
    char names[WIRE_FDS_MAX][32]; /* of YOURS and INSTANCE, one for each descriptor */
    uint64_t instance; /* of INSTANCE */
    uint64_t *keeps; /* of YOURS; freed with the message's text */
    size_t keep_count;
    struct passed_client client; /* of CLIENT, but for its descriptor and its bytes, which come by others */
    const char *note; /* of REQUEST: digits inside of the body */
    size_t note_digits;
    struct json_t *body;
};

/* Reads a text with so many descriptors. The caller clears *ret_message. -1: it is no message. */
int takeover_message_read(const char *text, size_t size, size_t fd_count,
                          struct takeover_message *ret_message, struct error *err);

/* Frees what it points to. */
void takeover_message_clear(struct takeover_message *message);

/* Each makes a text that the caller frees. `fds` are to go with it in the order of the names. */
char *takeover_write_ask(const char *version);
char *takeover_write_refusal(const struct error *why);
char *takeover_write_yours(const char *version, const char *const *names, size_t count, const uint64_t *keeps,
                           size_t keep_count);
char *takeover_write_instance(uint64_t instance, const char *const *names, size_t count);
char *takeover_write_serving(void);
char *takeover_write_client(const struct passed_client *client);
char *takeover_write_request(const void *note, size_t size);

#endif
