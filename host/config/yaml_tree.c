#include "config/yaml_tree.h"

#include "base/alloc.h"
#include "config/arena.h"
#include "config/yaml_position.h"
#include "config/yaml_problem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define DEPTH_MAX   32
#define WEIGHT_MAX  1000000u
#define ANCHORS_MAX 256
#define MERGED_MAX  1000 /* keys of a mapping that has a << key */
#define OWN_TAGS    "tag:yaml.org,2002:"

struct yaml_tree {
    struct arena arena;
    struct yaml_tree_node *root;
};

/* A sequence or mapping whose end has not come yet. */
struct frame {
    struct yaml_tree_node *node;
    const struct yaml_tree_node *key; /* of a mapping: waits for its value */
    struct yaml_tree_entry *entries;
    size_t count;
};

struct anchor {
    const char *name;
    struct yaml_tree_node *node;
};

struct builder {
    struct yaml_tree *tree;
    struct reporter *reporter;
    struct yaml_position cursor;
    struct frame frames[DEPTH_MAX];
    size_t depth;
    struct anchor anchors[ANCHORS_MAX];
    size_t anchor_count;
    unsigned weight;
};

static int fail(struct builder *builder, struct position at, const char *message)
{
    reporter_error(builder->reporter, at, NULL, "%s", message);
    return -1;
}

static struct anchor *find_anchor(struct builder *builder, const char *name)
{
    for (size_t i = builder->anchor_count; i > 0; i--) {
        if (strcmp(builder->anchors[i - 1].name, name) == 0)
            return &builder->anchors[i - 1];
    }
    return NULL;
}

static int add_anchor(struct builder *builder, const yaml_char_t *name, struct yaml_tree_node *node)
{
    if (!name)
        return 0;
    if (builder->anchor_count == ANCHORS_MAX)
        return fail(builder, node->at, "the file has too many anchors (&name)");
    const char *copy = arena_copy(&builder->tree->arena, (const char *)name, strlen((const char *)name));
    builder->anchors[builder->anchor_count++] = (struct anchor){copy, node};
    return 0;
}

static void frame_add(struct frame *frame, struct yaml_tree_entry entry)
{
    frame->entries = xgrow(frame->entries, frame->count, sizeof(*frame->entries));
    frame->entries[frame->count++] = entry;
}

/* Puts a finished node (or an alias's target) where it belongs. */
static int place(struct builder *builder, struct yaml_tree_node *node, struct position at)
{
    if (node->weight > WEIGHT_MAX - builder->weight)
        return fail(builder, at, "the file is too large: it has more than a million values");
    builder->weight += node->weight;
    if (builder->depth == 0) {
        builder->tree->root = node;
        return 0;
    }
    struct frame *frame = &builder->frames[builder->depth - 1];
    frame->node->weight += node->weight;
    if (frame->node->kind == YAML_TREE_MAPPING && !frame->key) {
        frame->key = node;
        return 0;
    }
    frame_add(frame, (struct yaml_tree_entry){.key = frame->key, .value = node});
    frame->key = NULL;
    return 0;
}

static struct yaml_tree_node *new_node(struct builder *builder, const yaml_event_t *event,
                                       enum yaml_tree_kind kind, const yaml_char_t *tag)
{
    struct yaml_tree_node *node = arena_alloc(&builder->tree->arena, sizeof(*node));
    node->kind = kind;
    node->at = yaml_position_of(&builder->cursor, event->start_mark.index);
    node->text = "";
    node->weight = 1;
    const char *name = (const char *)tag;
    if (name && strcmp(name, "!") != 0 && strncmp(name, OWN_TAGS, strlen(OWN_TAGS)) != 0) {
        char flaw[128];
        snprintf(flaw, sizeof(flaw), "the tag \"%s\" means nothing here", quote(name).text);
        node->flaw = arena_copy(&builder->tree->arena, flaw, strlen(flaw));
    }
    return node;
}

static bool is_null(const yaml_event_t *event)
{
    static const char *const spellings[] = {"", "~", "null", "Null", "NULL"};
    const char *tag = (const char *)event->data.scalar.tag;
    if (tag)
        return strcmp(tag, YAML_NULL_TAG) == 0;
    if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    for (size_t i = 0; i < sizeof(spellings) / sizeof(*spellings); i++) {
        if (strcmp((const char *)event->data.scalar.value, spellings[i]) == 0)
            return true;
    }
    return false;
}

/* Where the text of a scalar begins that has no escapes and is on one line: behind its quote, if any. */
static struct position text_position(const yaml_event_t *event, struct position at)
{
    size_t length = event->data.scalar.length;
    size_t written = event->end_mark.index - event->start_mark.index;
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (event->start_mark.line != event->end_mark.line || written != length + (plain ? 0 : 2))
        return (struct position){0};
    return (struct position){at.line, at.column + (plain ? 0 : 1)};
}

