/*
 * Inside of outgoing requests: libcurl's multi interface on an event base. For the files of this folder only.
 *
 * Curl must not be called by what it calls itself. So while it is on the stack (`entered`) nobody adds or
 * removes a handle; what ended is reported once it is off.
 */
#ifndef OUTGOING_CURL_LOOP_H
#define OUTGOING_CURL_LOOP_H

#include "base/error.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <stdbool.h>
#include <sys/queue.h>

#include <event2/event_struct.h>

struct curl_loop {
    struct event_base *base;
    CURLM *multi;
    struct event timer;
    bool entered;

    /* Curl is off the stack; comes before what has ended is reported. */
    void (*left)(void *owner);

    /* A transfer has ended. Its handle is still added. May add and remove handles. */
    void (*ended)(CURL *easy, CURLcode result);
    void *owner;
};

/* Fills a zeroed struct whose `left`, `ended` and `owner` are set. */
int curl_loop_init(struct curl_loop *loop, struct event_base *base, struct error *err);

/* Closes every connection. No handle is added any more. */
void curl_loop_clear(struct curl_loop *loop);

/* Begins a transfer at once: its connection is made and written to, and whatever ends by that is reported.
 * From the event loop, not while entered. -1: curl does not take it. */
int curl_loop_add(struct curl_loop *loop, CURL *easy);

/* Takes a handle off, at whatever point its transfer is. Not while entered. */
void curl_loop_remove(struct curl_loop *loop, CURL *easy);

#endif
