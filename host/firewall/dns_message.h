/*
 * What a function asks a name server, and the answer, as far as names have addresses (RFC 1035, 3596). A
 * function may send anything. Bytes in, bytes out; any thread.
 */
#ifndef FIREWALL_DNS_MESSAGE_H
#define FIREWALL_DNS_MESSAGE_H

#include "base/network.h"
#include "config/egress.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_MESSAGE_MAX  512 /* of an answer over UDP that everybody takes */
#define DNS_QUESTION_MAX (255 + 4)
#define DNS_ANSWERS_MAX  8 /* addresses: what there is room for behind the longest question */

enum dns_kind { DNS_OTHER, DNS_NARROW, DNS_WIDE }; /* addresses of IPv4, of IPv6 */

enum dns_outcome { DNS_FINE = 0, DNS_FAILED = 2, DNS_NO_NAME = 3 };

struct dns_question {
    uint16_t id;
    bool is_recursive;
    enum dns_kind kind;
    char name[EGRESS_NAME_MAX + 1]; /* in lower case; "": one that no list can have */
    uint8_t bytes[DNS_QUESTION_MAX]; /* as it was asked */
    size_t size;
};

/* False: it is no question, and has no answer. */
bool dns_question_parse(const void *bytes, size_t size, struct dns_question *ret_question);

/* Writes an answer with at most DNS_ANSWERS_MAX addresses, all of the kind that was asked for. Returns its
 * size. */
size_t dns_answer_write(const struct dns_question *question, enum dns_outcome outcome,
                        const struct ip_address *addresses, size_t count, unsigned ttl_s,
                        uint8_t ret_bytes[DNS_MESSAGE_MAX]);

#endif