static int on_scalar(struct builder *builder, const yaml_event_t *event)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    enum yaml_tree_kind kind = is_null(event) ? YAML_TREE_NULL : YAML_TREE_SCALAR;
    struct yaml_tree_node *node = new_node(builder, event, kind, event->data.scalar.tag);
    if (kind == YAML_TREE_SCALAR)
        node->text = arena_copy(&builder->tree->arena, text, length);
    node->text_at = text_position(event, node->at);
    if (memchr(text, '\0', length))
        node->flaw = "a NUL character cannot stand in a value";
    if (add_anchor(builder, event->data.scalar.anchor, node) < 0)
        return -1;
    return place(builder, node, node->at);
}

static int on_alias(struct builder *builder, const yaml_event_t *event)
{
    const char *name = (const char *)event->data.alias.anchor;
    struct position at = yaml_position_of(&builder->cursor, event->start_mark.index);
    struct anchor *anchor = find_anchor(builder, name);
    if (!anchor) {
        reporter_error(builder->reporter, at, "an anchor is written &name, before it is used as *name",
                       "there is no anchor \"%s\" before this line", quote(name).text);
        return -1;
    }
    for (size_t i = 0; i < builder->depth; i++) {
        if (builder->frames[i].node == anchor->node)
            return fail(builder, at, "an alias cannot stand inside the value that it names");
    }
    return place(builder, anchor->node, at);
}

static int on_start(struct builder *builder, const yaml_event_t *event)
{
    bool mapping = event->type == YAML_MAPPING_START_EVENT;
    const yaml_char_t *tag = mapping ? event->data.mapping_start.tag : event->data.sequence_start.tag;
    const yaml_char_t *anchor =
        mapping ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
    struct yaml_tree_node *node =
        new_node(builder, event, mapping ? YAML_TREE_MAPPING : YAML_TREE_SEQUENCE, tag);
    if (builder->depth == DEPTH_MAX)
        return fail(builder, node->at, "values are nested too deeply");
    if (add_anchor(builder, anchor, node) < 0)
        return -1;
    builder->frames[builder->depth++] = (struct frame){.node = node};
    return 0;
}

static bool is_merge_key(const struct yaml_tree_entry *entry)
{
    return entry->key && entry->key->kind == YAML_TREE_SCALAR && strcmp(entry->key->text, "<<") == 0;
}

/* Orders entries by key, equal ones as they stand in the file. Keys that are not scalars come first. */
static int compare_entries(const void *a, const void *b)
{
    const struct yaml_tree_entry *left = *(const struct yaml_tree_entry *const *)a;
    const struct yaml_tree_entry *right = *(const struct yaml_tree_entry *const *)b;
    int order = strcmp(left->key->text, right->key->text);
    if (order == 0)
        order = (left > right) - (left < right);
    return order;
}

/* Links every entry to the first with the same key. */
static void find_duplicates(struct yaml_tree_node *node)
{
    if (node->count < 2)
        return;
    struct yaml_tree_entry **sorted = xcalloc(node->count, sizeof(struct yaml_tree_entry *));
    for (size_t i = 0; i < node->count; i++)
        sorted[i] = &node->entries[i];
    qsort(sorted, node->count, sizeof(struct yaml_tree_entry *), compare_entries);
    for (size_t i = 1; i < node->count; i++) {
        struct yaml_tree_entry *previous = sorted[i - 1], *entry = sorted[i];
        if (entry->key->kind == YAML_TREE_SCALAR && strcmp(previous->key->text, entry->key->text) == 0 &&
            previous->key->kind == YAML_TREE_SCALAR)
            entry->first = previous->first ? previous->first : previous;
    }
    free(sorted);
}

/* Adds those entries of `source` whose key the mapping does not have yet. */
static int merge_mapping(struct builder *builder, struct frame *frame, const struct yaml_tree_node *source)
{
    if (source->kind != YAML_TREE_MAPPING)
        return fail(builder, source->at, "<< takes a mapping, as in <<: *name");
    if (frame->count + source->count > MERGED_MAX)
        return fail(builder, source->at, "<< makes a mapping of more than 1000 keys");
    size_t own = frame->count;
    for (size_t i = 0; i < source->count; i++) {
        const struct yaml_tree_entry *entry = &source->entries[i];
        bool there = entry->key->kind != YAML_TREE_SCALAR;
        for (size_t j = 0; j < own && !there; j++)
            there = strcmp(frame->entries[j].key->text, entry->key->text) == 0;
        if (!there)
            frame_add(frame, (struct yaml_tree_entry){.key = entry->key, .value = entry->value});
    }
    return 0;
}

