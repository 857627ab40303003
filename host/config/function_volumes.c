#include "config/function_volumes.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/ident.h"
#include "config/setting.h"
#include "config/volume_folder.h"

#include <stdlib.h>
#include <string.h>

#define PATH_BYTES      1024
#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

/* One on its way in. */
struct wanted {
    char *name, *path, *at;
    bool read_only;
};

static const struct setting keys[] = {
    {"name", NULL, SETTING_STRING, SETTING_MEMBER(struct wanted, name), .max = IDENT_NAME_MAX},
    {"path", NULL, SETTING_STRING, SETTING_MEMBER(struct wanted, path), .max = PATH_BYTES},
    {"at", NULL, SETTING_STRING, SETTING_MEMBER(struct wanted, at), .max = PATH_BYTES},
    {"read_only", NULL, SETTING_BOOLEAN, SETTING_MEMBER(struct wanted, read_only)},
};

static const struct setting_table table = {keys, COUNT_OF(keys), "a volume", NULL, NULL};

/* What is the host's in a container, or the engine's. */
static const char *const taken[] = {
    "/berth",
    "/run/berth",
    "/run/secrets",
    "/var/openfaas/secrets",
    "/proc",
    "/sys",
    "/dev",
    "/work",
    "/home/berth",
    "/tmp",
    "/etc/passwd",
    "/etc/group",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/resolv.conf",
};

struct reading {
    const struct folder_list *roots;
    struct function_settings *settings;
    struct reporter *reporter;
};

/* --- where the function finds it --- */

/* Absolute and in its plainest spelling: no part is empty, "." or "..". A slash at the end was cut. */
static bool is_plain_path(const char *path)
{
    if (path[0] != '/' || !path[1])
        return false;
    for (const char *part = path; *part;) {
        size_t length = strcspn(++part, "/");
        if (length == 0 || (length == 1 && part[0] == '.') || (length == 2 && strncmp(part, "..", 2) == 0))
            return false;
        part += length;
    }
    return true;
}

static bool has_control_character(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    }
    return false;
}

static const char *owner_of_target(const char *target)
{
    for (size_t i = 0; i < COUNT_OF(taken); i++) {
        if (fs_is_within(target, taken[i]) || fs_is_within(taken[i], target))
            return taken[i];
    }
    return NULL;
}

/* Whether another volume is there, or above or below it; says so. */
static bool is_occupied(const struct reading *reading, const char *target, struct position at)
{
    const struct function_settings *settings = reading->settings;
    for (size_t i = 0; i < settings->volume_count; i++) {
        const struct function_volume *other = &settings->volumes[i];
        bool same = strcmp(target, other->target) == 0;
        if (!same && !fs_is_within(target, other->target) && !fs_is_within(other->target, target))
            continue;
        reporter_error(reading->reporter, at, "give each a folder of its own, none inside of another",
                       same ? "two volumes are to be at %s: the other one stands on line %u"
                            : "%s lies in or above the place of the volume on line %u",
                       quote(target).text, other->line);
        return true;
    }
    return false;
}

static bool target_is_usable(const struct reading *reading, const char *target, struct position at)
{
    if (!is_plain_path(target) || has_control_character(target)) {
        reporter_error(reading->reporter, at, "such as /data",
                       "the place of a volume must be an absolute path, without \".\" and \"..\", not \"%s\"",
                       quote(target).text);
        return false;
    }
    const char *owner = owner_of_target(target);
    if (owner) {
        reporter_error(reading->reporter, at, "choose a folder that nothing else needs, such as /data",
                       "a volume cannot be at \"%s\": %s is not the function's", quote(target).text, owner);
        return false;
    }
    return !is_occupied(reading, target, at);
}

/* --- one volume --- */

/* Moves it to the others. A folder of this host is somebody else's: it can be written only when that is said.
 */
static void take(const struct reading *reading, struct wanted *wanted, bool read_only, struct position at)
{
    struct function_settings *settings = reading->settings;
    settings->volumes = xgrow(settings->volumes, settings->volume_count, sizeof(*settings->volumes));
    settings->volumes[settings->volume_count++] = (struct function_volume){.name = steal(&wanted->name),
                                                                           .path = steal(&wanted->path),
                                                                           .target = steal(&wanted->at),
                                                                           .read_only = read_only,
                                                                           .line = at.line,
                                                                           .column = at.column};
}

static bool check_name(const struct reading *reading, const char *name, struct position at)
{
    if (ident_is_name(name))
        return true;
    reporter_error(reading->reporter, at,
                   "letters, digits, \"-\" and \"_\", at most 63, with a letter or digit at both ends",
                   "\"%s\" cannot be the name of a volume", quote(name).text);
    return false;
}

static void cut_slash(char *path)
{
    size_t length = strlen(path);
    if (length > 1 && path[length - 1] == '/')
        path[length - 1] = '\0';
}

