/*
 * Why a head or a body was refused: static entries of one table, so a refusal costs no memory and can be
 * compared by address or by reason.
 */
#ifndef HTTP_PROBLEM_H
#define HTTP_PROBLEM_H

struct http_problem {
    int status; /* what to answer a client: 400, 413, 414, 431, 501 or 505. A runner's fault is always 502 */
    const char *reason;  /* a stable slug: "content-length-malformed", "host-missing", ... */
    const char *message; /* one sentence for people */
    const char *hint;    /* what to do next; may be "" */
};

#endif
