/*
 * The plugin ABI of Berth, version 1: the only header a plugin needs.
 *
 * A plugin is a shared object in the daemon's plugin folder that teaches Berth one runtime (a language). It
 * is loaded by short-lived build jobs, each in a process of its own, never by the daemon: a plugin may crash,
 * leak or hang without harm to anything but that job. A job calls `validate`, `package` and `launch` in this
 * order, on one thread, at most once each. When the dependencies that were asked for are installed, and
 * `validate` has not seen them, another job calls it alone: the warnings and notes that it then finds take
 * the place of the former ones.
 *
 * The process of a job can write nothing, reads only the function's folder, its installed dependencies, the
 * plugin folder and the system's files, and has no sockets: files are made with the host's calls.
 *
 * The plugin exports one function, berth_plugin_entry(), and hides everything else.
 *
 * Memory: everything the host passes in is borrowed for the length of the call. Everything the plugin hands
 * to a host call is copied before that call returns. Nothing is freed across the boundary.
 *
 * Growth: every struct goes along with its size in bytes as the side that filled it knew it: it begins with
 * struct_size, or, where it is an entry of a list, the size stands beside the list. Sizes, offsets and
 * meanings of 1.0 are frozen. A newer minor version only appends members, and what lies beyond the size that
 * was given counts as 0 or NULL, which means what it meant before there was the member. So the host takes a
 * plugin of any older minor version as it is; a plugin reads a member of a newer one only when the struct has
 * it (BERTH_HAS). No struct has padding at its end, so that no later member can fall into it.
 *
 * Files beside the plugin: for a plugin named "lua" the host looks for `<plugin folder>/lua/image/`, a Docker
 * build context for the runtime image. Its Dockerfile must begin with `ARG BERTH_BASE` and `FROM
 * ${BERTH_BASE}`. With a Dockerfile in `<plugin folder>/lua/builder/`, dependencies are installed in that
 * image, so that what only the installation needs is not in the runtime image. It may begin with `ARG
 * BERTH_RUNTIME` and `FROM ${BERTH_RUNTIME}`, which is the runtime image.
 */
#ifndef BERTH_PLUGIN_H
#define BERTH_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The host loads a plugin whose major equals its own and whose minor is at most its own. */
#define BERTH_ABI_MAJOR 1
#define BERTH_ABI_MINOR 5

#define BERTH_EXPORT    __attribute__((visibility("default")))

/* True when the struct that `ptr` points to is new enough to have `member`. */
#define BERTH_HAS(ptr, member)                                                                               \
    ((ptr)->struct_size >= offsetof(__typeof__(*(ptr)), member) + sizeof((ptr)->member))

/* Filled by a callback that returns -1. Owned by the caller, zeroed before the call; both texts are UTF-8. */
struct berth_error {
    size_t struct_size;
    char message[512]; /* what went wrong, one sentence, no newline */
    char hint[256]; /* what to do next; may stay empty */
};

enum berth_option_type {
    BERTH_OPTION_STRING = 1,
    BERTH_OPTION_INTEGER = 2, /* 64-bit signed, decimal */
    BERTH_OPTION_BOOLEAN = 3, /* "true" or "false" */
    BERTH_OPTION_DECIMAL = 4, /* C locale floating point */
};

enum berth_option_flags {
    BERTH_OPTION_NO_FOLDER = 1, /* a function that has this option need have no folder */
};

/* One key that functions of this runtime may have under `configuration` in the YAML registry. The host parses
 * and checks it. An entry of a list, whose entries' size is berth_plugin.option_size. */
struct berth_option {
    const char *name; /* lower case, a-z 0-9 _ */
    const char *const *aliases; /* NULL, or further spellings ended by NULL */
    enum berth_option_type type;
    const char *default_value; /* written as in YAML; NULL: no value when left out */
    double min, max; /* inclusive range of numbers; both 0: no range. For strings: length in bytes */
    const char *help; /* one sentence */

    /* Since 1.5. Of enum berth_option_flags. */
    uint64_t flags;
};

/* The function a job is about. */
struct berth_function {
    size_t struct_size;
    const char *name; /* its route, without the slash */
    const char *folder; /* absolute path of its directory, as the user wrote it on disk; NULL: it has none,
                           where an option is set that has BERTH_OPTION_NO_FOLDER */
    const char *file; /* the entry file relative to folder, or NULL when the user named none */

