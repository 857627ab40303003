#include "config/deployed_entry.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "config/function_settings.h"
#include "config/yaml_json.h"

#include <string.h>

#define DEPLOYED_FILE_MAX (1u << 20)
#define MORE              2 /* entries that are put into a mapping */
#define FOLDER_KEY        "function_folder"

/* What becomes one entry. Nodes are the arena's or the tree's. */
struct builder {
    const struct deployed_entry *deployed;
    const struct folder_list *volume_roots; /* of the registry */
    struct arena arena;
    struct yaml_tree *tree; /* of DEPLOYED_FILE; NULL: there is none */
    char *folder; /* that was deployed */
    char *file; /* the path of DEPLOYED_FILE in it */
    char *origin; /* what findings without a place in it call the deployment */
    struct reporter reporter;
};

static bool is_key(const struct yaml_tree_entry *entry, const char *key)
{
    return entry->key->kind == YAML_TREE_SCALAR && strcmp(entry->key->text, key) == 0;
}

static bool is_spelling_of(const struct setting *setting, const char *key)
{
    bool is_it = strcmp(setting->name, key) == 0;
    for (const char *const *alias = setting->aliases; alias && *alias && !is_it; alias++)
        is_it = strcmp(*alias, key) == 0;
    return is_it;
}

/* Whether two keys of a configuration mean the same setting. */
static bool is_same_setting(const char *a, const char *b)
{
    for (size_t i = 0; i < configuration_table.count; i++) {
        if (is_spelling_of(&configuration_table.settings[i], a))
            return is_spelling_of(&configuration_table.settings[i], b);
    }
    return strcmp(a, b) == 0;
}