/* Replaces every `<<` of a finished mapping by what it names. */
static int resolve_merges(struct builder *builder, struct frame *frame)
{
    size_t own = frame->count, kept = 0;
    const struct yaml_tree_node *sources[8];
    size_t source_count = 0;
    for (size_t i = 0; i < own; i++) {
        if (!is_merge_key(&frame->entries[i])) {
            frame->entries[kept++] = frame->entries[i];
            continue;
        }
        if (source_count == sizeof(sources) / sizeof(*sources))
            return fail(builder, frame->entries[i].key->at, "too many << keys in one mapping");
        sources[source_count++] = frame->entries[i].value;
    }
    frame->count = kept;
    for (size_t i = 0; i < source_count; i++) {
        const struct yaml_tree_node *source = sources[i];
        bool list = source->kind == YAML_TREE_SEQUENCE;
        for (size_t j = 0; j < (list ? source->count : 1); j++) {
            if (merge_mapping(builder, frame, list ? source->entries[j].value : source) < 0)
                return -1;
        }
    }
    return 0;
}

static int on_end(struct builder *builder)
{
    struct frame *frame = &builder->frames[builder->depth - 1];
    struct yaml_tree_node *node = frame->node;
    bool mapping = node->kind == YAML_TREE_MAPPING;
    if (mapping && resolve_merges(builder, frame) < 0)
        return -1;
    node->count = frame->count;
    node->entries = arena_alloc(&builder->tree->arena, frame->count * sizeof(*node->entries));
    if (frame->count > 0)
        memcpy(node->entries, frame->entries, frame->count * sizeof(*node->entries));
    free(frame->entries);
    builder->depth--;
    if (mapping)
        find_duplicates(node);
    unsigned inside = node->weight - 1; /* its parts were counted one by one already */
    builder->weight -= inside;
    return place(builder, node, node->at);
}

static int on_event(struct builder *builder, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return on_scalar(builder, event);
    case YAML_ALIAS_EVENT:
        return on_alias(builder, event);
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        return on_start(builder, event);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return on_end(builder);
    default:
        return 0;
    }
}

/* Feeds events until the first document ends. Text after it is reported and not read. */
static int build(struct builder *builder, yaml_parser_t *parser)
{
    bool ended = false;
    for (;;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            yaml_problem_report(parser, &builder->cursor, builder->reporter);
            return -1;
        }
        bool last = event.type == YAML_STREAM_END_EVENT;
        bool second = ended && event.type == YAML_DOCUMENT_START_EVENT;
        int rc = 0;
        if (second)
            reporter_error(builder->reporter, yaml_position_of(&builder->cursor, event.start_mark.index),
                           NULL, "a second YAML document begins here; only the first is read");
        else
            rc = on_event(builder, &event);
        ended = ended || event.type == YAML_DOCUMENT_END_EVENT;
        yaml_event_delete(&event);
        if (rc < 0 || last || second)
            return rc;
    }
}

int yaml_tree_parse(const char *text, size_t size, struct reporter *reporter, struct yaml_tree **ret_tree)
{
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        size -= 3;
    }
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        reporter_error(reporter, (struct position){0}, NULL, "not enough memory to read YAML");
        return -1;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);

    struct builder builder = {.tree = xcalloc(1, sizeof(struct yaml_tree)), .reporter = reporter};
    yaml_position_init(&builder.cursor, text, size);
    int rc = build(&builder, &parser);
    yaml_parser_delete(&parser);
    while (builder.depth > 0)
        free(builder.frames[--builder.depth].entries);
    if (rc < 0) {
        yaml_tree_destroy(builder.tree);
        return -1;
    }
    *ret_tree = builder.tree;
    return 0;
}

void yaml_tree_destroy(struct yaml_tree *tree)
{
    if (!tree)
        return;
    arena_clear(&tree->arena);
    free(tree);
}

const struct yaml_tree_node *yaml_tree_root(const struct yaml_tree *tree)
{
    return tree->root;
}

const struct yaml_tree_node *yaml_tree_get(const struct yaml_tree_node *mapping, const char *key)
{
    for (size_t i = 0; i < mapping->count; i++) {
        const struct yaml_tree_entry *entry = &mapping->entries[i];
        if (entry->key && entry->key->kind == YAML_TREE_SCALAR && strcmp(entry->key->text, key) == 0)
            return entry->value;
    }
    return NULL;
}

struct quoted yaml_tree_describe(const struct yaml_tree_node *node)
{
    static const char *const names[] = {"nothing", NULL, "a list", "a mapping"};
    struct quoted quoted;
    if (node->kind != YAML_TREE_SCALAR)
        return quote(names[node->kind]);
    quoted = quote(node->text);
    struct quoted result;
    snprintf(result.text, sizeof(result.text), "\"%.*s\"", (int)sizeof(result.text) - 3, quoted.text);
    return result;
}
