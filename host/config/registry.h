/*
 * The YAML registry, global-function-definition.yml: the functions of this host and the daemon's own
 * settings. Loading never stops at a mistake: every one becomes a diagnostic with its position, the functions
 * that are right are there to be served, and the broken ones are there with `broken` set so that their
 * callers can be told.
 */
#ifndef CONFIG_REGISTRY_H
#define CONFIG_REGISTRY_H

#include "base/error.h"
#include "base/folder_list.h"
#include "base/hash.h"
#include "base/network.h"
#include "config/cron.h"
#include "config/diagnostic.h"
#include "config/egress.h"
#include "config/known_secrets.h"
#include "config/package_list.h"
#include "config/retry_causes.h"
#include "config/setting.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_type {
    OPTION_STRING = 1,
    OPTION_INTEGER,
    OPTION_BOOLEAN,
    OPTION_DECIMAL
}; /* the values of the plugin ABI */

/* A key that the functions of one language may have under `configuration`, as its plugin declares it. */
struct language_option {
    char *name;
    char **aliases; /* alias_count entries */
    size_t alias_count;
    enum option_type type;
    char *default_value; /* or NULL */
    double min, max; /* inclusive; both 0: no range. Strings: length in bytes */
    char *help;
    bool no_folder; /* a function that has it need have no folder */
};

/* What a probed plugin says of itself, as far as the registry needs it; or why there is none for this
 * language. */
struct language {
    char *name;
    char **aliases;
    size_t alias_count;
    struct language_option *options;
    size_t option_count;
    char *refusal; /* NULL: usable. Else why its plugin was refused; `name` is then the file's, and the rest
                      is empty */
};

enum network_mode { NETWORK_BRIDGE, NETWORK_NONE };
enum seccomp_mode { SECCOMP_BERTH, SECCOMP_ENGINE };

/* The release of the distribution that functions run on unless something else is set: this machine's own. */
#define BASE_SUITE BERTH_BASE_SUITE

struct text_pair {
    char *name, *value;
    unsigned line, column; /* where the value stands in the YAML file; 0: nowhere, it is a default */
};

/* In the folder of a function that is deployed over the API: its entry, as the registry would have it. */
#define DEPLOYED_FILE "function.yml"

/* A folder that outlives the instances of a function: one of Berth's by name, or one of this machine. */
struct function_volume {
    char *name; /* NULL: it is the folder `path` */
    char *path; /* absolute, without symbolic links; NULL: it has a name */
    char *target; /* where the function finds it: absolute, in its plainest spelling */
    bool read_only;
    unsigned line, column; /* where it stands in the YAML file */
};

/* A secret that a function is to have. */
struct secret_use {
    char *name;
    char *variable; /* that has its value; NULL: it is a file */
    char digest[HASH_HEX_SIZE]; /* of its value, with a key; "": not known (yet) */
    unsigned line, column; /* where it is named in the YAML file; 0: nowhere */
};

enum schedule_overlap { OVERLAP_SKIP, OVERLAP_QUEUE, OVERLAP_ALLOW };
enum schedule_catch_up { CATCH_UP_NONE, CATCH_UP_LAST, CATCH_UP_ALL };

/* Calls of a function by the clock. */
struct function_schedule {
    char *name; /* no two of a function have the same; the expression, unless it has another */
    char *expression;
    struct cron cron; /* the same, read */
    char *time_zone; /* NULL: that of this machine */
    enum schedule_overlap overlap; /* what becomes of a run while the one before has not ended */
    enum schedule_catch_up catch_up; /* of those that were missed while the daemon was down */
    unsigned catch_up_window_ms; /* how long ago they may have been */
    unsigned jitter_ms; /* each run is put off by chance for less than this */
    char *path; /* that is called, "/path?query", or NULL */
    char *body; /* of the call, or NULL */
    unsigned line, column; /* where it stands in the YAML file */
};

/* How calls of a function that are done later are delivered. */
struct call_settings {
    unsigned concurrency; /* deliveries at once */
    unsigned retries; /* attempts after the first */
    struct retry_causes retry_on;
    unsigned retry_wait_ms, retry_wait_max_ms; /* before the first retry; before any */
    unsigned max_age_ms; /* from their acceptance on; given up after it */
    unsigned result_ttl_ms; /* how long a result is kept; 0: not at all */
    char *on_success, *on_failure; /* functions that are called with the result, or NULL */
    char *callback_secret; /* that callbacks are signed with, or NULL */
    struct position on_success_at, on_failure_at, callback_secret_at; /* line 0: nowhere */
};