static bool is_same_name(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static void append(struct yaml_tree_node *mapping, const struct yaml_tree_entry *entry)
{
    mapping->entries[mapping->count++] = *entry;
}

/* The entries of `over`, behind those of `under` that it says nothing of. Either may be NULL or no mapping,
 * which is the same as empty. */
static struct yaml_tree_node *merge(struct builder *builder, const struct yaml_tree_node *under,
                                    const struct yaml_tree_node *over,
                                    bool (*is_same)(const char *a, const char *b))
{
    struct yaml_tree_node *merged = arena_alloc(&builder->arena, sizeof(*merged));
    size_t own = under && under->kind == YAML_TREE_MAPPING ? under->count : 0;
    size_t further = over && over->kind == YAML_TREE_MAPPING ? over->count : 0;
    *merged = (struct yaml_tree_node){.kind = YAML_TREE_MAPPING, .text = "", .weight = 1};
    if (own > 0)
        merged->at = under->at;
    merged->entries = arena_alloc(&builder->arena, (own + further + MORE) * sizeof(*merged->entries));
    for (size_t i = 0; i < own; i++) {
        const struct yaml_tree_entry *entry = &under->entries[i];
        bool is_replaced = false;
        for (size_t j = 0; j < further && entry->key->kind == YAML_TREE_SCALAR && !is_replaced; j++)
            is_replaced = is_same(entry->key->text, over->entries[j].key->text);
        if (!is_replaced)
            append(merged, entry);
    }
    for (size_t i = 0; i < further; i++)
        append(merged, &over->entries[i]);
    return merged;
}

/* Puts the value at `key`, in the place of one that is there. The mapping has room for MORE of them. */
static void put(struct builder *builder, struct yaml_tree_node *mapping, const char *key,
                const struct yaml_tree_node *value)
{
    for (size_t i = 0; i < mapping->count; i++) {
        if (is_key(&mapping->entries[i], key)) {
            mapping->entries[i].value = value;
            return;
        }
    }
    mapping->entries[mapping->count++] =
        (struct yaml_tree_entry){.key = yaml_json_text(&builder->arena, key), .value = value};
}

/* Its folder has its name, which is the folder's where none is written. */
static void leave_out_folder(struct yaml_tree_node *configuration)
{
    size_t kept = 0;
    for (size_t i = 0; i < configuration->count; i++) {
        const struct yaml_tree_node *key = configuration->entries[i].key;
        if (key->kind != YAML_TREE_SCALAR || !is_same_setting(FOLDER_KEY, key->text))
            configuration->entries[kept++] = configuration->entries[i];
    }
    configuration->count = kept;
}

/* Variables come together from both; of every other setting one value holds. */
static struct yaml_tree_node *merge_configuration(struct builder *builder, const struct yaml_tree_node *under)
{
    const struct yaml_tree_node *over =
        yaml_json_node(&builder->arena, json_object_get(builder->deployed->deployment, "configuration"));
    struct yaml_tree_node *merged = merge(builder, under, over, is_same_setting);
    const struct yaml_tree_node *written =
        under && under->kind == YAML_TREE_MAPPING ? yaml_tree_get(under, "environment") : NULL;
    const struct yaml_tree_node *given = yaml_tree_get(over, "environment");
    if (written && given && written->kind == YAML_TREE_MAPPING)
        put(builder, merged, "environment", merge(builder, written, given, is_same_name));
    leave_out_folder(merged);
    return merged;
}

/* What DEPLOYED_FILE says; NULL: nothing, or nothing that can be used, which is reported. */
static const struct yaml_tree_node *read_file(struct builder *builder)
{
    cleanup_free char *text = NULL;
    size_t size;
    struct error err;
    if (!fs_exists(builder->file))
        return NULL;
    if (fs_read_file(builder->file, DEPLOYED_FILE_MAX, &text, &size, &err) < 0) {
        reporter_error(&builder->reporter, (struct position){0}, NULL, "%s", err.message);
        return NULL;
    }
    if (yaml_tree_parse(text, size, &builder->reporter, &builder->tree) < 0)
        return NULL;
    const struct yaml_tree_node *root = yaml_tree_root(builder->tree);
    if (!root || root->kind == YAML_TREE_NULL || root->kind == YAML_TREE_MAPPING)
        return root;
    reporter_error(&builder->reporter, root->at,
                   "it has a \"configuration\", as an entry of the registry has",
                   "the file must be a mapping, not %s", yaml_tree_describe(root).text);
    return NULL;
}

static struct yaml_tree_entry make_entry(struct builder *builder)
{
    const struct yaml_tree_node *file = read_file(builder);
    bool is_mapping = file && file->kind == YAML_TREE_MAPPING;
    const struct yaml_tree_node *under = is_mapping ? yaml_tree_get(file, "configuration") : NULL;
    struct yaml_tree_node *function = merge(builder, file, NULL, is_same_name);
    bool is_wrong = under && under->kind != YAML_TREE_MAPPING && under->kind != YAML_TREE_NULL;
    if (!is_wrong) /* else the reader says what it should be */
        put(builder, function, "configuration", merge_configuration(builder, under));
    return (struct yaml_tree_entry){.key = yaml_json_text(&builder->arena, builder->deployed->name),
                                    .value = function};
}

/* The name is where it was deployed to. */
static void check_name(struct builder *builder, const struct yaml_tree_entry *entry,
                       struct function_settings *settings)
{
    struct position at;
    function_settings_route(entry, &at);
    if (strcmp(settings->name, builder->deployed->name) == 0)
        return;
    reporter_error(&builder->reporter, at, "leave it out, or deploy it by that name",
                   "the name here is \"%s\", and it was deployed as \"%s\"", quote(settings->name).text,
                   builder->deployed->name);
    free(settings->name);
    settings->name = xstrdup(builder->deployed->name);
    settings->broken = true;
}

static void read_settings(struct builder *builder, const struct language *languages, size_t language_count,
                          struct function_settings *settings)
{
    const struct deployed_entry *deployed = builder->deployed;
    static const struct folder_list no_roots;
    struct function_reader reader;
    size_t errors = builder->reporter.errors;
    struct yaml_tree_entry entry = make_entry(builder);
    cleanup_free char *path = xasprintf("%s/" DEPLOYED_FILE, deployed->base);
    function_reader_init(&reader, path, &no_roots, languages, language_count);
    reader.env_files = (struct env_file_place){builder->folder, DEPLOYED_FILE};
    reader.volume_roots = builder->volume_roots;
    function_settings_read(&reader, &entry, &builder->reporter, settings);
    function_reader_clear(&reader);
    check_name(builder, &entry, settings);
    settings->broken = settings->broken || builder->reporter.errors > errors;
}

/* What cannot be read is there all the same, to say why. */
static void read_damaged(struct builder *builder, struct function_settings *settings)
{
    const struct deployed_entry *deployed = builder->deployed;
    const struct yaml_tree_node *nothing = yaml_json_node(&builder->arena, NULL);
    struct yaml_tree_entry entry = {.key = nothing, .value = nothing};
    struct function_reader reader = {0};
    struct diagnostics dropped = {0};
    struct reporter silent = {.diagnostics = &dropped};
    function_settings_read(&reader, &entry, &silent, settings);
    diagnostics_clear(&dropped);
    free(settings->key);
    free(settings->name);
    settings->key = xstrdup(deployed->name);
    settings->name = xstrdup(deployed->name);
    settings->broken = true;
    reporter_error(&builder->reporter, (struct position){0}, "deploy it again, or remove it",
                   "the deployment cannot be read: %s", deployed->problem);
}

/* Takes an entry of the file out that has the same name. */
static void leave_out(struct registry *registry, const char *name)
{
    for (size_t i = 0; i < registry->function_count; i++) {
        struct function_settings *taken = &registry->functions[i];
        if (strcmp(taken->name, name) != 0)
            continue;
        struct reporter reporter = {
            .diagnostics = &registry->diagnostics, .file = registry->path, .function = name};
        cleanup_free char *hint = xasprintf("berth remove %s, or give this one another name", name);
        reporter_error(&reporter, (struct position){taken->line, taken->column}, hint,
                       "the name \"%s\" belongs to a function that was deployed over the API", name);
        function_settings_clear(taken);
        memmove(taken, taken + 1, (--registry->function_count - i) * sizeof(*taken));
        return;
    }
}

/* Findings without a place in DEPLOYED_FILE are those of what was given with it. */
static void name_origin(const struct builder *builder, struct diagnostics *findings, size_t from)
{
    for (size_t i = from; i < findings->count; i++) {
        struct diagnostic *item = &findings->items[i];
        if (item->line > 0 || !item->file || strcmp(item->file, builder->file) != 0)
            continue;
        free(item->file);
        item->file = xstrdup(builder->origin);
    }
}

/* Of the findings that an entry of the file with this name has had, none is about what is deployed. */
static void drop_findings(struct diagnostics *findings, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < findings->count; i++) {
        struct diagnostic *item = &findings->items[i];
        if (item->function && strcmp(item->function, name) == 0)
            diagnostic_clear(item);
        else
            findings->items[kept++] = *item;
    }
    findings->count = kept;
}

