#include "config/registry.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/suggest.h"
#include "config/function_secrets.h"
#include "config/function_settings.h"
#include "config/host_settings.h"
#include "config/yaml_tree.h"

#include <string.h>

#define FILE_MAX      (4u << 20)
#define FUNCTIONS_MAX 10000
#define FUNCTIONS_KEY "usable-functions"
#define HOST_KEY      "host"

/* A function on its way in: its entry, the route it asks for, and who had that route before. */
struct candidate {
    const struct yaml_tree_entry *entry;
    const char *route;
    struct position route_at;
    size_t order;
    const struct candidate *owner; /* NULL: the route is its own */
};

static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *left = *(const struct candidate *const *)a;
    const struct candidate *right = *(const struct candidate *const *)b;
    int order = strcmp(left->route, right->route);
    return order ? order : (left->order > right->order) - (left->order < right->order);
}

/* Gives each route to the first candidate that asks for it. */
static void settle_routes(struct candidate *candidates, size_t count)
{
    struct candidate **sorted = xcalloc(count, sizeof(struct candidate *));
    for (size_t i = 0; i < count; i++)
        sorted[i] = &candidates[i];
    qsort(sorted, count, sizeof(struct candidate *), compare_candidates);
    for (size_t i = 1; i < count; i++) {
        struct candidate *previous = sorted[i - 1];
        if (strcmp(previous->route, sorted[i]->route) == 0)
            sorted[i]->owner = previous->owner ? previous->owner : previous;
    }
    free(sorted);
}

/* Says why a candidate has no place: its key or its route belongs to another. */
static bool report_taken(const struct candidate *candidate, struct reporter *reporter)
{
    const struct yaml_tree_entry *entry = candidate->entry;
    if (entry->first)
        reporter_error(reporter, entry->key->at, "keep one of them; the first is used",
                       "duplicate key \"%s\", first on line %u", quote(entry->key->text).text,
                       entry->first->key->at.line);
    else if (candidate->owner)
        reporter_error(reporter, candidate->route_at, "give one of them another \"name\"; the first is used",
                       "duplicate route: \"/%s\" belongs to \"%s\" on line %u", quote(candidate->route).text,
                       quote(candidate->owner->entry->key->text).text, candidate->owner->entry->key->at.line);
    return entry->first || candidate->owner;
}

/* Reads one function. One that has no place is checked too, for the file as a whole, and forgotten. */
static void read_candidate(struct registry *registry, const struct function_reader *reader,
                           const struct candidate *candidate)
{
    struct reporter reporter = {.diagnostics = &registry->diagnostics, .file = registry->path};
    bool taken = report_taken(candidate, &reporter);
    if (!taken)
        reporter.function = candidate->route;
    struct function_settings settings;
    function_settings_read(reader, candidate->entry, &reporter, &settings);
    function_settings_inherit(&settings, &registry->host);
    if (taken)
        function_settings_clear(&settings);
    else
        registry->functions[registry->function_count++] = settings;
}

/* The entries of the functions' mapping that can be functions. `host` is skipped where it stands among them.
 */
static size_t list_candidates(const struct yaml_tree_node *mapping, bool top_level,
                              struct candidate *candidates, struct reporter *reporter)
{
    size_t count = 0;
    for (size_t i = 0; i < mapping->count; i++) {
        const struct yaml_tree_entry *entry = &mapping->entries[i];
        const struct yaml_tree_node *key = entry->key;
        if (key->kind != YAML_TREE_SCALAR || key->flaw) {
            reporter_error(reporter, key->at, NULL, "a function's key must be a word");
            continue;
        }
        if (top_level && strcmp(key->text, HOST_KEY) == 0)
            continue;
        if (count == FUNCTIONS_MAX) {
            reporter_error(reporter, key->at, "the functions from here on are left out",
                           "too many functions: %u are possible", FUNCTIONS_MAX);
            break;
        }
        candidates[count] = (struct candidate){.entry = entry, .order = count};
        candidates[count].route = function_settings_route(entry, &candidates[count].route_at);
        count++;
    }
    return count;
}

