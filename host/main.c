/* berthd: reads the command line and the `host:` section, then checks or serves. */
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/descriptors.h"
#include "base/json.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "check.h"
#include "config/registry.h"
#include "daemon.h"
#include "fleet/fleet.h"
#include "locations.h"
#include "new_function.h"
#include "options.h"
#include "plugin_test/plugin_test.h"
#include "prepare/store/sealed_file.h"
#include "privileges.h"
#include "takeover/ask.h"

#include <stdio.h>
#include <string.h>

#define ASK_LIMIT_MS 60000 /* for the daemon that runs to give up its place */

enum { STATUS_OK = 0, STATUS_FAILED = 1, STATUS_USAGE = 2 };

static int complain(const struct error *err, int status)
{
    fprintf(stderr, "berthd: %s\n", err->message);
    if (err->hint[0])
        fprintf(stderr, "berthd: %s\n", err->hint);
    return status;
}

static int list_settings(void)
{
    json_t *list = registry_settings_json();
    json_dumpf(list, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(list);
    return STATUS_OK;
}

static int describe_settings(void)
{
    cleanup_strbuf struct strbuf text;
    strbuf_init(&text, 1u << 20);
    registry_describe(&text);
    fputs(strbuf_text(&text), stdout);
    return STATUS_OK;
}

static void configure_log(const struct host_settings *host)
{
    enum log_level level = LOG_INFO;
    log_level_parse(host->log_level, &level);
    log_configure(level, strcmp(host->log_format, "json") == 0 ? LOG_JSON : LOG_TEXT);
}

/* When the file does not say what the section `host` is, it is what it was when the file did. */
static int recall_host(const struct options *options, struct registry *registry, struct locations *locations,
                       bool *ret_recalled, struct error *err)
{
    cleanup_free char *path = xasprintf("%s/" KEPT_HOST, locations->state_dir);
    json_t *kept;
    *ret_recalled = !registry->host_known && sealed_read(path, &kept, err) == 0;
    if (!*ret_recalled)
        return 0;
    registry_recall_host(registry, kept);
    json_decref(kept);
    locations_clear(locations);
    return options_apply(options, &registry->host, err) < 0
               ? -1
               : locations_find(options->config, &registry->host, locations, err);
}

/* -1: there is nothing to go on with. */
static int ask_for_place(const char *run_dir, struct descriptors *given, struct inheritance *inheritance,
                         struct error *err)
{
    enum takeover_answer answer = takeover_ask(run_dir, BERTH_VERSION, ASK_LIMIT_MS, given, inheritance, err);
    if (answer == TAKEOVER_DIED) {
        log_warning("takeover.died", LOG_ERR(err), LOG_STR("hint", "This start is one as after a crash."));
        inheritance_clear(inheritance);
    }
    return answer == TAKEOVER_NOT_GIVEN ? -1 : 0;
}

static int serve(const struct options *options, struct registry *registry, struct locations *locations)
{
    struct error err;
    bool recalled;
    if (recall_host(options, registry, locations, &recalled, &err) < 0)
        return complain(&err, STATUS_FAILED);
    configure_log(&registry->host);
    privileges_shed();
    if (recalled)
        log_warning("config.host-recalled", LOG_STR("file", options->config),
                    LOG_STR("message", "its section \"host\" cannot be read; it is as it was when it could"));
    struct descriptors *given = descriptors_create();
    struct inheritance inheritance = {.fd = -1, .pidfd = -1};
    descriptors_add_from_manager(given);
    int rc = 0;
    if (options->takeover)
        rc = ask_for_place(locations->run_dir, given, &inheritance, &err);
    if (rc == 0)
        rc = daemon_run(options->config, registry, locations, given, &inheritance, &err);
    else
        descriptors_destroy(given);
    inheritance_clear(&inheritance);
    if (rc < 0)
        log_error("daemon.failed", LOG_ERR(&err));
    return rc < 0 ? STATUS_FAILED : STATUS_OK;
}

static int make_function(const struct options *options, const struct host_settings *host,
                         const struct locations *locations)
{
    struct error err;
    log_configure(LOG_ERROR, LOG_TEXT);
    if (new_function_make(options->config, host, locations, options->new_function[0],
                          options->new_function[1], options->json, &err) < 0)
        return complain(&err, STATUS_FAILED);
    return STATUS_OK;
}

/* Without a registry: a plugin's author may have none. */
static int test_plugin(const struct options *options)
{
    const struct host_settings host = {0};
    struct locations locations = {0};
    struct error err;
    log_configure(LOG_ERROR, LOG_TEXT);
    if (locations_find(options->config, &host, &locations, &err) < 0)
        return complain(&err, STATUS_USAGE);
    const struct plugin_test_options test = {.path = options->test_plugin,
                                             .function = options->function,
                                             .only = options->only,
                                             .json = options->json,
                                             .build_job_program = locations.build_job_program};
    int status = (int)plugin_test_run(&test, &err);
    locations_clear(&locations);
    return *err.message ? complain(&err, status) : status;
}

/* What needs no registry; -1 when that is not what is asked for. */
static int run_without_registry(const struct options *options)
{
    if (options->help)
        options_print_help();
    else if (options->man_page)
        options_print_man_page(BERTH_VERSION);
    else if (options->version)
        puts("berthd " BERTH_VERSION);
    else if (options->list_checks)
        plugin_test_list(options->json);
    else if (options->help_settings)
        return options->json ? list_settings() : describe_settings();
    else if (options->test_plugin)
        return test_plugin(options);
    else
        return -1;
    return STATUS_OK;
}

/* Whoever serves does without one: there may be functions that it does not have. */
static int load_registry(const struct options *options, struct registry **ret_registry, struct error *err)
{
    bool is_serving = !options->new_function[0] && !options->check;
    if (registry_load(options->config, NULL, 0, NULL, ret_registry, err) == 0)
        return 0;
    if (!is_serving)
        return -1;
    *ret_registry = registry_empty(options->config, NULL);
    return 0;
}

/* Runs with the settings of the `host:` section, which are read before any plugin is known. */
static int run(const struct options *options)
{
    struct error err;
    struct registry *registry;
    if (load_registry(options, &registry, &err) < 0)
        return complain(&err, STATUS_FAILED);
    registry_drop_functions(registry);
    struct locations locations = {0};
    int status;
    if (options_apply(options, &registry->host, &err) < 0) {
        status = complain(&err, STATUS_USAGE);
    } else if (locations_find(options->config, &registry->host, &locations, &err) < 0) {
        status = complain(&err, STATUS_FAILED);
    } else if (options->new_function[0]) {
        status = make_function(options, &registry->host, &locations);
    } else if (options->check) {
        log_configure(LOG_ERROR, LOG_TEXT);
        status = (int)check_run(options->config, &registry->host, &locations, options->json);
    } else {
        status = serve(options, registry, &locations);
    }
    locations_clear(&locations);
    registry_destroy(registry);
    return status;
}

int main(int argc, char **argv)
{
    struct options options;
    struct error err;
    alloc_guard_libraries();
    if (options_parse(argc, argv, &options, &err) < 0)
        return complain(&err, STATUS_USAGE);
    int status = run_without_registry(&options);
    return status < 0 ? run(&options) : status;
}
