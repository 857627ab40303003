#include "cli/berthd.h"
#include "cli/client.h"
#include "cli/grid.h"
#include "cli/members.h"
#include "cli/run_commands.h"
#include "cli/say.h"

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

/* --- ls --- */

static void add_aliases(struct grid *grid, const json_t *aliases)
{
    char text[128] = "";
    size_t i, length = 0;
    const json_t *alias;
    json_array_foreach(aliases, i, alias)
    {
        int added =
            snprintf(text + length, sizeof(text) - length, "%s%s", i ? ", " : "", json_string_value(alias));
        length += (size_t)added < sizeof(text) - length ? (size_t)added : 0;
    }
    grid_add(grid, COLOUR_NONE, *text ? text : NULL);
}

static void print_plugins(const struct arguments *arguments, const json_t *answer)
{
    (void)arguments;
    static const char *const columns[] = {"LANGUAGE", "VERSION", "ALSO CALLED", "FILE"};
    const json_t *plugin;
    size_t i;
    struct grid *grid = grid_create(columns, COUNT_OF(columns));
    json_array_foreach(json_object_get(answer, "plugins"), i, plugin)
    {
        grid_add(grid, COLOUR_BOLD, member_text(plugin, "name"));
        grid_add(grid, COLOUR_NONE, member_text(plugin, "version"));
        add_aliases(grid, json_object_get(plugin, "aliases"));
        grid_add(grid, COLOUR_NONE, member_text(plugin, "path"));
    }
    grid_print(grid);
    json_array_foreach(json_object_get(answer, "refused"), i, plugin)
        printf("\n%s is refused (%s): %s\n  %s\n", member_text(plugin, "path"), member_text(plugin, "reason"),
               member_text(plugin, "message"), member_text(plugin, "hint"));
}

int run_plugin_ls(const struct arguments *arguments)
{
    return client_show(arguments, "GET", "/berth/plugins", print_plugins);
}

/* --- test --- */

/* Puts the flag and its value, if it was given, behind the arguments. */
static size_t pass_on(const struct arguments *arguments, const char *flag, const char *spelling,
                      const char **argv, size_t count)
{
    const char *value = arguments_value(arguments, flag);
    if (value) {
        argv[count++] = spelling;
        argv[count++] = value;
    }
    return count;
}

int run_plugin_test(const struct arguments *arguments)
{
    const char *file = arguments_operand(arguments, 0);
    const char *json = arguments_has(arguments, "json") ? "--json" : NULL;
    if (arguments_has(arguments, "list"))
        return berthd_become((const char *[]){"--list-checks", json, NULL});
    if (!file) {
        say_wrong("which plugin? Its file is needed: berth plugin test FILE.so");
        return STATUS_USAGE;
    }
    const char *argv[8] = {"--test-plugin", file};
    size_t count = pass_on(arguments, "only", "--only", argv, 2);
    count = pass_on(arguments, "function", "--function", argv, count);
    argv[count] = json;
    return berthd_become(argv);
}
