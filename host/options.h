/* The command line of berthd. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "base/error.h"
#include "config/registry.h"

#include <stdbool.h>

struct options {
    const char *config;
    const char *listen, *admin, *state_dir, *run_dir, *plugin_dir, *workers, *log_level, *log_format;
    const char *test_plugin, *function, *only; /* the others belong to the first */
    const char *new_function[2]; /* language and name */
    bool no_watch, takeover, allow_empty, check, list_checks, json, help, man_page, help_settings, version;
};

/* Reads argv. The texts are argv's own. Reason "usage" on a mistake. */
int options_parse(int argc, char **argv, struct options *ret_options, struct error *err);

/* Prints the help text to standard output. */
void options_print_help(void);

/* Prints the manual page to standard output, in the language of troff. */
void options_print_man_page(const char *version);

/* Puts what the command line says over what the registry says. */
int options_apply(const struct options *options, struct host_settings *host, struct error *err);

#endif
