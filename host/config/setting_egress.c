#include "config/setting_egress.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <string.h>

#define NOTHING "none"
#define EXAMPLE "such as [api.example.com:443, \"*.example.com\", 10.0.0.0/8, \"[2001:db8::1]:53\"], or none"

/* A list on its way in. */
struct reading {
    const char *key;
    struct egress *egress;
    struct reporter *reporter;
};

struct complaint {
    const char *what, *hint;
};

static const struct complaint complaints[] = {
    [EGRESS_MALFORMED] = {"is no name, address or network", EXAMPLE},
    [EGRESS_PORT] = {"has no port behind its \":\"", "a port is a number from 1 to 65535; without one every "
                                                     "port is meant"},
    [EGRESS_INEXACT] = {"has bits behind its prefix", NULL},
    [EGRESS_WILDCARD] = {"has a \"*\" where none can be", "\"*.example.com\" is every name below "
                                                          "example.com; what may reach everything has no "
                                                          "\"egress\""},
    [EGRESS_NEVER] = {"can be reached by no function", "addresses of this host alone, of its wire and of "
                                                       "groups are kept from all of them; see security.md"},
};

static int complain(const struct reading *reading, const struct yaml_tree_node *node, enum egress_flaw flaw,
                    const struct egress_entry *entry)
{
    const struct complaint *complaint = &complaints[flaw];
    cleanup_free char *meant = NULL;
    if (flaw == EGRESS_INEXACT) {
        char network[NETWORK_TEXT_MAX];
        network_format(&entry->network, network);
        meant = xasprintf("the network is %s; a single address goes without \"/\"", network);
    }
    reporter_error(reading->reporter, node->at, meant ? meant : complaint->hint, "\"%s\": %s %s",
                   reading->key, yaml_tree_describe(node).text, complaint->what);
    return -1;
}

static int add(const struct reading *reading, const struct yaml_tree_node *node)
{
    struct egress_entry entry = {0};
    if (node->flaw) {
        reporter_error(reading->reporter, node->at, NULL, "%s", node->flaw);
        return -1;
    }
    if (node->kind != YAML_TREE_SCALAR)
        return complain(reading, node, EGRESS_MALFORMED, &entry);
    enum egress_flaw flaw = egress_entry_parse(node->text, strlen(node->text), &entry);
    if (flaw != EGRESS_FINE)
        return complain(reading, node, flaw, &entry);
    if (reading->egress->count == EGRESS_COUNT_MAX) {
        egress_entry_clear(&entry);
        reporter_error(reading->reporter, node->at, "join neighbours to larger networks",
                       "\"%s\" has more than %d entries", reading->key, EGRESS_COUNT_MAX);
        return -1;
    }
    if (egress_add(reading->egress, &entry))
        return 0;
    reporter_error(reading->reporter, node->at, "keep one of them", "\"%s\" has %s twice", reading->key,
                   yaml_tree_describe(node).text);
    return -1;
}

static int add_all(const struct reading *reading, const struct yaml_tree_node *node)
{
    int rc = 0;
    if (node->kind == YAML_TREE_SCALAR && !node->flaw && strcmp(node->text, NOTHING) == 0)
        return 0;
    if (node->kind != YAML_TREE_SEQUENCE)
        return add(reading, node);
    for (size_t i = 0; i < node->count; i++) {
        if (add(reading, node->entries[i].value) < 0)
            rc = -1;
    }
    return rc;
}

int setting_egress_store(const char *key, const struct yaml_tree_node *node, struct egress *egress,
                         struct reporter *reporter)
{
    struct egress read = {.is_limited = true};
    const struct reading reading = {key, &read, reporter};
    if (add_all(&reading, node) < 0) {
        egress_clear(&read);
        return -1;
    }
    egress_clear(egress);
    *egress = read;
    return 0;
}

json_t *setting_egress_json(const struct egress *egress)
{
    if (!egress->is_limited)
        return json_null();
    if (egress->count == 0)
        return json_string(NOTHING);
    json_t *list = json_array();
    for (size_t i = 0; i < egress->count; i++) {
        cleanup_free char *text = egress_entry_text(&egress->items[i]);
        json_array_append_new(list, json_string(text));
    }
    return list;
}

static int add_json(const json_t *json, struct egress *egress)
{
    struct egress_entry entry;
    const char *text = json_string_value(json);
    if (!text || egress->count == EGRESS_COUNT_MAX ||
        egress_entry_parse(text, strlen(text), &entry) != EGRESS_FINE)
        return -1;
    egress_add(egress, &entry);
    return 0;
}

static int read_json(const json_t *json, struct egress *egress)
{
    const json_t *item;
    size_t i;
    if (json_is_null(json))
        return 0;
    egress->is_limited = true;
    if (json_is_string(json) && strcmp(json_string_value(json), NOTHING) == 0)
        return 0;
    json_array_foreach(json, i, item)
    {
        if (add_json(item, egress) < 0)
            return -1;
    }
    return json_is_array(json) ? 0 : -1;
}

int setting_egress_from_json(const json_t *json, struct egress *egress)
{
    struct egress read = {0};
    if (read_json(json, &read) < 0) {
        egress_clear(&read);
        return -1;
    }
    egress_clear(egress);
    *egress = read;
    return 0;
}

void setting_egress_hash(const struct egress *egress, struct hash *hash)
{
    cleanup_free char *text = egress_text(egress);
    hash_update_text(hash, text);
}
