/* Addresses and networks: any bytes are malformed or a network that is written and read again as the same. */
#include "base/network.h"

#include <stdlib.h>
#include <string.h>

static bool has(struct network *network, const struct ip_address *address)
{
    return network_list_has(&(struct network_list){network, 1}, address);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct network network, again;
    struct ip_address address;
    char text[NETWORK_TEXT_MAX];
    if (network_parse((const char *)data, size, &network) != NETWORK_MALFORMED) {
        network_format(&network, text);
        if (network_parse(text, strlen(text), &again) != NETWORK_PARSED ||
            memcmp(&network, &again, sizeof(network)) != 0)
            abort();
        bool is_half =
            network.bits < 96 && memcmp(network.address.bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0;
        if (!is_half && !has(&network, &network.address))
            abort();
    }
    if (ip_address_parse((const char *)data, size, &address)) {
        ip_address_format(&address, text);
        if (network_parse(text, strlen(text), &network) != NETWORK_PARSED || network.bits != 128 ||
            !has(&network, &address))
            abort();
    }
    return 0;
}
