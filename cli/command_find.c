#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/suggest.h"
#include "cli/command.h"
#include "cli/say.h"
#include "cli/usage.h"

#include <string.h>

#define NAMES_MAX 64

static bool begins_with_words(const char *name, int argc, char **argv, int *ret_words)
{
    int words = 0;
    while (*name) {
        size_t length = strcspn(name, " ");
        if (words >= argc || strlen(argv[words]) != length || strncmp(argv[words], name, length) != 0)
            return false;
        words++;
        name += length + (name[length] == ' ');
    }
    *ret_words = words;
    return true;
}

const struct command *command_find(int argc, char **argv, int *ret_words)
{
    for (size_t i = 0; i < command_count; i++) {
        if (begins_with_words(commands[i].name, argc, argv, ret_words))
            return &commands[i];
    }
    return NULL;
}

bool command_is_in(const struct command *command, const char *word)
{
    size_t length = strlen(word);
    return strncmp(command->name, word, length) == 0 && command->name[length] == ' ';
}

bool command_is_group(const char *word)
{
    for (size_t i = 0; i < command_count; i++) {
        if (command_is_in(&commands[i], word))
            return true;
    }
    return false;
}

static const char *nearest(const char *text)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < command_count && count < NAMES_MAX; i++) {
        if (!commands[i].is_hidden)
            names[count++] = commands[i].name;
    }
    return suggest_nearest(text, names, count);
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

int usage_unknown(int argc, char **argv)
{
    bool is_group = command_is_group(argv[0]);
    if (is_group && (argc == 1 || argv[1][0] == '-')) {
        usage_group(argv[0]);
        return argc > 1 && asks_for_help(argv[1]) ? STATUS_OK : STATUS_USAGE;
    }
    cleanup_free char *text = is_group ? xasprintf("%s %s", argv[0], argv[1]) : xstrdup(argv[0]);
    const char *near = nearest(text);
    say_wrong("there is no command \"%s\"", text);
    if (near)
        say_next("did you mean berth %s?", near);
    else
        say_next("berth %s%s--help lists them", is_group ? argv[0] : "", is_group ? " " : "");
    return STATUS_USAGE;
}
