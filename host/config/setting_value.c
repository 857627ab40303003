/* The values of settings: one row a type says how it is parsed, how it is named to people and written. */
#include "config/setting.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/suggest.h"
#include "config/setting_causes.h"
#include "config/setting_egress.h"
#include "config/setting_folders.h"
#include "config/setting_networks.h"
#include "config/setting_packages.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A value on its way from text to a member: numbers of every kind but decimals are integers. */
struct value {
    int64_t integer;
    double decimal;
};

struct type_row {
    const char *name; /* in the documentation */
    const char *expected; /* "must be ..." */
    int (*parse)(const struct setting *setting, const char *text, struct value *ret_value);
    void (*write)(double number, char *buffer, size_t size); /* a limit, as a user would write it */
};

struct unit {
    const char *name;
    double factor;
};

static const struct unit duration_units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {NULL, 0}};

/* "Mi" and Docker's "m" are powers of 1024, "M" is a power of 1000. */
static const struct unit size_units[] = {
    {"b", 1},       {"B", 1},        {"Ki", 0x1p10}, {"KiB", 0x1p10}, {"k", 0x1p10},  {"kb", 0x1p10},
    {"Mi", 0x1p20}, {"MiB", 0x1p20}, {"m", 0x1p20},  {"mb", 0x1p20},  {"Gi", 0x1p30}, {"GiB", 0x1p30},
    {"g", 0x1p30},  {"gb", 0x1p30},  {"Ti", 0x1p40}, {"TiB", 0x1p40}, {"t", 0x1p40},  {"tb", 0x1p40},
    {"K", 1e3},     {"KB", 1e3},     {"kB", 1e3},    {"M", 1e6},      {"MB", 1e6},    {"G", 1e9},
    {"GB", 1e9},    {"T", 1e12},     {"TB", 1e12},   {NULL, 0}};

/* Reads digits with at most one point; no sign, exponent or other notation. NULL when there are none. */
static const char *read_number(const char *text, double *ret_number)
{
    const char *end = text;
    size_t digits = 0, points = 0;
    for (; isdigit((unsigned char)*end) || *end == '.'; end++) {
        digits += *end != '.';
        points += *end == '.';
    }
    if (digits == 0 || points > 1 || digits > 18)
        return NULL;
    *ret_number = strtod(text, NULL);
    return end;
}

static const struct unit *find_unit(const struct unit *units, const char *text, size_t length)
{
    for (const struct unit *unit = units; unit->name; unit++) {
        if (strlen(unit->name) == length && memcmp(unit->name, text, length) == 0)
            return unit;
    }
    return NULL;
}

/* Numbers with units, added up ("1h30m"). A single number may do without: it counts `plain`. */
static int parse_units(const char *text, const struct unit *units, double plain, struct value *ret_value)
{
    double sum = 0;
    const char *p = text;
    do {
        double number;
        const char *begin = p;
        if (!(p = read_number(p, &number)))
            return -1;
        while (*p == ' ')
            p++;
        size_t length = strspn(p, "bBkKmMgGtTish");
        const struct unit *unit = find_unit(units, p, length);
        if (!unit && (length > 0 || begin != text || *p))
            return -1;
        sum += number * (unit ? unit->factor : plain);
        p += length;
    } while (*p);
    if (sum > 9e15)
        return -1;
    ret_value->integer = (int64_t)(sum + 0.5);
    return 0;
}

static int parse_duration(const struct setting *setting, const char *text, struct value *ret_value)
{
    (void)setting;
    return parse_units(text, duration_units, 1000, ret_value);
}

static int parse_size(const struct setting *setting, const char *text, struct value *ret_value)
{
    (void)setting;
    return parse_units(text, size_units, 1, ret_value);
}

static int parse_integer(const struct setting *setting, const char *text, struct value *ret_value)
{
    (void)setting;
    char *end;
    const char *digits = text + (*text == '-' || *text == '+');
    if (!isdigit((unsigned char)*digits))
        return -1;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (*end || errno)
        return -1;
    ret_value->integer = number;
    return 0;
}

