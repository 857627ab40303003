/*
 * Reading the usual request head in place. The host has checked and re-written every head, so reading one is
 * finding four things in it; whatever is not usual is left to protocol.py, which reads every head.
 */
#ifndef ACCELERATOR_HEAD_H
#define ACCELERATOR_HEAD_H

#include <stdbool.h>
#include <stddef.h>

/* Offsets into the bytes that were read. */
struct request_head {
    size_t method_length; /* the method begins at 0 */
    size_t target;
    size_t target_length;
    size_t head_length; /* without the last field's CRLF and the empty line */
    size_t content; /* where the content begins */
    size_t content_length; /* 0 without a Content-Length */
};

/* Reads the head at the front of data. False, with *ret_head untouched: it is not complete, or not one of the
 * usual kind (one space on each side of the target, a Content-Length of digits alone or none, not chunked).
 * Never reads beyond size. */
bool request_head_read(const char *data, size_t size, struct request_head *ret_head);

#endif
