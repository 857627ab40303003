#include "config/egress.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strbuf.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LABEL_MAX 63
#define TEXT_MAX  ((EGRESS_NAME_MAX + sizeof(",:65535")) * EGRESS_COUNT_MAX)
#define NOTHING   "none"

/* --- one entry --- */

/* Digits, 1 to 65535. */
static bool parse_port(const char *text, size_t length, uint16_t *ret_port)
{
    unsigned port = 0;
    for (size_t i = 0; i < length; i++) {
        if (!isdigit((unsigned char)text[i]) || i >= 5)
            return false;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    *ret_port = (uint16_t)port;
    return length > 0 && text[0] != '0' && port <= UINT16_MAX;
}

static bool is_label(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)text[i]) && text[i] != '-' && text[i] != '_')
            return false;
    }
    return length > 0 && length <= LABEL_MAX && text[0] != '-' && text[length - 1] != '-';
}

/* What ends with a number is meant to be an address. */
static bool is_number(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!isdigit((unsigned char)text[i]))
            return false;
    }
    return true;
}

static bool are_labels(const char *text, size_t length)
{
    for (;;) {
        const char *dot = memchr(text, '.', length);
        size_t label = dot ? (size_t)(dot - text) : length;
        if (!is_label(text, label))
            return false;
        if (!dot)
            return !is_number(text, label);
        text += label + 1;
        length -= label + 1;
    }
}

static enum egress_flaw parse_name(const char *text, size_t length, struct egress_entry *entry)
{
    size_t skipped = length > 2 && memcmp(text, "*.", 2) == 0 ? 2 : 0;
    if (length > 0 && text[length - 1] == '.')
        length--;
    if (length <= skipped || length > EGRESS_NAME_MAX)
        return EGRESS_MALFORMED;
    if (memchr(text + skipped, '*', length - skipped))
        return EGRESS_WILDCARD;
    bool is_word = length == strlen(NOTHING) && strncasecmp(text, NOTHING, length) == 0;
    if (is_word || !are_labels(text + skipped, length - skipped))
        return EGRESS_MALFORMED;
    entry->name = xstrndup(text, length);
    for (size_t i = 0; i < length; i++)
        entry->name[i] = (char)tolower((unsigned char)entry->name[i]);
    return EGRESS_FINE;
}

/* Whether one network lies in another. */
static bool is_within(const struct network *network, const char *outer_text)
{
    struct network outer;
    return network_parse(outer_text, strlen(outer_text), &outer) == NETWORK_PARSED &&
           network->bits >= outer.bits &&
           network_list_has(&(struct network_list){&outer, 1}, &network->address);
}

static bool is_never_reached(const struct network *network)
{
    static const char *const never[] = {"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3",
                                        "::/96",     "fe80::/9",    "ff00::/8"};
    for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++) {
        if (is_within(network, never[i]))
            return true;
    }
    return false;
}

static enum egress_flaw parse_network(const char *text, size_t length, struct egress_entry *entry)
{
    switch (network_parse(text, length, &entry->network)) {
    case NETWORK_PARSED:
        return is_never_reached(&entry->network) ? EGRESS_NEVER : EGRESS_FINE;
    case NETWORK_INEXACT:
        return EGRESS_INEXACT;
    case NETWORK_MALFORMED:
        break;
    }
    return EGRESS_MALFORMED;
}

static enum egress_flaw parse_where(const char *text, size_t length, struct egress_entry *entry)
{
    enum egress_flaw flaw = parse_network(text, length, entry);
    bool is_no_name = memchr(text, '/', length) || memchr(text, ':', length);
    return flaw == EGRESS_MALFORMED && !is_no_name ? parse_name(text, length, entry) : flaw;
}

/* "[ADDRESS]" and what follows it. */
static enum egress_flaw parse_brackets(const char *text, size_t length, struct egress_entry *entry)
{
    const char *end = memchr(text, ']', length);
    if (!end || !memchr(text, ':', (size_t)(end - text)))
        return EGRESS_MALFORMED;
    const char *rest = end + 1;
    size_t rest_length = length - (size_t)(rest - text);
    if (rest_length > 0 && (*rest != ':' || !parse_port(rest + 1, rest_length - 1, &entry->port)))
        return EGRESS_PORT;
    return parse_network(text + 1, (size_t)(end - text) - 1, entry);
}

