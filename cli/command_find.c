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

int usage_unknown(const char *word)
{
    const char *names[NAMES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < command_count && count < NAMES_MAX; i++) {
        if (!commands[i].is_hidden)
            names[count++] = commands[i].name;
    }
    const char *near = suggest_nearest(word, names, count);
    say_wrong("there is no command \"%s\"", word);
    if (near)
        say_next("did you mean berth %s?", near);
    else
        say_next("berth --help lists them");
    return STATUS_USAGE;
}