void registry_add_deployed(struct registry *registry, const struct deployed_entry *deployed,
                           const struct language *languages, size_t language_count)
{
    struct builder builder = {.deployed = deployed, .volume_roots = &registry->host.volume_roots};
    builder.folder = xasprintf("%s/functions/%s", deployed->base, deployed->name);
    builder.file = xasprintf("%s/" DEPLOYED_FILE, builder.folder);
    builder.origin = function_settings_origin(deployed->name);
    builder.reporter = (struct reporter){
        .diagnostics = &registry->diagnostics, .file = builder.file, .function = deployed->name};
    drop_findings(&registry->diagnostics, deployed->name);
    leave_out(registry, deployed->name);
    size_t before = registry->diagnostics.count;
    registry->functions =
        xrealloc(registry->functions, (registry->function_count + 1) * sizeof(*registry->functions));
    struct function_settings *settings = &registry->functions[registry->function_count++];
    if (deployed->deployment)
        read_settings(&builder, languages, language_count, settings);
    else
        read_damaged(&builder, settings);
    function_settings_inherit(settings, &registry->host);
    settings->deployment = deployed->deployment ? json_incref(deployed->deployment) : json_object();
    name_origin(&builder, &registry->diagnostics, before);
    yaml_tree_destroy(builder.tree);
    arena_clear(&builder.arena);
    free(builder.folder);
    free(builder.file);
    free(builder.origin);
}
