/*
 * What a build job hands back, as data: what a plugin said of itself, or what it made of a function. Filled
 * from the job's JSON, which is not trusted: everything is checked again before it gets here.
 */
#ifndef PREPARE_PROCESS_BUILD_RESULT_H
#define PREPARE_PROCESS_BUILD_RESULT_H

#include "base/error.h"
#include "base/hash.h"
#include "config/diagnostic.h"
#include "config/registry.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A staged package: a directory of plain files (0644 or 0755) and folders (0755), every time set to
 * TREE_MTIME_S. */
struct build_package {
    char *staged; /* absolute path; NULL once the store or build_result_destroy took it */
    char digest[HASH_HEX_SIZE]; /* of its sorted paths, modes and contents */
    uint64_t bytes;
    size_t files;
};

/* How the dependencies of a function are installed; see berth_dependencies in the plugin ABI. */
struct build_dependencies {
    char *key;
    char **argv; /* ended by NULL, at least one entry */
    char **environment; /* "NAME=value", ended by NULL; never NULL itself */
};

/* The values of the plugin ABI. */
enum build_transport { BUILD_DIAL_HOME = 1, BUILD_TCP = 2 };

/* How an instance is started; see berth_launch in the plugin ABI. */
struct build_launch {
    char *image; /* or NULL: the plugin's runtime image, or */
    char *dockerfile; /* that of the package which this names; or NULL */
    char **command; /* ended by NULL, or NULL: the image's own */
    char **environment; /* "NAME=value", ended by NULL; never NULL itself */
    unsigned concurrency; /* of one instance when the user sets none, 1 to 1024 */
    enum build_transport transport;
    uint16_t port; /* with BUILD_TCP */
    char *ready_path; /* with BUILD_TCP, or NULL */
    char *runtime; /* a JSON object with sorted members, empty when the plugin gave none */
};

/* What a probed plugin says of itself. */
struct build_plugin {
    char *version;
    unsigned abi_major, abi_minor;
    bool scaffolds; /* `berth new` is offered */
    struct language language;
};

/* What a process has more at the end of many cycles than after the first quarter of them. */
struct build_growth {
    unsigned cycles; /* all that were run */
    int64_t heap_bytes; /* allocated */
    int64_t resident_bytes; /* the most resident until then */
    int64_t files; /* open */
};

/*
 * Exactly one of two shapes:
 * - ok: diagnostics hold warnings and notes at most, and the parts that the operation makes are there.
 * - not ok: `error` says why. When the function's files are at fault its code is ERROR_INVALID_FUNCTION,
 * and the diagnostics say where.
 *
 * Errors that are the plugin's own have the component "plugin" and one of these reasons:
 *   plugin-load      the file cannot be loaded, or has no entry point (dlopen's own words)
 *   plugin-abi       another ABI version, or a description that breaks the ABI (what was expected and found)
 *   plugin-contract  a host call at a wrong time or with bad arguments, a callback that kept its promise not
 *   plugin-failed    a callback reported an error (its own words, its own hint)
 *   plugin-crashed   killed by a signal, or exited, inside a callback (which one is named)
 *   plugin-timeout   the job's time limit passed
 *   plugin-protocol  what came back is not a result, or too much of it
 *   plugin-output    it wrote more than BUILD_OUTPUT_MAX to its standard output and error
 * Others have the component "build": "invalid-function", "package-too-large", "no-scaffold", "exists",
 * "job-start", and those of files ("no-space", ...).
 */
struct build_result {
    bool ok;
    struct error error;
    struct diagnostics diagnostics; /* `function` set, `file` absolute */
    size_t validated; /* the first of them that validate has reported */
    char *output; /* what the plugin wrote to standard output and error; "" when nothing */
    uint64_t memory_bytes; /* the most that it had resident; 0: not known */

    struct build_package package; /* of BUILD_PACKAGE; else zero */
    struct build_dependencies *dependencies; /* of BUILD_PACKAGE, or NULL: there are none */
    struct build_launch *launch; /* of BUILD_PACKAGE; else NULL */
    struct build_plugin *plugin; /* of BUILD_PROBE; else NULL */
    struct build_growth growth; /* of BUILD_REPEAT; else zero */
};

/* What the texts in a job's result are relative to. */
struct build_subject {
    const char *function; /* or NULL for a probe */
    const char *folder; /* absolute; diagnostics' files are made absolute with it. Or NULL for a probe */
    const char *staged; /* where the package was to be put, or NULL */
};

/* Reads the job's final JSON object. -1, with component "plugin" and reason "plugin-protocol", when its shape
 * is wrong. The caller owns *ret_result. Any thread. */
int build_result_parse(const json_t *json, const struct build_subject *subject,
                       struct build_result **ret_result, struct error *err);

/* Puts what another look at the function has found, of BUILD_VALIDATE, in the place of what validate had
 * found. A look that failed changes nothing but for a warning that tells of it. Once for a result; `look` is
 * destroyed. */
void build_result_revise(struct build_result *result, const char *function, struct build_result *look);

/* The reverse of build_result_parse for a result of BUILD_PACKAGE that is ok, less what has been staged; NULL
 * when a text in it is no UTF-8. Paths are absolute. The caller owns it. */
json_t *build_result_to_json(const struct build_result *result);

/* A failed result with a copy of `error`. */
struct build_result *build_result_failed(const struct error *error);

/* Frees the memory. A staged package that is still named by `package.staged` stays on disk: hand it to
 * package_store_commit or package_store_discard before. NULL is fine. */
void build_result_destroy(struct build_result *result);

/* The part that says how an instance is started, to JSON and back; -1: it is none. The caller owns each. */
json_t *build_launch_to_json(const struct build_launch *launch);
int build_launch_read(const json_t *json, struct build_launch **ret_launch);

void build_launch_destroy(struct build_launch *launch);
void build_plugin_destroy(struct build_plugin *plugin);

#endif
