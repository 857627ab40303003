/* The name servers that the engine has containers ask. */
#ifndef FIREWALL_NAMESERVERS_H
#define FIREWALL_NAMESERVERS_H

#include "base/network.h"

/* Those of this host's resolv.conf, and of the one that systemd-resolved keeps where that names only itself.
 * Addresses that never leave a machine are left out: the engine asks those itself. The caller calls
 * network_list_clear(). */
void nameservers_read(struct network_list *ret_list);

/* Adds those that the text of such a file names. */
void nameservers_parse(const char *text, struct network_list *list);

#endif