/* One function as registered. All texts are owned by the registry. */
struct function_settings {
    char *key; /* its key in the YAML file */
    char *name; /* its route, without the slash: the key, or `name` */
    char *version; /* shown to users, or NULL */
    char *language; /* the canonical name of the language, or NULL when unknown or missing */
    char *folder; /* absolute path without links; NULL: it has none, or, when `broken`, it was not found */
    char *file; /* entry file relative to folder, or NULL */
    unsigned concurrency; /* slots of an instance; 0: the runtime's default */
    uint64_t memory_bytes; /* limit of an instance */
    uint64_t tmp_bytes; /* of /tmp, of the home and of the working directory, each */
    uint64_t shm_bytes; /* of /dev/shm */
    double cpus; /* limit of an instance, in cores */
    unsigned pids; /* processes and threads of an instance */
    char *user; /* of its processes: "UID:GID", "image", or NULL: the one that every function has */
    bool read_only; /* only volumes and what is in memory can be written */
    unsigned timeout_ms; /* of one request */
    unsigned start_timeout_ms; /* from a container's start to the loaded function; 0: the host's */
    unsigned stream_idle_ms; /* silence that ends an event stream or a tunnel */
    bool request_buffering; /* small bodies are received before a slot is taken */
    uint64_t max_body_bytes; /* of a request; 0: the host's */
    unsigned queue_length, queue_timeout_ms; /* of requests that wait for a slot; 0: the host's */
    bool is_public; /* the public port serves it */
    unsigned idle_timeout_ms; /* an instance unused for so long is removed */
    unsigned min_scale, max_scale; /* instances */
    enum network_mode network;
    struct egress egress; /* what it may reach by that network */
    enum seccomp_mode seccomp; /* whose profile says which system calls its processes may make */
    char *runtime; /* the engine's name of what runs its containers; NULL: the host's */
    char *base; /* the release of the distribution that it runs on; NULL: the host's */
    struct package_list system_packages; /* of the distribution, in the image that it runs in */
    char *env_file; /* beside the registry, or in the folder that was deployed, whose variables are among the
                       following; or NULL */
    struct text_pair *environment;
    size_t environment_count;
    struct text_pair *labels; /* mean nothing to the host */
    size_t label_count;
    struct function_volume *volumes; /* none in or at the place of another */
    size_t volume_count;
    struct secret_use *secrets;
    size_t secret_count;
    struct call_settings calls;
    struct function_schedule *schedules;
    size_t schedule_count;
    struct text_pair
        *options; /* the language's own keys, defaults filled in, checked against their declaration */
    size_t option_count;
    unsigned line, column; /* where its key stands in the YAML file */
    bool broken; /* at least one error among the diagnostics names it */
    json_t *deployment; /* it was deployed over the API: what is kept of that; NULL: the file has it */
};