static int parse_decimal(const struct setting *setting, const char *text, struct value *ret_value)
{
    (void)setting;
    char *end;
    if (!*text || strspn(text, "0123456789+-.eE") != strlen(text))
        return -1;
    errno = 0;
    double number = strtod(text, &end);
    if (*end || errno)
        return -1;
    ret_value->decimal = number;
    return 0;
}

static int parse_boolean(const struct setting *setting, const char *text, struct value *ret_value)
{
    (void)setting;
    static const char *const spellings[] = {"false", "true", "no", "yes", "off", "on"};
    for (size_t i = 0; i < sizeof(spellings) / sizeof(*spellings); i++) {
        if (strcasecmp(text, spellings[i]) == 0) {
            ret_value->integer = i % 2;
            return 0;
        }
    }
    return -1;
}

static int parse_word(const struct setting *setting, const char *text, struct value *ret_value)
{
    for (int i = 0; setting->words && setting->words[i]; i++) {
        if (strcmp(text, setting->words[i]) == 0) {
            ret_value->integer = i;
            return 0;
        }
    }
    return setting->words ? -1 : 0;
}

/* ADDRESS:PORT; an IPv6 address stands in brackets. */
static int parse_address(const struct setting *setting, const char *text, struct value *ret_value)
{
    const char *colon = strrchr(text, ':');
    if (!colon || colon == text || strlen(colon) > 6 || strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return -1;
    size_t length = (size_t)(colon - text);
    bool bracketed = text[0] == '[' && colon[-1] == ']';
    if ((!bracketed && memchr(text, ':', length)) || strpbrk(text, " \t/"))
        return -1;
    return parse_integer(setting, colon + 1, ret_value) < 0 || ret_value->integer > 65535 ? -1 : 0;
}

static void write_units(double number, const struct unit *units, const char *smallest, char *buffer,
                        size_t size)
{
    double factor = 1;
    for (const struct unit *unit = units; unit->name; unit++) {
        bool whole =
            number >= unit->factor && (double)(int64_t)(number / unit->factor) * unit->factor == number;
        if (whole && unit->factor > factor) {
            factor = unit->factor;
            smallest = unit->name;
        }
    }
    snprintf(buffer, size, "%.0f%s", number / factor, number == 0 ? "" : smallest);
}

static void write_duration(double number, char *buffer, size_t size)
{
    write_units(number, duration_units, "ms", buffer, size);
}

static void write_size(double number, char *buffer, size_t size)
{
    static const struct unit units[] = {
        {"Ki", 0x1p10}, {"Mi", 0x1p20}, {"Gi", 0x1p30}, {"Ti", 0x1p40}, {NULL, 0}};
    write_units(number, units, "", buffer, size);
}

static void write_number(double number, char *buffer, size_t size)
{
    snprintf(buffer, size, "%.15g", number);
}

static const struct type_row types[] = {
    [SETTING_STRING] = {"text", "a text", parse_word, write_number},
    [SETTING_ADDRESS] = {"address", "an address and a port such as 127.0.0.1:8080", parse_address,
                         write_number},
    [SETTING_INTEGER] = {"integer", "a whole number", parse_integer, write_number},
    [SETTING_BOOLEAN] = {"boolean", "true or false", parse_boolean, write_number},
    [SETTING_DECIMAL] = {"number", "a number", parse_decimal, write_number},
    [SETTING_DURATION] = {"duration", "a duration such as 10s, 500ms or 2m", parse_duration, write_duration},
    [SETTING_SIZE] = {"size", "a size such as 128Mi or 1Gi", parse_size, write_size},
    [SETTING_NETWORKS] = {"addresses and networks", "a list of addresses and networks", NULL, write_number},
    [SETTING_FOLDERS] = {"folders", "a list of folders", NULL, write_number},
    [SETTING_PACKAGES] = {"packages", "a list of packages", NULL, write_number},
    [SETTING_CAUSES] = {"statuses and words", "a list of statuses and words", NULL, write_number},
    [SETTING_EGRESS] = {"names, addresses and networks, or `none`",
                        "a list of names, addresses and networks, or none", NULL, write_number},
    [SETTING_WORD] = {"word", "a word", parse_word, write_number},
    [SETTING_MAPPING] = {"mapping", "a mapping", NULL, write_number},
    [SETTING_ENTRIES] = {"mapping or list", "a mapping or a list", NULL, write_number},
    [SETTING_LIST] = {"list", "a list", NULL, write_number},
    [SETTING_ANY] = {"text, mapping or list", "a text, a mapping or a list", NULL, write_number},
};

static bool is_text(const struct setting *setting)
{
    return setting->type == SETTING_STRING || setting->type == SETTING_ADDRESS;
}

/* "a whole number", or "bridge or none" where there are words to choose from. */
static char *expectation(const struct setting *setting)
{
    if (!setting->words)
        return xstrdup(types[setting->type].expected);
    struct strbuf list;
    strbuf_init(&list, 1024);
    for (size_t i = 0; setting->words[i]; i++)
        strbuf_append_format(&list, "%s\"%s\"",
                             i == 0                  ? ""
                             : setting->words[i + 1] ? ", "
                                                     : " or ",
                             setting->words[i]);
    return strbuf_steal(&list);
}

static int report_type(const struct setting *setting, const char *key, const struct yaml_tree_node *node,
                       struct reporter *reporter)
{
    cleanup_free char *expected = expectation(setting);
    cleanup_free char *hint = NULL;
    size_t count = 0;
    while (setting->words && setting->words[count])
        count++;
    const char *nearest = count > 0 ? suggest_nearest(node->text, setting->words, count) : NULL;
    if (nearest)
        hint = xasprintf("did you mean \"%s\"?", nearest);
    reporter_error(reporter, node->at, hint, "\"%s\" must be %s, not %s", key, expected,
                   yaml_tree_describe(node).text);
    return -1;
}

static int check_range(const struct setting *setting, const char *key, const struct yaml_tree_node *node,
                       const struct value *value, struct reporter *reporter)
{
    if (setting->min == 0 && setting->max == 0)
        return 0;
    bool text = is_text(setting);
    double number = text                               ? (double)strlen(node->text)
                    : setting->type == SETTING_DECIMAL ? value->decimal
                                                       : (double)value->integer;
    if (number >= setting->min && number <= setting->max)
        return 0;
    char min[32], max[32];
    types[setting->type].write(setting->min, min, sizeof(min));
    types[setting->type].write(setting->max, max, sizeof(max));
    cleanup_free char *hint = xasprintf("from %s to %s%s", min, max, text ? " bytes" : "");
    reporter_error(reporter, node->at, hint, "\"%s\" is out of range: %s %s", key,
                   yaml_tree_describe(node).text, number < setting->min ? "is too small" : "is too large");
    return -1;
}

static void store_text(void *member, char *text)
{
    free(*(char **)member);
    *(char **)member = text;
}

static void store(const struct setting *setting, const char *text, const struct value *value, void *target)
{
    void *member = (char *)target + setting->offset;
    if (is_text(setting))
        store_text(member, xstrdup(text));
    else if (setting->as_text && setting->type == SETTING_BOOLEAN)
        store_text(member, xstrdup(value->integer ? "true" : "false"));
    else if (setting->as_text && setting->type == SETTING_DECIMAL)
        store_text(member, xstrdup(text));
    else if (setting->as_text)
        store_text(member, xasprintf("%" PRId64, value->integer));
    else if (setting->type == SETTING_DECIMAL)
        *(double *)member = value->decimal;
    else if (setting->type == SETTING_BOOLEAN)
        *(bool *)member = value->integer != 0;
    else if (setting->width == sizeof(uint64_t))
        *(uint64_t *)member = (uint64_t)value->integer;
    else
        *(unsigned *)member = (unsigned)value->integer;
}

static struct network_list *networks_of(const struct setting *setting, void *target)
{
    return (struct network_list *)((char *)target + setting->offset);
}

static struct folder_list *folders_of(const struct setting *setting, void *target)
{
    return (struct folder_list *)((char *)target + setting->offset);
}

static struct package_list *packages_of(const struct setting *setting, void *target)
{
    return (struct package_list *)((char *)target + setting->offset);
}

static struct retry_causes *causes_of(const struct setting *setting, void *target)
{
    return (struct retry_causes *)((char *)target + setting->offset);
}

static struct egress *egress_of(const struct setting *setting, void *target)
{
    return (struct egress *)((char *)target + setting->offset);
}

int setting_store(const struct setting *setting, const char *key, const struct yaml_tree_node *node,
                  void *target, struct reporter *reporter)
{
    if (node->flaw) {
        reporter_error(reporter, node->at, NULL, "%s", node->flaw);
        return -1;
    }
    if (setting->type == SETTING_ANY ||
        (setting->type == SETTING_ENTRIES && node->kind == YAML_TREE_SEQUENCE))
        return 0;
    if (setting->type == SETTING_MAPPING || setting->type == SETTING_ENTRIES)
        return node->kind == YAML_TREE_MAPPING ? 0 : report_type(setting, key, node, reporter);
    if (setting->type == SETTING_LIST)
        return node->kind == YAML_TREE_SEQUENCE ? 0 : report_type(setting, key, node, reporter);
    if (setting->type == SETTING_NETWORKS)
        return setting_networks_store(key, node, networks_of(setting, target), reporter);
    if (setting->type == SETTING_FOLDERS)
        return setting_folders_store(key, node, folders_of(setting, target), reporter);
    if (setting->type == SETTING_PACKAGES)
        return setting_packages_store(key, node, packages_of(setting, target), reporter);
    if (setting->type == SETTING_CAUSES)
        return setting_causes_store(key, node, causes_of(setting, target), reporter);
    if (setting->type == SETTING_EGRESS)
        return setting_egress_store(key, node, egress_of(setting, target), reporter);
    if (node->kind == YAML_TREE_SCALAR && !*node->text && is_text(setting))
        return 0;
    struct value value = {0};
    if (node->kind != YAML_TREE_SCALAR || types[setting->type].parse(setting, node->text, &value) < 0)
        return report_type(setting, key, node, reporter);
    if (check_range(setting, key, node, &value, reporter) < 0)
        return -1;
    store(setting, node->text, &value, target);
    return 0;
}

void setting_store_default(const struct setting *setting, void *target)
{
    if (setting->takes_zero)
        *(uint64_t *)((char *)target + setting->offset) = SETTING_UNSET;
    if (!setting->default_text)
        return;
    struct value value = {0};
    if (setting->as_text)
        store_text((char *)target + setting->offset, xstrdup(setting->default_text));
    else if (setting->type == SETTING_NETWORKS)
        setting_networks_default(setting->default_text, networks_of(setting, target));
    else if (setting->type == SETTING_CAUSES)
        setting_causes_default(setting->default_text, causes_of(setting, target));
    else if (types[setting->type].parse(setting, setting->default_text, &value) == 0)
        store(setting, setting->default_text, &value, target);
}

static void describe_type(const struct setting *setting, struct strbuf *out)
{
    if (setting->words) {
        cleanup_free char *words = expectation(setting);
        strbuf_append_text(out, words);
        return;
    }
    strbuf_append_text(out, types[setting->type].name);
    if ((setting->min == 0 && setting->max == 0) || is_text(setting))
        return;
    char min[32], max[32];
    types[setting->type].write(setting->min, min, sizeof(min));
    types[setting->type].write(setting->max, max, sizeof(max));
    strbuf_append_format(out, ", %s to %s", min, max);
}

/* What a change does, for people; NULL: there is nothing to change. */
static const char *const changes[] = {
    [CHANGE_APPLIES] = "applies at once",
    [CHANGE_REPLACES] = "makes a new revision",
    [CHANGE_PREPARES] = "has it prepared anew",
    [CHANGE_RESTARTS] = "needs a restart",
};

void setting_describe(const struct setting *setting, struct strbuf *out)
{
    strbuf_append_format(out, "- `%s`", setting->name);
    for (const char *const *alias = setting->aliases; alias && *alias; alias++)
        strbuf_append_format(out, "%s `%s`", alias == setting->aliases ? ", also" : ",", *alias);
    strbuf_append_text(out, " (");
    describe_type(setting, out);
    if (setting->default_text)
        strbuf_append_format(out, "; default %s", setting->default_text);
    else if (setting->unset)
        strbuf_append_format(out, "; unless set: %s", setting->unset);
    if (changes[setting->change])
        strbuf_append_format(out, "; a change %s", changes[setting->change]);
    strbuf_append_format(out, "):\n  %s\n", setting->help);
}