    /* Since 1.2. In `validate`: absolute path of the folder that the function's dependencies are installed
     * in, as BERTH_TARGET was filled; or NULL: they are not installed yet, or there are none. */
    const char *dependencies;

    /* Since 1.4. The release of the distribution that the function will run on, by its name, such as
     * "bookworm"; NULL: not known. The interpreter of its runtime image is that release's, which need not be
     * the one that this plugin knows. */
    const char *base;
};

enum berth_severity {
    BERTH_SEVERITY_ERROR = 1, /* the function cannot serve; the job ends after validate */
    BERTH_SEVERITY_WARNING = 2, /* it can serve, but the user should look */
    BERTH_SEVERITY_NOTE = 3,
};

struct berth_diagnostic {
    size_t struct_size;
    enum berth_severity severity;
    const char *file; /* relative to the function's folder, or NULL for the function as a whole */
    unsigned line; /* from 1; 0: no position */
    unsigned column; /* from 1, in bytes; 0: no column */
    const char *message; /* one sentence */
    const char *hint; /* what to do, or NULL */

    /* Since 1.1. With `file` NULL: the declared option whose value it is about, so that the host can show the
     * place of that value in the YAML registry; or NULL. */
    const char *option;
};

/* How the dependencies of a function are installed: a command run once in a builder container of the builder
 * image (or else the runtime image), as a non-root user, with network, and with the environment variables
 * BERTH_TARGET naming the empty directory to fill, BERTH_CODE the function's package, which cannot be written
 * to, and TMPDIR a directory for temporary files. Everybody on the machine can read `argv`; `environment` is
 * handed in by a file, through the image's /bin/sh, so what may hold a password belongs there. The result is
 * shared by every function of this runtime that asks with an equal key, equal command and environment, equal
 * contents of what `reads` names, and equal images. */
struct berth_dependencies {
    size_t struct_size;
    const char *key; /* what is asked for, normalised, e.g. the requirement line */
    const char *const *argv; /* ended by NULL; argv[0] is looked up in PATH */
    const char *const *environment; /* "NAME=value" ended by NULL, or NULL */

    /* Since 1.3. What the command reads below BERTH_CODE, such as a lock file: paths of files and folders in
     * the package, "." for all of it, ended by NULL; one that is not there counts as well. NULL: it reads
     * nothing there. */
    const char *const *reads;
};

enum berth_transport {
    BERTH_TRANSPORT_DIAL_HOME = 1, /* the runner dials BERTH_SOCKET and follows docs/runner-protocol.md */

    /* The container listens for HTTP/1.1 on `port`, on all of its addresses, and knows nothing of Berth: no
     * `init`, no `runtime`; settings are its environment, and PORT has the port. Each of the `concurrency`
     * slots is a request under way, over a connection that the host makes when it needs one. The instance is
     * ready as `ready_path` says. Hosts before 1.4 refuse the launch, before anything is built. */
    BERTH_TRANSPORT_TCP = 2,
};

/* How an instance of the function is started. */
struct berth_launch {
    size_t struct_size;
    const char *image; /* by its name, pulled when it is not there; NULL: the runtime image built from the
                          plugin's image folder */
    const char *const *command; /* ended by NULL; NULL: the image's own */
    const char *const *environment; /* "NAME=value" ended by NULL, or NULL */
    unsigned concurrency; /* slots of one instance when the user sets none, 1 to 1024 */
    enum berth_transport transport;
    uint16_t port; /* with BERTH_TRANSPORT_TCP: 1 to 65535; else 0 */
    const char *runtime; /* a JSON object handed to the runner as `runtime`, or NULL */

    /* Since 1.3. With BERTH_TRANSPORT_TCP: the path, with its slash, that a GET of is answered below 400 once
     * the instance can serve; asked again and again until then, within the function's time to start. NULL: it
     * is ready when it takes a connection on `port`. With another transport NULL: there the runner's answer
     * to `init` says it. */
    const char *ready_path;

    /* Since 1.4. With `image` NULL: the path in the package of a Dockerfile that the image is built from,
     * with the package as its context, once for the same content. It may begin with `ARG BERTH_BASE` and
     * `FROM
     * ${BERTH_BASE}`. NULL: there is none. */
    const char *dockerfile;
};

struct berth_job; /* the host's; opaque, passed back to every host call */