/* Where what says it stands. */
static struct position at_of(const struct setting_layer *layer, const char *key, struct position otherwise)
{
    const struct yaml_tree_node *node = setting_found(layer, key);
    return node ? node->at : otherwise;
}

/* What is there fits together, but for the folder itself; says what does not. */
static bool is_whole(const struct reading *reading, const struct setting_layer *layer, struct wanted *wanted,
                     struct position at)
{
    if (!wanted->at)
        reporter_error(reading->reporter, at, "such as at: /data", "a volume needs \"at\", its place");
    else if (wanted->path && wanted->name)
        reporter_error(reading->reporter, at_of(layer, "name", at), "keep one of them",
                       "a volume has a \"name\", or a \"path\" of this machine, not both");
    else if (!wanted->path && !wanted->name)
        reporter_error(reading->reporter, at, "such as name: data, or path: /srv/models",
                       "a volume needs a \"name\", or a \"path\" of this machine");
    else
        return !wanted->name || check_name(reading, wanted->name, at_of(layer, "name", at));
    return false;
}

/* `key` is its name unless it says otherwise; NULL: it has none. */
static void read_mapping(const struct reading *reading, const struct yaml_tree_node *key,
                         const struct yaml_tree_node *value)
{
    const struct yaml_tree_node *found[COUNT_OF(keys)] = {0};
    struct wanted wanted = {0};
    struct setting_layer layer = {&table, &wanted, found};
    struct position at = key ? key->at : value->at;
    size_t errors = reading->reporter->errors;
    setting_apply(&layer, 1, value, UNKNOWN_IS_ERROR, reading->reporter);
    if (key && !wanted.name && !wanted.path)
        wanted.name = xstrdup(key->text);
    if (wanted.at)
        cut_slash(wanted.at);
    bool right = reading->reporter->errors == errors && is_whole(reading, &layer, &wanted, at) &&
                 target_is_usable(reading, wanted.at, at_of(&layer, "at", at));
    if (right && wanted.path) {
        cleanup_free char *path = steal(&wanted.path);
        wanted.path = volume_folder_find(path, reading->roots, at_of(&layer, "path", at), reading->reporter);
        right = wanted.path != NULL;
    }
    if (right)
        take(reading, &wanted, setting_found(&layer, "read_only") ? wanted.read_only : wanted.path != NULL,
             at);
    setting_clear(&table, &wanted);
}

/* NAME: /at */
static void read_short(const struct reading *reading, const struct yaml_tree_node *key,
                       const struct yaml_tree_node *value)
{
    struct wanted wanted = {.name = xstrdup(key->text), .at = xstrdup(value->text)};
    cut_slash(wanted.at);
    if (check_name(reading, wanted.name, key->at) && target_is_usable(reading, wanted.at, value->at))
        take(reading, &wanted, false, key->at);
    setting_clear(&table, &wanted);
}

static void read_entry(const struct reading *reading, const struct yaml_tree_entry *entry)
{
    const struct yaml_tree_node *key = entry->key, *value = entry->value;
    const char *flaw = key && key->flaw ? key->flaw : value->flaw;
    if (flaw)
        reporter_error(reading->reporter, key && key->flaw ? key->at : value->at, NULL, "%s", flaw);
    else if (key && key->kind != YAML_TREE_SCALAR)
        reporter_error(reading->reporter, key->at, NULL, "the name of a volume must be a word, not %s",
                       yaml_tree_describe(key).text);
    else if (key && entry->first)
        reporter_error(reading->reporter, key->at, "keep one of them",
                       "duplicate volume \"%s\", first on line %u", quote(key->text).text,
                       entry->first->key->at.line);
    else if (value->kind == YAML_TREE_MAPPING)
        read_mapping(reading, key, value);
    else if (key && value->kind == YAML_TREE_SCALAR)
        read_short(reading, key, value);
    else
        reporter_error(reading->reporter, value->at, "such as {name: data, at: /data}",
                       key ? "a volume must be a path such as /data, or a mapping, not %s"
                           : "a volume in a list must be a mapping, not %s",
                       yaml_tree_describe(value).text);
}

void function_volumes_read(const struct yaml_tree_node *node, const struct folder_list *roots,
                           struct function_settings *settings, struct reporter *reporter)
{
    const struct reading reading = {roots, settings, reporter};
    if (!node || (node->kind != YAML_TREE_MAPPING && node->kind != YAML_TREE_SEQUENCE))
        return;
    if (node->count > FUNCTION_VOLUMES_MAX) {
        reporter_error(reporter, node->at, NULL, "\"volumes\" has %zu volumes; %d are possible", node->count,
                       FUNCTION_VOLUMES_MAX);
        return;
    }
    for (size_t i = 0; i < node->count; i++)
        read_entry(&reading, &node->entries[i]);
}
