#include "config/setting_networks.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <string.h>

#define COUNT_MAX 256

/* The next text between commas, without the spaces around it; false at the end. */
static bool next_member(const char **text, const char **ret_member, size_t *ret_length)
{
    if (!*text)
        return false;
    const char *member = *text + strspn(*text, " \t");
    size_t length = strcspn(member, ",");
    *text = member[length] ? member + length + 1 : NULL;
    while (length > 0 && (member[length - 1] == ' ' || member[length - 1] == '\t'))
        length--;
    *ret_member = member;
    *ret_length = length;
    return true;
}

static int report_malformed(const char *key, const struct yaml_tree_node *node, struct reporter *reporter)
{
    reporter_error(reporter, node->at, "such as [127.0.0.1, 10.0.0.0/8, 2001:db8::/32]",
                   "\"%s\" must be a list of addresses and networks; %s is none", key,
                   yaml_tree_describe(node).text);
    return -1;
}

static int report_inexact(const char *key, const struct yaml_tree_node *node, const struct network *network,
                          struct reporter *reporter)
{
    char meant[NETWORK_TEXT_MAX];
    network_format(network, meant);
    cleanup_free char *hint = xasprintf("the network is %s; a single address goes without \"/\"", meant);
    reporter_error(reporter, node->at, hint, "\"%s\": %s has bits behind its prefix", key,
                   yaml_tree_describe(node).text);
    return -1;
}

static int add_scalar(const char *key, const struct yaml_tree_node *node, struct network_list *list,
                      struct reporter *reporter)
{
    const char *rest = node->text, *member;
    size_t length;
    if (node->flaw) {
        reporter_error(reporter, node->at, NULL, "%s", node->flaw);
        return -1;
    }
    if (node->kind != YAML_TREE_SCALAR)
        return report_malformed(key, node, reporter);
    while (next_member(&rest, &member, &length)) {
        struct network network;
        enum network_parsed parsed = network_parse(member, length, &network);
        if (parsed == NETWORK_MALFORMED)
            return report_malformed(key, node, reporter);
        if (parsed == NETWORK_INEXACT)
            return report_inexact(key, node, &network, reporter);
        network_list_add(list, &network);
    }
    return 0;
}

int setting_networks_store(const char *key, const struct yaml_tree_node *node, struct network_list *list,
                           struct reporter *reporter)
{
    struct network_list read = {0};
    int result = 0;
    if (node->kind != YAML_TREE_SEQUENCE)
        result = add_scalar(key, node, &read, reporter);
    for (size_t i = 0; node->kind == YAML_TREE_SEQUENCE && i < node->count; i++) {
        if (add_scalar(key, node->entries[i].value, &read, reporter) < 0)
            result = -1;
    }
    if (result == 0 && read.count > COUNT_MAX) {
        reporter_error(reporter, node->at, "join neighbours to larger networks",
                       "\"%s\" has %zu entries; at most %d are possible", key, read.count, COUNT_MAX);
        result = -1;
    }
    if (result < 0) {
        network_list_clear(&read);
        return -1;
    }
    network_list_clear(list);
    *list = read;
    return 0;
}

void setting_networks_default(const char *text, struct network_list *list)
{
    const char *member;
    size_t length;
    while (next_member(&text, &member, &length)) {
        struct network network;
        if (network_parse(member, length, &network) == NETWORK_PARSED)
            network_list_add(list, &network);
    }
}