/* What the host offers during a job. Calls that return int give 0, or -1 after a mistake of the plugin (a
 * path that leaves the package, a size over the limit, ...); the job then fails with a message that names the
 * call. */
struct berth_host {
    size_t struct_size;
    uint32_t abi_minor; /* the host's own */

    /* Reports one finding. Only in `validate` and `package`. */
    int (*report)(struct berth_job *job, const struct berth_diagnostic *diagnostic);

    /* The value of a declared option as text in the form that its type documents, or NULL when it has none.
     * Valid until the job ends. An undeclared name gives NULL. */
    const char *(*option)(struct berth_job *job, const char *name);

    /* Puts a file into the package (in `package`) or into the new function's folder (in `scaffold`). `path`
     * is relative, without "..". The file's mode is 0755 when `executable`, else 0644. Every file in a
     * package gets the modification time 1980-01-01 00:00:00 UTC, so that only content counts. */
    int (*add_file)(struct berth_job *job, const char *path, const void *bytes, size_t size, int executable);

    /* Puts the folder `source` (absolute) into the package below `path` ("" for the top), except entries
     * whose name matches one of the fnmatch(3) patterns in `exclude` (NULL-terminated, or NULL), and what
     * editors and version control leave there (`*~`, `.x.swp`, `.git` and the like). Links that leave the
     * folder are refused. Only in `package`. */
    int (*add_folder)(struct berth_job *job, const char *path, const char *source,
                      const char *const *exclude);

    /* Says how dependencies are installed; not called when there are none. Only in `package`, at most once.
     */
    int (*set_dependencies)(struct berth_job *job, const struct berth_dependencies *dependencies);

    /* Says how an instance is started. Only in `launch`, exactly once. */
    int (*set_launch)(struct berth_job *job, const struct berth_launch *launch);

    /* Since 1.5. Puts the folder `source` (absolute) at the top of the package, as the context of the image
     * that is built from its Dockerfile `dockerfile` (berth_launch.dockerfile): like add_folder, without what
     * the folder's `.dockerignore` lists, if there is one. That file and the Dockerfile are there in any
     * case. Mistakes in it are reported. Only in `package`. */
    int (*add_build_context)(struct berth_job *job, const char *source, const char *dockerfile);
};

/* What berth_plugin_entry() returns. The object lives as long as the plugin is loaded. Callbacks return 0, or
 * -1 with `err` filled; findings about the user's files are diagnostics and not errors. `validate`, `package`
 * and `launch` are required. */
struct berth_plugin {
    size_t struct_size;
    uint32_t abi_major; /* BERTH_ABI_MAJOR */
    uint32_t abi_minor; /* BERTH_ABI_MINOR */
    const char *name; /* the language as users write it: [a-z][a-z0-9-]*, at most 32 bytes */
    const char *version;
    const char *const *aliases; /* other spellings of the language, ended by NULL; or NULL */
    const struct berth_option *options; /* or NULL */
    size_t option_count;

    /* Looks at the function's files without running them, and at its dependencies when they are there. */
    int (*validate)(const struct berth_host *host, struct berth_job *job,
                    const struct berth_function *function, struct berth_error *err);

    /* Says what goes into the package and how dependencies are installed. */
    int (*package)(const struct berth_host *host, struct berth_job *job,
                   const struct berth_function *function, struct berth_error *err);

    /* Says how an instance is started. */
    int (*launch)(const struct berth_host *host, struct berth_job *job, const struct berth_function *function,
                  struct berth_error *err);

    /* Writes the files of a new function; `function->folder` is where they will be. NULL: not offered. */
    int (*scaffold)(const struct berth_host *host, struct berth_job *job,
                    const struct berth_function *function, struct berth_error *err);

    /* Since 1.3. sizeof(struct berth_option) as the plugin knew it; 0: as of 1.0. */
    size_t option_size;
};

/* Members of a berth_plugin that declare all options of an array. */
#define BERTH_OPTIONS(list)                                                                                  \
    .options = (list), .option_count = sizeof(list) / sizeof((list)[0]), .option_size = sizeof((list)[0])

/* The name of the entry point, for dlsym. */
#define BERTH_PLUGIN_ENTRY "berth_plugin_entry"

BERTH_EXPORT const struct berth_plugin *berth_plugin_entry(void);

#ifdef __cplusplus
}
#endif

#endif
