#include "cli/client.h"
#include "cli/members.h"
#include "cli/run_commands.h"
#include "cli/say.h"

#include <stdio.h>
#include <string.h>

/* The shells ask `berth __complete WORDS`, the last word being the one under the cursor, and get a candidate
 * a line. So what can be completed is known in one place, the table of commands. */
static const struct {
    const char *shell, *script;
} scripts[] = {
    {"bash", "_berth() {\n"
             "    local IFS=$'\\n'\n"
             "    COMPREPLY=($(berth __complete -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null))\n"
             "}\n"
             "complete -o default -F _berth berth\n"},
    {"zsh", "#compdef berth\n"
            "_berth() {\n"
            "    local -a candidates\n"
            "    candidates=(${(f)\"$(berth __complete -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)\"})\n"
            "    compadd -a candidates || _files\n"
            "}\n"
            "compdef _berth berth\n"},
    {"fish", "complete -c berth -f -a '(berth __complete -- (commandline -opc)[2..] (commandline -ct) "
             "2>/dev/null)'\n"},
};

#define SCRIPT_COUNT (sizeof(scripts) / sizeof(scripts[0]))

int run_completion(const struct arguments *arguments)
{
    const char *shell = arguments_operand(arguments, 0);
    for (size_t i = 0; i < SCRIPT_COUNT; i++) {
        if (strcmp(scripts[i].shell, shell) == 0) {
            fputs(scripts[i].script, stdout);
            return STATUS_OK;
        }
    }
    say_wrong("there is no completion for \"%s\"", shell);
    say_next("bash, zsh or fish");
    return STATUS_USAGE;
}

/* --- candidates --- */

static void offer(const char *candidate, const char *typed)
{
    if (strncmp(candidate, typed, strlen(typed)) == 0)
        puts(candidate);
}

/* The word of each command that comes at `index`, of those that have the words before it. */
static void offer_commands(const char *const *words, size_t index)
{
    char last[64] = "";
    for (size_t i = 0; i < command_count; i++) {
        char name[64], *rest = name;
        snprintf(name, sizeof(name), "%s", commands[i].name);
        const char *word = strsep(&rest, " ");
        if (index == 1 && (!rest || strcmp(word, words[0]) != 0))
            continue;
        word = index == 1 ? rest : word;
        if (!commands[i].is_hidden && strcmp(word, last) != 0)
            offer(word, words[index]);
        snprintf(last, sizeof(last), "%s", word);
    }
}

static void offer_flags(const struct flag *flags, const char *typed)
{
    for (; flags && flags->name; flags++) {
        char text[64];
        snprintf(text, sizeof(text), "--%s", flags->name);
        offer(text, typed);
    }
}

static void offer_functions(const struct arguments *arguments, const char *typed)
{
    json_t *functions, *function;
    size_t i;
    if (client_ask(arguments, "GET", "/berth/functions", &functions) != STATUS_OK)
        return;
    json_array_foreach(functions, i, function) offer(member_text(function, "name"), typed);
    json_decref(functions);
}

static bool is_before(size_t count, int words)
{
    return count <= (size_t)words;
}

int run_complete(const struct arguments *arguments)
{
    const char *const *words = arguments->operands;
    size_t count = arguments->operand_count;
    int taken = 0;
    if (count == 0)
        return STATUS_OK;
    const char *typed = words[count - 1];
    const struct command *command = command_find((int)count - 1, (char **)words, &taken);
    if (count <= 2 && (!command || command_is_group(words[0])))
        offer_commands(words, count - 1);
    if (command && typed[0] == '-') {
        offer_flags(command->flags, typed);
        offer_flags(common_flags, typed);
    } else if (command && command->names_functions && is_before(count - 1, taken)) {
        offer_functions(arguments, typed);
    } else if (command && command->run == run_completion) {
        for (size_t i = 0; i < SCRIPT_COUNT; i++)
            offer(scripts[i].shell, typed);
    }
    return STATUS_OK;
}
