/*
 * A plugin for an interpreted language, as a table.
 *
 * Whoever links with Berth::language (pkg-config: berth-language) writes no callback: the library has
 * berth_plugin_entry() and all that it needs, and looks for one object, `berth_language`. What is particular
 * to the language are then three commands, in whatever language suits: `check` on the host, `install` in the
 * builder, `run` in a container. A runner for `run` speaks docs/runner-protocol.md.
 */
#ifndef BERTH_LANGUAGE_H
#define BERTH_LANGUAGE_H

#include <berth/plugin.h>

struct berth_language {
    const char *name, *version; /* as in struct berth_plugin */
    const char *const *aliases; /* ended by NULL, or NULL */
    const struct berth_option *options; /* or NULL */
    size_t option_count;

    /* A function's file is the one that its user names; else `file`, if the folder has it; else the only one
     * at the folder's top that ends in `suffix` (".lua"). */
    const char *file;
    const char *suffix;
    const char *sample; /* what `file` says in a new function */
    const char *const
        *exclude; /* fnmatch(3) patterns of names that are not packaged, ended by NULL; or NULL */

    /*
     * Looks at the function's files and runs nothing of them. A command, ended by NULL, or NULL: there is
     * none. The words are taken as they are, but "@/" at a word's beginning stands for the folder beside the
     * plugin ("@/check.lua" is <plugin folder>/lua/check.lua). It gets
     *   - as one more argument the function's file;
     *   - the function's folder as its working directory;
     *   - on standard input the files of that folder that are packaged, a path on each line, sorted;
     *   - in the environment BERTH_DEPENDENCIES, the folder of what was installed, once there is one, and
     *     for each option that has a value BERTH_OPTION_ and its name in capitals.
     * Each line of its output in the manner of compilers is a finding:
     *   FILE:LINE:COLUMN: error: MESSAGE
     * with `warning` or `note` in place of `error`. COLUMN and LINE may be left out, and FILE with them.
     * A line "hint: TEXT" belongs to the finding before it. The exit status is 0, unless it could not look.
     */
    const char *const *check;

    /* Installs the function's dependencies: see struct berth_dependencies, whose `argv` it is. It is run for
     * functions whose folder has a name that the first of the patterns in `reads` matches. `reads` says what
     * it uses of the package: patterns of names at the folder's top. Both NULL: there is nothing to install.
     */
    const char *const *install;
    const char *const *reads;

    /* Starts the runner: berth_launch.command, or NULL. It finds in `runtime` what is as particular to the
     * function: {"file": FILE, "options": {NAME: VALUE}}, where all values are text. */
    const char *const *run;
    unsigned concurrency; /* berth_launch.concurrency */
};

/* The language, which the plugin defines. */
extern const struct berth_language berth_language;

#endif
