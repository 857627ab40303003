/* Languages as probed plugins would declare them, for tests of the registry. */
#ifndef TESTS_REGISTRY_LANGUAGES_H
#define TESTS_REGISTRY_LANGUAGES_H

#include "config/registry.h"

static struct language_option python_options[] = {
    {.name = "extra_dependencies", .type = OPTION_STRING, .help = "pip's command line"},
    {.name = "threads", .type = OPTION_INTEGER, .default_value = "8", .min = 1, .max = 64, .help = "threads"},
    {.name = "debug",
     .aliases = (char *[]){"traceback"},
     .alias_count = 1,
     .type = OPTION_BOOLEAN,
     .default_value = "false",
     .help = "show tracebacks"},
    {.name = "ratio", .type = OPTION_DECIMAL, .max = 1, .help = "a share"},
};

static const struct language languages[] = {
    {.name = "python",
     .aliases = (char *[]){"py", "python3"},
     .alias_count = 2,
     .options = python_options,
     .option_count = 4},
    {.name = "shell", .aliases = (char *[]){"sh", "bash"}, .alias_count = 2},
};

#endif
