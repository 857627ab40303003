/*
 * Which function a request's path names, and what is left of the path for the function. Works on the bytes as
 * they were sent: names are not percent-decoded.
 */
#ifndef GATEWAY_TARGET_H
#define GATEWAY_TARGET_H

#include "http/head.h"

#include <stdbool.h>

/* The one namespace that there is: the default one of clients of the /system contract. */
#define FUNCTION_NAMESPACE "openfaas-fn"

struct target {
    struct http_text name; /* "hello" */
    struct http_text prefix; /* what is taken off the path: "/hello", "/function/hello", "/async" */
    bool by_contract; /* under /function/, as clients of the /system contract call */
    bool is_async; /* under /async-function/: to be called later */
    struct http_text rest; /* path and query for the function: "/a?b"; may be empty or begin with "?" */
};

enum target_kind {
    TARGET_FUNCTION,
    TARGET_CALL, /* a call that was accepted, which the rest names: "/ID", "/ID/result" */
    TARGET_ROOT, /* "/": no function is named */
    TARGET_RESERVED, /* the rest begins with "/.berth/", which only the host itself may ask of a runner */
};

/* Reads /<name>..., /function/<name>..., /async-function/<name>... and /async..., of which the second and
 * third may have <name>.openfaas-fn (the namespace is dropped; of another one, that name stands for no
 * function). *ret_target points into the head's bytes; a call that was accepted has no name. */
enum target_kind target_split(const struct http_head *head, struct target *ret_target);

#endif
