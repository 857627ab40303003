#include "firewall/nameservers.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/fs.h"

#include <stdlib.h>
#include <string.h>

#define FILE_MAX (64u << 10)
#define BLANKS   " \t"

/* `line` is what follows the keyword. */
static void add(const char *line, size_t length, struct network_list *list)
{
    struct ip_address address;
    size_t blanks = strspn(line, BLANKS);
    if (blanks == 0 || blanks > length)
        return;
    size_t size = strcspn(line + blanks, BLANKS "\r\n%");
    if (!ip_address_parse(line + blanks, size, &address) || ip_address_is_loopback(&address) ||
        network_list_has(list, &address))
        return;
    network_list_add(list, &(struct network){.address = address, .bits = 128});
}

void nameservers_parse(const char *text, struct network_list *list)
{
    static const char keyword[] = "nameserver";
    while (*text) {
        size_t length = strcspn(text, "\n");
        if (strncmp(text, keyword, strlen(keyword)) == 0)
            add(text + strlen(keyword), length - strlen(keyword), list);
        text += length + (text[length] == '\n');
    }
}

void nameservers_read(struct network_list *ret_list)
{
    static const char *const paths[] = {"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"};
    *ret_list = (struct network_list){0};
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        struct error err;
        cleanup_free char *text = NULL;
        if (fs_read_file(paths[i], FILE_MAX, &text, NULL, &err) == 0)
            nameservers_parse(text, ret_list);
    }
}
