/* URLs of callbacks: any text is refused, or is one whose host is not written as an address that is refused.
 */
#include "calls/callback_address.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ip_address address;
    struct error err = {0};
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    if (callback_url_check(text, &(struct network_list){0}, &err) == 0) {
        if (strncasecmp(text, "http", 4) != 0 || strchr(text, '\n') || strlen(text) > CALLBACK_URL_MAX)
            abort();
    } else if (err.code != ERROR_CALLBACK_URL || !*err.hint) {
        abort();
    }
    if (ip_address_parse((const char *)data, size, &address) && ip_address_is_loopback(&address) &&
        !callback_address_refusal(&address, &(struct network_list){0}))
        abort();
    free(text);
    return 0;
}
