#include "admin/event_stream.h"

#include "admin/event_book.h"
#include "base/alloc.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define READERS_MAX 32
#define PIECE_BYTES (64u << 10)
#define BEAT_S      15 /* a proxy may hang up on who says nothing for longer */
#define END_S       1 /* that readers have for the last of it */

struct event_reader {
    LIST_ENTRY(event_reader) link;
    struct event_stream *stream;
    struct evhttp_request *request;
    const bool *is_ending;
    char *function; /* NULL: all of them */
    uint64_t last_id; /* what it has been told up to */
    bool is_behind; /* has yet to take a piece */
};

struct event_stream {
    const struct admin_options *parts;
    LIST_HEAD(event_readers, event_reader) readers;
    unsigned count;
    struct event *beat;
    struct event *end_limit;
    void (*ended)(void *context); /* what the end is told to, once; NULL before and after */
    void *context;
    bool is_over; /* the answers have been ended: their requests are libevent's */
};

static void tell_end(struct event_stream *stream)
{
    void (*ended)(void *context) = stream->ended;
    stream->ended = NULL;
    if (ended)
        ended(stream->context);
}

/* The connection, and the request with it, is about to go. */
static void on_client_gone(struct evhttp_connection *connection, void *context)
{
    struct event_reader *reader = context;
    struct event_stream *stream = reader->stream;
    (void)connection;
    if (!stream->is_over)
        admin_call_abandon(reader->request, reader->is_ending);
    LIST_REMOVE(reader, link);
    free(reader->function);
    free(reader);
    if (--stream->count > 0)
        return;
    event_del(stream->beat);
    tell_end(stream);
}

/* --- what a reader is sent --- */

static void add_missed(struct evbuffer *piece, uint64_t last_missed, uint64_t count)
{
    evbuffer_add_printf(piece,
                        "id: %" PRIu64 "\nevent: missed\n"
                        "data: {\"event\":\"missed\",\"count\":%" PRIu64 "}\n\n",
                        last_missed, count);
}

static void add_event(const struct event_reader *reader, const struct kept_event *event,
                      struct evbuffer *piece)
{
    if (reader->function && (!event->function || strcmp(event->function, reader->function) != 0))
        return;
    evbuffer_add_printf(piece, "id: %" PRIu64 "\nevent: %s\ndata: %s\n\n", event->id, event->name,
                        event->json);
}

static void add_events(struct event_reader *reader, struct evbuffer *piece)
{
    const struct event_book *book = reader->stream->parts->events;
    const struct kept_event *event;
    while (evbuffer_get_length(piece) < PIECE_BYTES && (event = event_book_after(book, reader->last_id))) {
        if (reader->last_id < event_book_first_id(book)) /* those of an earlier daemon are not counted */
            reader->last_id = event_book_first_id(book);
        if (event->id > reader->last_id + 1)
            add_missed(piece, event->id - 1, event->id - 1 - reader->last_id);
        add_event(reader, event, piece);
        reader->last_id = event->id;
    }
}

static void on_taken(struct evhttp_connection *connection, void *context);

static void send_piece(struct event_reader *reader, struct evbuffer *piece)
{
    reader->is_behind = true;
    evhttp_send_reply_chunk_with_cb(reader->request, piece, on_taken, reader);
}

static void send_events(struct event_reader *reader)
{
    struct evbuffer *piece = evbuffer_new();
    add_events(reader, piece);
    if (evbuffer_get_length(piece) > 0)
        send_piece(reader, piece);
    evbuffer_free(piece);
}

static void on_taken(struct evhttp_connection *connection, void *context)
{
    struct event_reader *reader = context;
    (void)connection;
    reader->is_behind = false;
    send_events(reader);
}

static void on_events(void *context)
{
    struct event_stream *stream = context;
    struct event_reader *reader;
    LIST_FOREACH(reader, &stream->readers, link)
    {
        if (!reader->is_behind)
            send_events(reader);
    }
}

static void send_comment(struct event_reader *reader)
{
    struct evbuffer *piece = evbuffer_new();
    evbuffer_add_printf(piece, ":\n\n");
    send_piece(reader, piece);
    evbuffer_free(piece);
}

static void on_beat(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    struct event_stream *stream = context;
    struct event_reader *reader;
    LIST_FOREACH(reader, &stream->readers, link)
    {
        if (!reader->is_behind && !stream->is_over)
            send_comment(reader);
    }
}

static void on_end_limit(evutil_socket_t fd, short what, void *context)
{
    (void)fd, (void)what;
    tell_end(context);
}

/* --- readers --- */

struct event_stream *event_stream_create(const struct admin_options *parts)
{
    struct event_stream *stream = xcalloc(1, sizeof(*stream));
    stream->parts = parts;
    LIST_INIT(&stream->readers);
    stream->beat = event_new(parts->base, -1, EV_PERSIST, on_beat, stream);
    stream->end_limit = evtimer_new(parts->base, on_end_limit, stream);
    event_book_follow(parts->events, on_events, stream);
    return stream;
}

int event_stream_add(struct event_stream *stream, struct admin_call *call, const char *function,
                     uint64_t after, struct error *err)
{
    if (stream->count >= READERS_MAX) {
        error_set(err, ERROR_TOO_MANY_READERS, "%u others follow the events already", READERS_MAX);
        return error_hint(err, "end one of them, or share its events");
    }
    struct event_reader *reader = xcalloc(1, sizeof(*reader));
    *reader = (struct event_reader){.stream = stream,
                                    .request = call->request,
                                    .is_ending = call->is_ending,
                                    .function = function ? xstrdup(function) : NULL,
                                    .last_id = after};
    LIST_INSERT_HEAD(&stream->readers, reader, link);
    if (stream->count++ == 0)
        event_add(stream->beat, &(struct timeval){.tv_sec = BEAT_S});
    evhttp_connection_set_closecb(evhttp_request_get_connection(call->request), on_client_gone, reader);
    admin_call_begin(call, "text/event-stream");
    send_comment(reader); /* so that its client sees at once that it has begun */
    return 0;
}

void event_stream_end(struct event_stream *stream, void (*ended)(void *context), void *context)
{
    struct event_reader *reader;
    event_book_take(stream->parts->events);
    event_book_follow(stream->parts->events, NULL, NULL);
    stream->is_over = true;
    stream->ended = ended;
    stream->context = context;
    LIST_FOREACH(reader, &stream->readers, link)
    {
        send_events(reader);
        evhttp_send_reply_end(reader->request);
    }
    if (stream->count == 0)
        tell_end(stream);
    else
        event_add(stream->end_limit, &(struct timeval){.tv_sec = END_S});
}

void event_stream_destroy(struct event_stream *stream)
{
    if (!stream)
        return;
    event_book_follow(stream->parts->events, NULL, NULL);
    event_free(stream->beat);
    event_free(stream->end_limit);
    free(stream);
}