static void read_functions(struct registry *registry, const struct yaml_tree_node *mapping, bool top_level,
                           const struct language *languages, size_t language_count)
{
    struct reporter reporter = {.diagnostics = &registry->diagnostics, .file = registry->path};
    cleanup_free struct candidate *candidates = xcalloc(mapping->count, sizeof(*candidates));
    size_t count = list_candidates(mapping, top_level, candidates, &reporter);
    settle_routes(candidates, count);

    struct function_reader reader;
    function_reader_init(&reader, registry->path, &registry->host.roots, languages, language_count);
    reader.volume_roots = &registry->host.volume_roots;
    registry->functions = xcalloc(count, sizeof(*registry->functions));
    for (size_t i = 0; i < count; i++)
        read_candidate(registry, &reader, &candidates[i]);
    function_reader_clear(&reader);
}

/* True when a top-level entry is no function but a section whose key was misspelt. */
static bool is_misspelt_section(const struct yaml_tree_entry *entry, const char *section)
{
    if (entry->key->kind != YAML_TREE_SCALAR || entry->value->kind != YAML_TREE_MAPPING)
        return false;
    return strcmp(entry->key->text, section) != 0 && suggest_nearest(entry->key->text, &section, 1) &&
           !yaml_tree_get(entry->value, "configuration");
}

/* The value of a section of the file, also when its key is misspelt, which is reported. */
static const struct yaml_tree_entry *find_section(const struct yaml_tree_node *root, const char *section,
                                                  struct reporter *reporter)
{
    const struct yaml_tree_entry *misspelt = NULL;
    for (size_t i = 0; i < root->count; i++) {
        const struct yaml_tree_entry *entry = &root->entries[i];
        if (entry->key->kind == YAML_TREE_SCALAR && strcmp(entry->key->text, section) == 0)
            return entry;
        if (!misspelt && is_misspelt_section(entry, section))
            misspelt = entry;
    }
    if (misspelt) {
        cleanup_free char *hint = xasprintf("did you mean \"%s\"?", section);
        reporter_error(reporter, misspelt->key->at, hint, "unknown key \"%s\"",
                       quote(misspelt->key->text).text);
    }
    return misspelt;
}

/* Reports what stands beside the sections `functions` and `host` (either may be NULL). */
static void check_top_level(const struct yaml_tree_node *root, const struct yaml_tree_entry *functions,
                            const struct yaml_tree_entry *host, struct reporter *reporter)
{
    for (size_t i = 0; i < root->count; i++) {
        const struct yaml_tree_entry *entry = &root->entries[i];
        bool section = entry == functions || entry == host;
        bool duplicate = entry->first && (entry->first == functions || entry->first == host);
        if (duplicate)
            reporter_error(reporter, entry->key->at, "keep one of them; the first is used",
                           "duplicate key \"%s\", first on line %u", entry->key->text,
                           entry->first->key->at.line);
        else if (!section && functions)
            reporter_error(reporter, entry->key->at,
                           "functions belong under \"" FUNCTIONS_KEY
                           "\", the daemon's settings under \"" HOST_KEY "\"",
                           "unknown key %s", yaml_tree_describe(entry->key).text);
    }
}

static void read_functions_section(struct registry *registry, const struct yaml_tree_node *value,
                                   struct reporter *reporter, const struct language *languages,
                                   size_t language_count)
{
    if (value->kind == YAML_TREE_MAPPING)
        read_functions(registry, value, false, languages, language_count);
    else if (value->kind != YAML_TREE_NULL)
        reporter_error(reporter, value->at, NULL, "\"" FUNCTIONS_KEY "\" must be a mapping, not %s",
                       yaml_tree_describe(value).text);
}

/* A misspelt `host` section would be read again as a function: the top level without it. */
static struct yaml_tree_node without(const struct yaml_tree_node *root, const struct yaml_tree_entry *section,
                                     struct yaml_tree_entry *entries)
{
    struct yaml_tree_node rest = *root;
    rest.entries = entries;
    rest.count = 0;
    for (size_t i = 0; i < root->count; i++) {
        if (&root->entries[i] != section)
            entries[rest.count++] = root->entries[i];
    }
    return rest;
}

