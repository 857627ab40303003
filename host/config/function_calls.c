#include "config/function_calls.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/ident.h"
#include "base/suggest.h"

#include <stdlib.h>
#include <string.h>

static struct position at_of(const struct setting_layer *layer, const char *key)
{
    const struct yaml_tree_node *node = setting_found(layer, key);
    return node ? node->at : (struct position){0};
}

static void check_waits(const struct setting_layer *layer, const struct call_settings *calls,
                        struct reporter *reporter)
{
    const struct yaml_tree_node *wait = setting_found(layer, "retry_wait");
    const struct yaml_tree_node *max = setting_found(layer, "retry_wait_max");
    if (calls->retry_wait_ms > calls->retry_wait_max_ms)
        reporter_error(reporter, wait ? wait->at : max->at, max ? NULL : "set \"retry_wait_max\" too",
                       "\"retry_wait\" (%u ms) is above \"retry_wait_max\" (%u ms)", calls->retry_wait_ms,
                       calls->retry_wait_max_ms);
}

static void check_function_name(const char *key, const char *name, struct position at,
                                struct reporter *reporter)
{
    if (name && !ident_is_name(name))
        reporter_error(reporter, at, "it is the name of a function", "\"%s\": \"%s\" cannot be a function",
                       key, quote(name).text);
}

static void check_secret_name(const char *name, struct position at, struct reporter *reporter)
{
    if (name && !secret_name_is_valid(name))
        reporter_error(reporter, at, SECRET_NAME_RULE, "\"%s\" cannot be the name of a secret",
                       quote(name).text);
}

void function_calls_read(const struct setting_layer *layer, struct reporter *reporter,
                         struct function_settings *settings)
{
    struct call_settings *calls = &settings->calls;
    calls->on_success_at = at_of(layer, "on_success");
    calls->on_failure_at = at_of(layer, "on_failure");
    calls->callback_secret_at = at_of(layer, "callback_secret");
    check_waits(layer, calls, reporter);
    check_function_name("on_success", calls->on_success, calls->on_success_at, reporter);
    check_function_name("on_failure", calls->on_failure, calls->on_failure_at, reporter);
    check_secret_name(calls->callback_secret, calls->callback_secret_at, reporter);
}

/* --- which functions there are --- */

/* All names, sorted. */
struct names {
    const char **items;
    size_t count;
};

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* One that does not exist may be deployed over the API later, which the file knows nothing of. */
static void find_function(const char *key, const char *name, struct position at, const struct names *names,
                          bool is_deployed, struct reporter *reporter)
{
    if (!name || !ident_is_name(name) ||
        bsearch(&name, names->items, names->count, sizeof(*names->items), compare))
        return;
    const char *near = suggest_nearest(name, names->items, names->count);
    cleanup_free char *hint = near ? xasprintf("did you mean \"%s\"?", near) : NULL;
    if (near && !is_deployed)
        reporter_error(reporter, at, hint, "\"%s\": there is no function \"%s\"", key, name);
    else
        reporter_warning(reporter, at, hint ? hint : "until there is one, calls of it become dead letters",
                         "\"%s\": there is no function \"%s\" yet", key, name);
}

void registry_resolve_functions(struct registry *registry)
{
    struct names names = {xcalloc(registry->function_count, sizeof(*names.items)), registry->function_count};
    for (size_t i = 0; i < names.count; i++)
        names.items[i] = registry->functions[i].name;
    qsort(names.items, names.count, sizeof(*names.items), compare);
    for (size_t i = 0; i < registry->function_count; i++) {
        struct function_settings *settings = &registry->functions[i];
        const struct call_settings *calls = &settings->calls;
        bool is_deployed = settings->deployment;
        struct reporter reporter = {.diagnostics = &registry->diagnostics,
                                    .file = is_deployed ? DEPLOYED_FILE : registry->path,
                                    .function = settings->name};
        find_function("on_success", calls->on_success, calls->on_success_at, &names, is_deployed, &reporter);
        find_function("on_failure", calls->on_failure, calls->on_failure_at, &names, is_deployed, &reporter);
        settings->broken = settings->broken || reporter.errors > 0;
    }
    free(names.items);
}
