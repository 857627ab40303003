/*
 * The commands of `berth`: one table of them drives parsing, help, completion and the man page.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

enum status {
    STATUS_OK = 0,
    STATUS_FAILED = 1,
    STATUS_USAGE = 2, /* or findings */
    STATUS_NO_DAEMON = 3,
};

/* An option of a command, or of all. */
struct flag {
    const char *name; /* without the dashes */
    char letter; /* its short form; 0: none */
    const char *argument; /* what stands for its value; NULL: it has none */
    const char *help;
};

struct example {
    const char *line; /* behind "berth " */
    const char *does;
};

struct arguments;

struct command {
    const char *name; /* may be of two words */
    const char *operands; /* as in help: "NAME [PATH]" */
    unsigned min, max; /* operands */
    bool names_functions; /* the first operand is a function's name, which completion asks the daemon for */
    bool is_hidden;
    const char *summary; /* a phrase: "shows every function and whether it can be called" */
    const char *description; /* further sentences, or NULL */
    const struct flag *flags; /* ended by a flag without a name; NULL: none */
    const struct example *examples; /* ended by one without a line; NULL: none */
    int (*run)(const struct arguments *arguments); /* enum status */
};

/* All of them, in the order of help. */
extern const struct command commands[];
extern const size_t command_count;

/* Those that every command has; ended by a flag without a name. */
extern const struct flag common_flags[];

/* What a command is called with. Texts are those of main's argv. */
struct arguments {
    const struct command *command;
    const char **operands;
    size_t operand_count;
    const struct given_flag *given;
    size_t given_count;
};

struct given_flag {
    const struct flag *flag;
    const char *value; /* NULL: it has none */
};

/* The operand, or NULL when there are not as many. */
const char *arguments_operand(const struct arguments *arguments, size_t index);

bool arguments_has(const struct arguments *arguments, const char *flag);

/* The value of a flag, the last one where it is repeated; NULL: it was not given. */
const char *arguments_value(const struct arguments *arguments, const char *flag);

/* The values of a flag one after the other: the index of the next one at or behind *at, which is then moved
 * behind it; NULL: there is no more. */
const char *arguments_next(const struct arguments *arguments, const char *flag, size_t *at);

/* The command that argv begins with (its program's name left out), and how many words of it that is; NULL: it
 * is none. */
const struct command *command_find(int argc, char **argv, int *ret_words);

/* Whether the command has two words, of which this is the first; whether any command has. */
bool command_is_in(const struct command *command, const char *word);
bool command_is_group(const char *word);

/* How many of argv's first words are options that every command has, with their values. */
int arguments_leading(int argc, char **argv);

/* Takes argv, behind the command's own words, apart. What is wrong goes to standard error: -1. The caller
 * clears *ret_arguments. */
int arguments_parse(const struct command *command, int argc, char **argv, struct arguments *ret_arguments);
void arguments_clear(struct arguments *arguments);

#endif
