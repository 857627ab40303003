#include "fleet/fleet_inside.h"
#include "fleet/scale/warm_keeper.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "prepare/process/build_job.h"
#include "prepare/store/revision_store.h"
#include "prepare/store/sealed_file.h"

static void remove_unregistered(struct fleet *fleet, const struct generation *generation)
{
    for (size_t i = fleet->count; i-- > 0;) {
        struct function *function = fleet->functions[i];
        if (!function_is_removed(function) && !function_is_of(function, generation))
            fleet_function_remove(fleet, function, "no longer registered");
    }
}

static void take_findings(struct fleet *fleet, const struct registry *registry)
{
    diagnostics_clear(&fleet->findings);
    for (size_t i = 0; i < registry->diagnostics.count; i++) {
        const struct diagnostic *item = &registry->diagnostics.items[i];
        if (item->function)
            continue;
        diagnostics_add(&fleet->findings, item);
        diagnostic_log("config.diagnostic", item);
    }
}

static void log_restarts(const struct fleet *fleet, const struct registry *registry)
{
    struct diagnostics found = {0};
    if (fleet->started)
        registry_find_restarts(fleet->started, registry, &found);
    for (size_t i = 0; i < found.count; i++)
        diagnostic_log("config.restart-needed", &found.items[i]);
    diagnostics_clear(&found);
}

/* For a start at which the file cannot be read. */
static void keep_host(struct fleet *fleet, const struct registry *registry)
{
    json_t *json = host_settings_keep(&registry->host), *before = NULL;
    struct error err;
    bool is_kept = sealed_read(fleet->host_path, &before, &err) == 0 && json_equal(json, before);
    char *text = is_kept ? NULL : sealed_text(json);
    if (text)
        sealed_write(fleet->background, fleet->host_path, text);
    json_decref(fleet->former_host);
    fleet->former_host = json;
    json_decref(before);
}

static void apply_host(struct fleet *fleet, const struct registry *registry)
{
    keep_host(fleet, registry);
    host_settings_apply(&fleet->host, &registry->host);
    folder_list_copy(&fleet->volume_roots, &registry->host.volume_roots);
    build_jobs_set_timeout(fleet->env.jobs, fleet->host.build_timeout_ms);
    warm_keeper_look(fleet->env.warm);
    log_restarts(fleet, registry);
}

/* The first mistake that belongs to no function, or NULL. */
static const struct diagnostic *first_mistake(const struct registry *registry)
{
    for (size_t i = 0; i < registry->diagnostics.count; i++) {
        const struct diagnostic *item = &registry->diagnostics.items[i];
        if (item->severity == SEVERITY_ERROR && !item->function)
            return item;
    }
    return NULL;
}

/* A mistake that belongs to no function means that functions may be missing from what was read. */
static bool is_whole(const struct registry *registry)
{
    return !first_mistake(registry);
}

/* A file without one function that can be read, and with mistakes, is no registry. */
static bool is_usable(const struct registry *registry)
{
    bool has_functions = false;
    for (size_t i = 0; i < registry->function_count && !has_functions; i++)
        has_functions = !registry->functions[i].deployment;
    return is_whole(registry) || has_functions;
}

/* What the file has cannot serve, unless it is kept, until it is mended: that is more than a word in the log.
 */
static void note_unusable(struct fleet *fleet, const struct diagnostic *mistake)
{
    struct error err;
    cleanup_strbuf struct strbuf line;
    strbuf_init(&line, 4096);
    diagnostic_render_line(mistake, &line);
    error_set(&err, ERROR_CONFIG_UNUSABLE, "the registry cannot be used: %s", strbuf_text(&line));
    error_hint(&err, "mend the file%s; berthd --check shows all of it",
               fleet->host.watch ? "" : " and send SIGHUP");
    log_error("config.unusable", LOG_STR("file", fleet->config_path), LOG_ERR(&err));
    error_replace(&fleet->unusable, &err);
}

/* Why nobody knows whether there shall be such a function. */
static void explain_lost(const struct fleet *fleet, struct error *err)
{
    cleanup_strbuf struct strbuf line;
    strbuf_init(&line, 4096);
    const struct diagnostic *worst = fleet->findings.items; /* there is one */
    for (size_t i = 1; i < fleet->findings.count && worst->severity != SEVERITY_ERROR; i++)
        worst = &fleet->findings.items[i];
    diagnostic_render_line(worst, &line);
    error_set(err, ERROR_CONFIG_INVALID_FUNCTION,
              "the registry could not be used since the start, and this function is as it served last: %s",
              strbuf_text(&line));
    error_hint(err, "mend the file%s; berth check shows all of it", fleet->host.watch ? "" : " and reload");
}

void fleet_restore_lost(struct fleet *fleet)
{
    struct error why;
    explain_lost(fleet, &why);
    char **names = revision_store_functions(fleet->env.revisions);
    for (char **name = names; *name; name++) {
        if (fleet_function_find(fleet, *name))
            continue;
        struct function *function = fleet_function_add(fleet, *name);
        if (!function_deploy_lost(function, &why))
            fleet_function_remove(fleet, function, "nothing is kept of it that can serve");
    }
    texts_free(names);
}