/* `tree` is NULL: there is none, or it is no YAML. */
static void read_tree(struct registry *registry, const struct yaml_tree *tree, const json_t *former_host,
                      const struct language *languages, size_t language_count)
{
    struct reporter reporter = {.diagnostics = &registry->diagnostics, .file = registry->path};
    const struct yaml_tree_node *root = tree ? yaml_tree_root(tree) : NULL;
    if (root && root->kind != YAML_TREE_MAPPING && root->kind != YAML_TREE_NULL) {
        reporter_error(&reporter, root->at, "each function has its name as a key",
                       "the file must be a mapping, not %s", yaml_tree_describe(root).text);
        root = NULL;
    }
    bool mapping = root && root->kind == YAML_TREE_MAPPING;
    const struct yaml_tree_entry *host = mapping ? find_section(root, HOST_KEY, &reporter) : NULL;
    host_settings_read(host ? host->value : NULL, &reporter, &registry->host, &registry->host_rows);
    registry->host_known = tree && reporter.errors == 0;
    if (!registry->host_known && former_host)
        registry_recall_host(registry, former_host);
    if (!mapping)
        return;
    const struct yaml_tree_entry *functions = find_section(root, FUNCTIONS_KEY, &reporter);
    check_top_level(root, functions, host, &reporter);
    if (functions) {
        read_functions_section(registry, functions->value, &reporter, languages, language_count);
        return;
    }
    cleanup_free struct yaml_tree_entry *entries = xcalloc(root->count, sizeof(*entries));
    struct yaml_tree_node rest = without(root, host, entries);
    read_functions(registry, &rest, true, languages, language_count);
}

/* Puts the findings in the order of the file; those of one place stay in theirs. */
static void sort_diagnostics(struct diagnostics *list)
{
    for (size_t i = 1; i < list->count; i++) {
        struct diagnostic item = list->items[i];
        size_t j = i;
        for (; j > 0; j--) {
            const struct diagnostic *other = &list->items[j - 1];
            if (other->line < item.line || (other->line == item.line && other->column <= item.column))
                break;
            list->items[j] = list->items[j - 1];
        }
        list->items[j] = item;
    }
}

void registry_resolve_secrets(struct registry *registry, const struct known_secrets *known)
{
    for (size_t i = 0; i < registry->function_count; i++) {
        struct function_settings *settings = &registry->functions[i];
        struct reporter reporter = {.diagnostics = &registry->diagnostics,
                                    .file = settings->deployment ? DEPLOYED_FILE : registry->path,
                                    .function = settings->name};
        function_secrets_check(settings, known, &reporter);
        function_settings_renew_secrets(settings, known);
        settings->broken = settings->broken || reporter.errors > 0;
    }
}

static struct registry *parse(const char *path, const char *text, size_t size, const json_t *former_host,
                              const struct language *languages, size_t language_count)
{
    struct registry *registry = xcalloc(1, sizeof(*registry));
    registry->path = xstrdup(path);
    struct reporter reporter = {.diagnostics = &registry->diagnostics, .file = registry->path};
    struct yaml_tree *tree = NULL;
    if (size > FILE_MAX)
        reporter_error(&reporter, (struct position){0}, NULL, "the file is larger than 4 MiB");
    else
        yaml_tree_parse(text, size, &reporter, &tree);
    read_tree(registry, tree, former_host, languages, language_count);
    if (registry->function_count == 0 && registry->diagnostics.count == 0)
        reporter_warning(&reporter, (struct position){0}, "berth new python hello makes one",
                         "no function is registered");
    yaml_tree_destroy(tree);
    sort_diagnostics(&registry->diagnostics);
    return registry;
}

struct registry *registry_parse(const char *path, const char *text, size_t size,
                                const struct language *languages, size_t language_count)
{
    return parse(path, text, size, NULL, languages, language_count);
}

struct registry *registry_empty(const char *path, const json_t *former_host)
{
    struct registry *registry = xcalloc(1, sizeof(*registry));
    registry->path = xstrdup(path);
    read_tree(registry, NULL, former_host, NULL, 0);
    return registry;
}

int registry_load(const char *path, const struct language *languages, size_t language_count,
                  const json_t *former_host, struct registry **ret_registry, struct error *err)
{
    cleanup_free char *text = NULL;
    size_t size;
    if (fs_read_file(path, FILE_MAX, &text, &size, err) < 0)
        return error_prefix(err, "the registry");
    *ret_registry = parse(path, text, size, former_host, languages, language_count);
    return 0;
}

void registry_drop_functions(struct registry *registry)
{
    for (size_t i = 0; i < registry->function_count; i++)
        function_settings_clear(&registry->functions[i]);
    free(registry->functions);
    registry->functions = NULL;
    registry->function_count = 0;
}

void registry_destroy(struct registry *registry)
{
    if (!registry)
        return;
    registry_drop_functions(registry);
    host_settings_clear(&registry->host);
    free(registry->host_rows);
    diagnostics_clear(&registry->diagnostics);
    free(registry->path);
    free(registry);
}
