/*
 * Where the results of calls may be posted to: whoever may call a function names the address, and the daemon
 * connects from a place that can reach more than they can. So what only this machine, its neighbours on the
 * wire or its cloud answer to is refused, unless the host's setting `callback_networks` has it. Pure; any
 * thread.
 */
#ifndef CALLS_CALLBACK_ADDRESS_H
#define CALLS_CALLBACK_ADDRESS_H

#include "base/error.h"
#include "base/network.h"

#define CALLBACK_URL_MAX 2048 /* bytes */

/* NULL: a callback may go there. Else what the address is, as in "127.0.0.1 is a loopback address". An IPv4
 * address within one of IPv6 (mapped, 6to4, NAT64) is judged as that one; this machine's own addresses get
 * past what guards it from outside, and are refused as well. */
const char *callback_address_refusal(const struct ip_address *address, const struct network_list *allowed);

/* Whether `url` can be called at all: http or https, with a host, without user and password; and whether its
 * host, where it is written as an address or is this machine's own name for itself, is one that a callback
 * may go to. What other names lead to is known only when the callback is made. -1: "callback-url". */
int callback_url_check(const char *url, const struct network_list *allowed, struct error *err);

/* Whom a URL that was found to be right calls, as "host:port". The caller owns it. */
char *callback_url_receiver(const char *url);

#endif