/* Nobody may have wanted one: functions can all come over the API. */
static void note_missing(const struct fleet *fleet)
{
    log_warning(
        "config.missing", LOG_STR("file", fleet->config_path),
        LOG_STR("message", "there is no registry; functions that were deployed over the API are served"),
        LOG_STR("hint", fleet->host.watch ? "it is read as soon as it is there"
                                          : "it is read at a reload, once it is there"));
}

void fleet_note_unreadable(struct fleet *fleet, const struct error *err)
{
    bool is_needless = err->code == ERROR_NOT_FOUND && !fleet->generation && !fleet->unusable;
    const struct diagnostic finding = {.severity = is_needless ? SEVERITY_WARNING : SEVERITY_ERROR,
                                       .file = fleet->config_path,
                                       .message = (char *)err->message,
                                       .hint = err->hint[0] ? (char *)err->hint : NULL};
    diagnostics_clear(&fleet->findings);
    diagnostics_add(&fleet->findings, &finding);
    if (!is_needless)
        log_warning("config.unreadable", LOG_ERR(err));
    else if (!fleet->applied)
        note_missing(fleet);
    if (!is_needless && (!fleet->applied || fleet->unusable))
        note_unusable(fleet, &finding);
}

/* Nothing is wrong with a registry that has no function; but whoever has emptied it may not have meant it. */
static bool is_emptied(const struct fleet *fleet, const struct registry *registry)
{
    const bool is_allowed =
        registry->host.allow_empty || (fleet->started && fleet->started->host.allow_empty_option);
    return registry->function_count == 0 && is_whole(registry) && !is_allowed && fleet_has_registered(fleet);
}

static void note_emptied(struct fleet *fleet)
{
    const struct diagnostic finding = {
        .severity = SEVERITY_ERROR,
        .file = fleet->config_path,
        .message = (char *)"no function is left in the registry, so those that it had stay",
        .hint = (char *)"allow_empty: true in the section `host` removes them"};
    diagnostics_clear(&fleet->findings);
    diagnostics_add(&fleet->findings, &finding);
    log_warning("config.emptied", LOG_STR("file", fleet->config_path), LOG_STR("why", finding.message),
                LOG_STR("hint", finding.hint));
}

bool fleet_judge(struct fleet *fleet, const struct registry *registry)
{
    if (is_emptied(fleet, registry)) {
        note_emptied(fleet);
        return false;
    }
    take_findings(fleet, registry);
    bool usable = is_usable(registry);
    if (!usable && (!fleet->applied || fleet->unusable))
        note_unusable(fleet, first_mistake(registry));
    if (usable || !fleet->applied)
        return true;
    log_warning("config.kept", LOG_STR("file", fleet->config_path),
                LOG_STR("why", "it cannot be read as a registry; the functions stay as they were"));
    return false;
}

static void trim_kept(const struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->count; i++)
        function_trim_kept(fleet->functions[i]);
}

/* What the registry's file says, beyond single functions. */
static void take_registry(struct fleet *fleet, struct generation *generation)
{
    const struct registry *registry = generation->registry;
    generation_ref(generation);
    generation_unref(fleet->generation);
    fleet->generation = generation;
    if (is_usable(registry))
        error_replace(&fleet->unusable, NULL);
    if (is_whole(registry))
        apply_host(fleet, registry);
}

static void remove_gone(struct fleet *fleet, const struct generation *generation)
{
    if (fleet->whole) {
        remove_unregistered(fleet, generation);
        return;
    }
    fleet_remove_undeployed(fleet, generation);
    if (!fleet->applied)
        fleet_restore_lost(fleet);
}

void fleet_apply(struct fleet *fleet, struct generation *generation, const struct source_inputs *inputs)
{
    const struct registry *registry = generation->registry;
    size_t deployed = 0;
    if (!generation->is_partial)
        take_registry(fleet, generation);
    for (size_t i = 0; i < registry->function_count; i++) {
        const struct function_settings *settings = &registry->functions[i];
        struct function *function = fleet_function_find(fleet, settings->name);
        bool is_new = !function;
        if (is_new)
            function = fleet_function_add(fleet, settings->name);
        if (is_new && settings->deployment && fleet->applied)
            function_try_first(function);
        deployed += function_deploy(function, generation, settings, &inputs[i]);
    }
    fleet->whole = !generation->is_partial && is_whole(registry);
    remove_gone(fleet, generation);
    trim_kept(fleet);
    if (fleet->applied)
        fleet_on_routes(-1, 0, fleet); /* limits hold from here on */
    log_info("config.applied", LOG_STR("file", fleet->config_path),
             LOG_INT("functions", registry->function_count), LOG_INT("deployed", deployed),
             LOG_INT("errors", diagnostics_errors(&registry->diagnostics, NULL)));
}

void fleet_apply_files(struct fleet *fleet, const struct folder_list *folders,
                       const struct source_inputs *inputs)
{
    const struct registry *registry = fleet->generation->registry;
    size_t deployed = 0;
    for (size_t i = 0; i < registry->function_count; i++) {
        const struct function_settings *settings = &registry->functions[i];
        if (settings->folder && !settings->deployment && folder_list_holds(folders, settings->folder))
            deployed += function_deploy(fleet_function_find(fleet, settings->name), fleet->generation,
                                        settings, &inputs[i]);
    }
    log_info("files.applied", LOG_STR("folder", folders->items[0]), LOG_INT("folders", folders->count),
             LOG_INT("deployed", deployed));
}