/* The daemon's own settings: the `host:` section, defaults filled in. */
struct host_settings {
    char *listen; /* ADDRESS:PORT of the functions, "0.0.0.0:8080" unless set */
    char *admin; /* ADDRESS:PORT of the management API, "127.0.0.1:8081" unless set */
    bool admin_auth; /* that address asks for a password */
    char *statsd; /* ADDRESS:PORT that metrics are sent to, or NULL */
    char *statsd_prefix; /* of their names, "berth" unless set */
    char *state_dir; /* NULL: the built-in default */
    char *run_dir; /* NULL: the built-in default */
    char *plugin_dir; /* NULL: beside the binary */
    struct folder_list roots; /* where the links to functions' folders may lead */
    struct folder_list volume_roots; /* folders of this machine that functions may be given are in these */
    char *secret_key_file; /* NULL: the built-in default */
    bool allow_empty; /* a registry without a function removes those that it had */
    bool allow_empty_option; /* so says the command line, whatever the registry has */
    bool watch; /* a change of the registry, a function's files or a plugin is a reload */
    char *name_server; /* of names that an `egress` has: "ADDRESS:PORT"; NULL: those of this host */
    char *docker_socket; /* "/var/run/docker.sock" unless set */
    unsigned workers; /* 0: one per core, up to 4 */
    char *log_level; /* "info" unless set */
    char *log_format; /* "text" or "json" */
    uint64_t log_rate_bytes; /* a second, of a function's output; 0: no limit */
    bool access_log; /* every request is a line of the log */
    unsigned access_log_rate; /* lines a second; 0: no limit */
    unsigned slow_request_ms; /* so is one that takes as long; 0: none */
    uint64_t log_disk_bytes; /* of what functions write, kept; 0: nothing is */
    uint64_t request_records_bytes; /* of disk for records of requests; 0: none are kept */
    unsigned max_head_bytes; /* of a request's head: 431 above it */
    unsigned max_target_bytes; /* of a request's target: 414 above it */
    unsigned max_headers; /* header lines of a request: 431 above it */
    uint64_t max_body_bytes; /* of a request: 413 above it; 0: no limit */
    unsigned head_timeout_ms; /* to receive a whole head: 408 */
    unsigned keep_alive_timeout_ms; /* an idle client connection is closed */
    unsigned body_timeout_ms; /* without any progress of a body in either direction */
    uint64_t request_buffer_bytes; /* of a request's body, received before a slot is taken; 0: nothing */
    uint64_t answer_buffer_bytes; /* of an answer, taken from the runner at once; 0: nothing */
    uint64_t buffer_memory_bytes; /* what all of these take together */
    uint64_t min_rate_bytes; /* that a client moves in a second while it is waited for; 0: any */
    unsigned max_connections; /* clients at once; above it the longest idle go */
    /* Of one address, unless it is trusted; 0: no limit. */
    unsigned max_connections_per_address;
    struct network_list trusted_proxies; /* whose X-Forwarded-* and the like are believed */
    unsigned queue_length; /* waiting requests of one function: 503 above it */
    unsigned queue_timeout_ms; /* longest wait for a slot: 503 */
    unsigned call_depth; /* functions that call each other in a row: 508 above it */
    unsigned calls_max; /* calls that wait to be done later: 503 above it */
    uint64_t calls_disk_bytes; /* that these take, with their results: the same */
    struct network_list callback_networks; /* callbacks may go there, though refused otherwise */
    unsigned max_instances; /* on this host; 0: from its memory */
    uint64_t max_memory_bytes; /* sum of the instances' limits; 0: from the machine's memory */
    unsigned prewarm; /* prewarmed instances per runtime that has functions */
    uint64_t prewarm_memory_bytes; /* that those may take that have loaded libraries ahead; SETTING_UNSET: of
                                    * the machine's memory */
    unsigned spare_networks; /* made ahead, for instances that are not prewarmed */
    uint64_t dependency_disk_bytes; /* of installed dependencies; unused ones go above it */
    unsigned keep_revisions; /* of each function, that have served */
    char *base; /* the release that functions run on unless they say so; NULL: BASE_SUITE */
    char *runtime; /* the engine's name of what runs containers of functions; NULL: its default */
    unsigned runtime_images; /* of each runtime, kept though superseded */
    unsigned system_images; /* with system packages, kept though unused */
    unsigned build_timeout_ms; /* of one build job */
    uint64_t build_memory_bytes; /* limit of a builder of dependencies */
    double build_cpus; /* the same, in cores */
    uint64_t build_disk_bytes; /* the same, temporary files included */
    unsigned install_timeout_ms; /* the same, from its start to its end */
    unsigned start_timeout_ms; /* from a container's start to a loaded function */
    unsigned drain_timeout_ms; /* of requests under way at shutdown or when a revision is replaced */
};

/* One setting of the `host:` section as it stood in the file. */
struct host_row {
    struct position at; /* of its value; line 0: it has its default */
    char digest[HASH_HEX_SIZE];
};

struct registry {
    char *path;
    struct host_settings host;
    struct host_row *host_rows; /* one for each setting, in the order of the table */
    bool host_known; /* the section was read, or seen to be missing, without a mistake */
    struct function_settings *functions; /* in the file's order; no two have the same name: the later one of
                                            two is reported, for the file as a whole, and left out */
    size_t function_count;
    struct diagnostics diagnostics; /* of the YAML file; errors that name a function make it `broken` */
};

/* Reads the file at `path`. With `languages` NULL the language of a function and its own keys are not checked
 * (used to read `host:` before plugins are probed). `former_host` is the section `host` as it was kept last,
 * or NULL: it holds in the place of one that has a mistake or cannot be found. Fails, with `err`, only when
 * the file cannot be read; every mistake inside it is a diagnostic. The caller owns *ret_registry. Any
 * thread. */
int registry_load(const char *path, const struct language *languages, size_t language_count,
                  const json_t *former_host, struct registry **ret_registry, struct error *err);

/* The same from memory; `path` is what messages show and what folders are resolved against. Never fails. */
struct registry *registry_parse(const char *path, const char *text, size_t size,
                                const struct language *languages, size_t language_count);

/* One without a file: for functions that come from elsewhere when the file cannot be used. */
struct registry *registry_empty(const char *path, const json_t *former_host);

/* Finds the secrets that its functions name among those that there are, those deployed over the API too, and
 * notes what their values are by their digests. A function that names one that is not there, or that cannot
 * be had, becomes `broken`. */
