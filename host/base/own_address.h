/* Which addresses are those of this machine. */
#ifndef BASE_OWN_ADDRESS_H
#define BASE_OWN_ADDRESS_H

#include "base/network.h"

#include <stdbool.h>

/* Whether what is sent to the address stays on this machine, as far as its routes say now; nothing is sent.
 * False also where they cannot be asked. Any thread. */
bool own_address_is(const struct ip_address *address);

#endif
