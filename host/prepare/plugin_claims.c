#include "prepare/plugin_claims.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* One word and who serves it. */
struct holding {
    char *word, *path;
    bool name; /* it is the plugin's name, not an alias */
};

struct holdings {
    struct holding *items;
    size_t count;
};

struct plugin_claims {
    struct holdings now, before;
};

static void holdings_clear(struct holdings *holdings)
{
    for (size_t i = 0; i < holdings->count; i++) {
        free(holdings->items[i].word);
        free(holdings->items[i].path);
    }
    free(holdings->items);
    *holdings = (struct holdings){0};
}

static void holdings_add(struct holdings *holdings, const char *word, const char *path, bool name)
{
    holdings->items = xgrow(holdings->items, holdings->count, sizeof(*holdings->items));
    holdings->items[holdings->count++] =
        (struct holding){.word = xstrdup(word), .path = xstrdup(path), .name = name};
}

/* Who has `word` as its name (`name`) or as an alias; NULL when nobody has. */
static const char *holder(const struct holdings *holdings, const char *word, bool name)
{
    for (size_t i = 0; i < holdings->count; i++) {
        const struct holding *item = &holdings->items[i];
        if (item->name == name && strcasecmp(item->word, word) == 0)
            return item->path;
    }
    return NULL;
}

static bool held_before(const struct plugin_claims *claims, const char *word, const char *path, bool name)
{
    const char *path_before = holder(&claims->before, word, name);
    return path_before && strcmp(path_before, path) == 0;
}

struct plugin_claims *plugin_claims_create(void)
{
    return xcalloc(1, sizeof(struct plugin_claims));
}

void plugin_claims_destroy(struct plugin_claims *claims)
{
    if (!claims)
        return;
    holdings_clear(&claims->now);
    holdings_clear(&claims->before);
    free(claims);
}

/* What cannot be used keeps what it had. */
static void keep(struct plugin_claims *claims, const struct plugin_claimant *claimant)
{
    for (size_t i = 0; i < claims->before.count; i++) {
        const struct holding *item = &claims->before.items[i];
        if (strcmp(item->path, claimant->path) == 0)
            holdings_add(&claims->now, item->word, item->path, item->name);
    }
}

static void claim_name(struct plugin_claims *claims, struct plugin_claimant *claimant)
{
    const char *name = claimant->language->name;
    claimant->name_taken_by = holder(&claims->now, name, true);
    if (!claimant->name_taken_by)
        holdings_add(&claims->now, name, claimant->path, true);
}

static void claim_alias(struct plugin_claims *claims, struct plugin_claimant *claimant, size_t index)
{
    const char *alias = claimant->language->aliases[index];
    const char *taken_by = holder(&claims->now, alias, true);
    if (!taken_by)
        taken_by = holder(&claims->now, alias, false);
    if (!taken_by)
        holdings_add(&claims->now, alias, claimant->path, false);
    else if (strcmp(taken_by, claimant->path) != 0)
        claimant->alias_taken_by[index] = taken_by;
}

/* One round over the plugins that can be used: those that had the word before, or the others. */
static void claim_names(struct plugin_claims *claims, struct plugin_claimant *claimants, size_t count,
                        bool incumbents)
{
    for (size_t i = 0; i < count; i++) {
        struct plugin_claimant *claimant = &claimants[i];
        const struct language *language = claimant->language;
        if (language && held_before(claims, language->name, claimant->path, true) == incumbents)
            claim_name(claims, claimant);
    }
}

static void claim_aliases(struct plugin_claims *claims, struct plugin_claimant *claimants, size_t count,
                          bool incumbents)
{
    for (size_t i = 0; i < count; i++) {
        struct plugin_claimant *claimant = &claimants[i];
        if (!claimant->language || claimant->name_taken_by)
            continue;
        for (size_t a = 0; a < claimant->language->alias_count; a++) {
            const char *alias = claimant->language->aliases[a];
            if (held_before(claims, alias, claimant->path, false) == incumbents)
                claim_alias(claims, claimant, a);
        }
    }
}

void plugin_claims_settle(struct plugin_claims *claims, struct plugin_claimant *claimants, size_t count)
{
    holdings_clear(&claims->before);
    claims->before = claims->now;
    claims->now = (struct holdings){0};
    for (size_t i = 0; i < count; i++) {
        struct plugin_claimant *claimant = &claimants[i];
        claimant->name_taken_by = NULL;
        for (size_t a = 0; claimant->language && a < claimant->language->alias_count; a++)
            claimant->alias_taken_by[a] = NULL;
        if (!claimant->language)
            keep(claims, claimant);
    }
    claim_names(claims, claimants, count, true);
    claim_names(claims, claimants, count, false);
    claim_aliases(claims, claimants, count, true);
    claim_aliases(claims, claimants, count, false);
}
