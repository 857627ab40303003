#include "base/strbuf.h"
#include "config/function_settings.h"
#include "config/host_settings.h"
#include "config/registry.h"

static const char introduction[] =
    "# Settings of global-function-definition.yml\n"
    "\n"
    "The file registers the functions of a host and sets up the daemon itself:\n"
    "\n"
    "```yaml\n"
    "usable-functions:            # may be left out: then the top level itself is the map of functions\n"
    "  hello:\n"
    "    version: 2.1\n"
    "    configuration:\n"
    "      programing_language: \"python\"\n"
    "      base_function_file_name: \"hello.py\"\n"
    "      function_folder: \"hello\"\n"
    "      memory: 128Mi\n"
    "      environment:\n"
    "        GREETING: hi\n"
    "host:                        # may be left out\n"
    "  listen: 0.0.0.0:8080\n"
    "```\n"
    "\n"
    "A key with no value, or an empty one, is the same as no key, and may be another language's. Anchors,\n"
    "aliases and `<<` may be used. An unknown key with a value is an error.\n"
    "The file holds at most 10,000 functions in 4 MiB.\n"
    "\n"
    "- A **duration** is a number with `ms`, `s`, `m` or `h`, or several of them (`1m30s`); a bare number "
    "counts\n"
    "  seconds.\n"
    "- A **size** is a number of bytes, or has a unit: `Ki`, `Mi`, `Gi`, `Ti` and Docker's small `k`, `m`, "
    "`g`, `t` are\n"
    "  powers of 1024; the capitals `K`, `M`, `G`, `T` are powers of 1000.\n"
    "\n"
    "A mistake is reported with its line and column, all of them in one run. A function with a mistake does "
    "not\n"
    "serve; the others do. After a mistake in the syntax of YAML itself nothing in the file can be used.\n";

static void describe_table(const struct setting_table *table, const char *title, const char *remark,
                           struct strbuf *out)
{
    strbuf_append_format(out, "\n## %s\n\n%s\n\n", title, remark);
    for (size_t i = 0; i < table->count; i++)
        setting_describe(&table->settings[i], out);
}

static json_t *setting_json(const struct setting *setting, const char *section)
{
    json_t *aliases = json_array();
    for (const char *const *alias = setting->aliases; alias && *alias; alias++)
        json_array_append_new(aliases, json_string(*alias));
    return json_pack("{s:s, s:s, s:o, s:s*, s:s}", "section", section, "name", setting->name, "aliases",
                     aliases, "default", setting->default_text, "help", setting->help);
}

static void list_table(const struct setting_table *table, const char *section, json_t *list)
{
    for (size_t i = 0; i < table->count; i++)
        json_array_append_new(list, setting_json(&table->settings[i], section));
}

json_t *registry_settings_json(void)
{
    json_t *list = json_array();
    list_table(&function_table, "function", list);
    list_table(&configuration_table, "configuration", list);
    list_table(&host_table, "host", list);
    return list;
}

void registry_describe(struct strbuf *out)
{
    strbuf_append_text(out, introduction);
    describe_table(&function_table, "A function",
                   "These routes are reserved: `function`, `async-function`, `async`, `system`, `healthz`, "
                   "`metrics`, `ui`, "
                   "`.berth`. Of two\nfunctions with one route the first is used and the second is an error.",
                   out);
    describe_table(&configuration_table, "A function's `configuration`",
                   "A language adds keys of its own, such as `extra_dependencies` for Python.", out);
    describe_table(&host_table, "The `host` section", "Options on the command line go before these.", out);
}