void registry_resolve_secrets(struct registry *registry, const struct known_secrets *known);

/* Finds the functions that others are to call with their results among those that there are, those deployed
 * over the API too. One that is none is a finding: a mistake in the file where it looks like a slip of the
 * pen. */
void registry_resolve_functions(struct registry *registry);

/* Notes the digests of the secrets as they are by now; "" for one that there is none of. True: some are
 * others than before. */
bool function_settings_renew_secrets(struct function_settings *settings, const struct known_secrets *known);

/* A copy of a function's schedules, which the caller gives back with schedules_free(). */
struct function_schedule *schedules_copy(const struct function_schedule *schedules, size_t count);
void schedules_free(struct function_schedule *schedules, size_t count);

/* A copy of a function's list, which the caller gives back with secret_uses_free(). */
struct secret_use *secret_uses_copy(const struct secret_use *uses, size_t count);
void secret_uses_free(struct secret_use *uses, size_t count);

void registry_destroy(struct registry *registry);

/* Gives back what the functions take, when only the section `host` is needed any longer. */
void registry_drop_functions(struct registry *registry);

/* Prints every setting of both sections with type, range, default and help: the source of `berthd
 * --help-settings` and of docs/settings.md. */
void registry_describe(struct strbuf *out);

/* The same for programs: a list of {"section":"host","name":..,"aliases":[..],"default":..,"help":..},
 * section "function" or "configuration" for a function's. `default` is left out when there is none. The
 * caller owns the result. */
json_t *registry_settings_json(void);

/* The settings of a function as they hold, defaults filled in, the language's own among them: {"timeout_ms":
 * 60000, "memory_bytes": ...}. Of the environment only the names, because the values may be secrets, and of
 * secrets, too. The caller owns the result. */
json_t *function_settings_json(const struct function_settings *settings);

/* The volumes of a function: [{"name": "data", "path": null, "at": "/data", "read_only": false}]. The caller
 * owns the result. */
json_t *function_volumes_json(const struct function_settings *settings);

/* The schedules of a function: [{"name": "nightly", "cron": "0 3 * * *", "time_zone": null, ...}]. The caller
 * owns the result. */
json_t *function_schedules_json(const struct function_settings *settings);

/* The labels of a function, {"NAME": "value"}. The caller owns the result. */
json_t *function_labels_json(const struct function_settings *settings);

/* All settings of a function, the values of its environment variables among them, as JSON that
 * registry_of_kept() reads again. The language's own are without the passwords that URLs in them have: they
 * say what a revision was made from, and are not used again. The caller owns the result. */
json_t *function_settings_keep(const struct function_settings *settings);

/* A registry of the one function that was kept so; `path` is what messages show. The caller owns
 * *ret_registry. -1, `err` filled: it cannot be read, as what a much later version has written. Any thread.
 */
int registry_of_kept(const char *path, const json_t *kept, struct registry **ret_registry, struct error *err);

/* Takes over from `applied`, kept settings too, what applies at once, in place. */
void function_settings_keep_applied(json_t *kept, const json_t *applied);

/* The names of the settings that differ between two kept ones, as users write them: "memory",
 * "environment.NAME". The caller owns the list. */
json_t *function_settings_changed(const json_t *before, const json_t *after);

/* Adds a warning for each setting of the section `host` that `now` has other than `before` and that holds
 * after a restart only. */
void registry_find_restarts(const struct registry *before, const struct registry *now,
                            struct diagnostics *ret_findings);

/* The settings of the section `host` as JSON that registry_recall_host() puts in the place of others again.
 * Of folders those that can still be used come back. The caller owns the result. */
json_t *host_settings_keep(const struct host_settings *settings);
void registry_recall_host(struct registry *registry, const json_t *kept);

/* Takes over what applies at once of another reading of the section; texts and lists stay. */
void host_settings_apply(struct host_settings *settings, const struct host_settings *now);

/* Adds to a hash all settings of a function whose other value does `change`, its environment variables and
 * its language's options among them. */
void function_settings_hash(const struct function_settings *settings, enum setting_change change,
                            struct hash *hash);

/* Fills in what a function leaves to the host. */
void function_settings_inherit(struct function_settings *settings, const struct host_settings *host);

/* What the findings about one of a function's system packages have in front of its name as their option. */
#define SYSTEM_PACKAGE_OPTION "system_packages."

/* Gives the findings that name no file their place in the registry at `path`: the value of the option, or the
 * system package, that they are about, else the function's key. Those of a function that was deployed over
 * the API have theirs in what was deployed. */
void function_settings_place(const struct function_settings *settings, const char *path,
                             struct diagnostics *findings);

#endif
