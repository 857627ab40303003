/*
 * Settings described by tables. A table lists the keys that a YAML mapping may have, and where each value
 * goes in a struct; one reader applies any table, fills in defaults and reports what is wrong where it
 * stands. Sections of the YAML file are tables, not code.
 */
#ifndef CONFIG_SETTING_H
#define CONFIG_SETTING_H

#include "base/hash.h"
#include "base/strbuf.h"
#include "config/reporter.h"
#include "config/yaml_tree.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_type {
    SETTING_STRING, /* char *; an empty text is the same as no value */
    SETTING_ADDRESS, /* char *, ADDRESS:PORT */
    SETTING_INTEGER, /* unsigned */
    SETTING_BOOLEAN, /* bool */
    SETTING_DECIMAL, /* double */
    SETTING_DURATION, /* unsigned, milliseconds */
    SETTING_SIZE, /* unsigned or uint64_t, bytes */
    SETTING_NETWORKS, /* struct network_list; see setting_networks.h */
    SETTING_FOLDERS, /* struct folder_list; see setting_folders.h */
    SETTING_PACKAGES, /* struct package_list; see setting_packages.h */
    SETTING_CAUSES, /* struct retry_causes; see setting_causes.h */
    SETTING_EGRESS, /* struct egress; see setting_egress.h */
    SETTING_WORD, /* an enum: the index of one of `words` */
    SETTING_MAPPING, /* nothing is stored; the reader's `found` has the node */
    SETTING_ENTRIES, /* the same of a mapping or a list */
    SETTING_LIST, /* the same of a list */
    SETTING_ANY /* the same of anything */
};

/* What another value does to a daemon that runs. A reload compares the values of both files, setting by
 * setting. */
enum setting_change {
    CHANGE_NOTHING, /* it holds no value of its own */
    CHANGE_APPLIES, /* it holds at once, for what runs too */
    CHANGE_REPLACES, /* a new revision of the function takes over */
    CHANGE_PREPARES, /* the function is prepared anew; a new revision takes over if that is what comes out */
    CHANGE_RESTARTS, /* it holds once berthd is restarted; the reload says so */
};

struct setting {
    const char *name;
    const char *const *aliases; /* ended by NULL, or NULL */
    enum setting_type type;
    size_t offset, width; /* of the member in the struct that is filled */
    enum setting_change change;
    bool as_text; /* the member is a char *: the checked value in its plainest spelling */
    double min, max; /* inclusive; both 0: no range. Strings: length in bytes */
    const char *default_text; /* as in YAML, or NULL: the member stays 0 or NULL */
    const char *unset; /* without a default: what holds then, for people; or NULL */
    bool takes_zero; /* 0 is a value: of a uint64_t without a default, that is SETTING_UNSET unless set */
    const char *const *words; /* ended by NULL: of SETTING_WORD, or all that a SETTING_STRING may be */
    const char *help;
};

#define SETTING_UNSET UINT64_MAX

/* The members `offset` and `width` of a setting. */
#define SETTING_MEMBER(type, member) .offset = offsetof(type, member), .width = sizeof(((type *)0)->member)

struct setting_table {
    const struct setting *settings;
    size_t count;
    const char *where; /* for messages: "the host section" */
    const struct setting_table *neighbour; /* keys that users tend to put here by mistake, or NULL */
    const char *neighbour_hint; /* what to do then */
};

/* A table at work. `found` has table->count entries, all NULL at first: afterwards the value's node of every
 * key that was there and not empty. */
struct setting_layer {
    const struct setting_table *table;
    void *target;
    const struct yaml_tree_node **found;
};

enum setting_unknown {
    UNKNOWN_IS_ERROR,
    UNKNOWN_IF_NEAR_IS_ERROR, /* only those that look like a slip of the pen: the rest may belong to somebody
                               */
    UNKNOWN_IS_IGNORED
};

/* Gives every member its default. Texts and lists in `target` must be empty or allocated. */
void setting_defaults(const struct setting_table *table, void *target);

/* Applies `mapping` to the layers: a key belongs to the first layer that has it. What is wrong is reported
 * and leaves the member as it is. */
void setting_apply(const struct setting_layer *layers, size_t layer_count,
                   const struct yaml_tree_node *mapping, enum setting_unknown unknown,
                   struct reporter *reporter);

/* Frees the texts and lists in `target`. */
void setting_clear(const struct setting_table *table, void *target);

/* The node that `mapping` has for the setting called `name`, however it is spelt there; NULL when it is not
 * there or null. */
const struct yaml_tree_node *setting_peek(const struct setting_table *table, const char *name,
                                          const struct yaml_tree_node *mapping);

/* What setting_apply found for the setting called `name`, or NULL. */
const struct yaml_tree_node *setting_found(const struct setting_layer *layer, const char *name);

/* Parses and checks `node` as a value of `setting`, stores it in `target`. `key` is the spelling to show. */
int setting_store(const struct setting *setting, const char *key, const struct yaml_tree_node *node,
                  void *target, struct reporter *reporter);

/* Stores the default, which must be right. */
void setting_store_default(const struct setting *setting, void *target);

/* Adds the value of one setting to a hash. */
void setting_hash(const struct setting *setting, const void *target, struct hash *hash);

/* The same for every setting of the table whose other value does `change`. */
void setting_hash_all(const struct setting_table *table, const void *target, enum setting_change change,
                      struct hash *hash);

/* Copies the value of every setting whose other value applies at once, but for texts and lists. */
void setting_copy_applied(const struct setting_table *table, const void *from, void *to);

/* All values of a table in their base units, by their names, as the caller's JSON; those that have no single
 * value are left out. */
json_t *setting_to_json_all(const struct setting_table *table, const void *target);

/* Stores such a value in the place of what was there. -1: it is none that the setting can have. */
int setting_from_json(const struct setting *setting, const json_t *json, void *target);

/* Stores all of a table; what is not there has its default. -1: *ret_wrong is the first setting that cannot
 * have its value. */
int setting_from_json_all(const struct setting_table *table, const json_t *json, void *target,
                          const struct setting **ret_wrong);

/* Adds all of a table to an object for people and programs: the name of a number says its unit, "timeout_ms".
 */
void setting_show_all(const struct setting_table *table, const void *target, json_t *object);

/* One list item: name, spellings, type, range, default, what a change does, help. */
void setting_describe(const struct setting *setting, struct strbuf *out);

#endif