enum egress_flaw egress_entry_parse(const char *text, size_t length, struct egress_entry *ret_entry)
{
    struct egress_entry *entry = ret_entry;
    *entry = (struct egress_entry){0};
    if (length > 0 && *text == '[')
        return parse_brackets(text, length, entry);
    const char *colon = memchr(text, ':', length);
    bool is_wide = colon && memchr(colon + 1, ':', length - (size_t)(colon + 1 - text));
    if (!colon || is_wide)
        return parse_where(text, length, entry);
    if (!parse_port(colon + 1, length - (size_t)(colon + 1 - text), &entry->port))
        return EGRESS_PORT;
    return parse_where(text, (size_t)(colon - text), entry);
}

void egress_entry_clear(struct egress_entry *entry)
{
    free(entry->name);
    *entry = (struct egress_entry){0};
}

/* One address goes without its "/". */
static void write_network(const struct network *network, char text[NETWORK_TEXT_MAX])
{
    network_format(network, text);
    if (network->bits == 128)
        *strchr(text, '/') = '\0';
}

char *egress_entry_text(const struct egress_entry *entry)
{
    char network[NETWORK_TEXT_MAX];
    const char *where = entry->name ? entry->name : network;
    if (!entry->name)
        write_network(&entry->network, network);
    if (entry->port == 0)
        return xstrdup(where);
    return strchr(where, ':') ? xasprintf("[%s]:%u", where, entry->port)
                              : xasprintf("%s:%u", where, entry->port);
}

bool egress_entry_means(const struct egress_entry *entry, const char *name)
{
    if (strncmp(entry->name, "*.", 2) != 0)
        return strcmp(entry->name, name) == 0;
    const char *end = entry->name + 1;
    size_t length = strlen(name), end_length = strlen(end);
    return length > end_length && strcmp(name + length - end_length, end) == 0;
}

/* --- all of them --- */

/* Names before networks, these by their bytes. */
static int compare(const struct egress_entry *one, const struct egress_entry *other)
{
    int order = (one->name == NULL) - (other->name == NULL);
    if (order == 0 && one->name)
        order = strcmp(one->name, other->name);
    if (order == 0 && !one->name)
        order = memcmp(&one->network.address, &other->network.address, sizeof(one->network.address));
    if (order == 0 && !one->name)
        order = (int)one->network.bits - (int)other->network.bits;
    return order != 0 ? order : (int)one->port - (int)other->port;
}

bool egress_add(struct egress *egress, struct egress_entry *entry)
{
    size_t place = 0;
    while (place < egress->count && compare(&egress->items[place], entry) < 0)
        place++;
    if (place < egress->count && compare(&egress->items[place], entry) == 0) {
        egress_entry_clear(entry);
        return false;
    }
    egress->items = xgrow(egress->items, egress->count, sizeof(*egress->items));
    memmove(&egress->items[place + 1], &egress->items[place],
            (egress->count - place) * sizeof(*egress->items));
    egress->items[place] = *entry;
    egress->count++;
    egress->is_limited = true;
    return true;
}

bool egress_has_name(const struct egress *egress, const char *name)
{
    for (size_t i = 0; i < egress->count; i++) {
        if (egress->items[i].name && egress_entry_means(&egress->items[i], name))
            return true;
    }
    return false;
}

bool egress_names_any(const struct egress *egress)
{
    return egress->count > 0 && egress->items[0].name;
}

char *egress_text(const struct egress *egress)
{
    struct strbuf text;
    if (!egress->is_limited)
        return NULL;
    strbuf_init(&text, TEXT_MAX);
    strbuf_append_text(&text, egress->count == 0 ? NOTHING : "");
    for (size_t i = 0; i < egress->count; i++) {
        cleanup_free char *entry = egress_entry_text(&egress->items[i]);
        strbuf_append_format(&text, "%s%s", i > 0 ? "," : "", entry);
    }
    return strbuf_steal(&text);
}

static bool parse_all(const char *text, struct egress *egress)
{
    for (;;) {
        struct egress_entry entry;
        size_t length = strcspn(text, ",");
        if (egress->count == EGRESS_COUNT_MAX || egress_entry_parse(text, length, &entry) != EGRESS_FINE)
            return false;
        egress_add(egress, &entry);
        if (!text[length])
            return true;
        text += length + 1;
    }
}

bool egress_parse(const char *text, struct egress *ret_egress)
{
    *ret_egress = (struct egress){.is_limited = true};
    if (strcmp(text, NOTHING) == 0 || parse_all(text, ret_egress))
        return true;
    egress_clear(ret_egress);
    ret_egress->is_limited = true;
    return false;
}

void egress_clear(struct egress *egress)
{
    for (size_t i = 0; i < egress->count; i++)
        egress_entry_clear(&egress->items[i]);
    free(egress->items);
    *egress = (struct egress){0};
}
