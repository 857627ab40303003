#include "config/host_settings.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#define KiB          1024.0
#define MiB          (1024.0 * KiB)
#define GiB          (1024.0 * MiB)
#define TiB          (1024.0 * GiB)
#define SECOND       1000.0
#define HOUR         (3600.0 * SECOND)
#define ALIASES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define PATH_BYTES   4095

static const struct setting host_keys[] = {
    {"listen", NULL, SETTING_ADDRESS, SETTING_MEMBER(struct host_settings, listen), .change = CHANGE_RESTARTS,
     .default_text = "0.0.0.0:8080",
     .help =
         "Where functions are called: ADDRESS:PORT, an IPv6 address in brackets. Port 0 takes a free one."},
    {"admin", NULL, SETTING_ADDRESS, SETTING_MEMBER(struct host_settings, admin), .change = CHANGE_RESTARTS,
     .default_text = "127.0.0.1:8081", .help = "Where management, metrics and the dashboard are."},
    {"admin_auth", NULL, SETTING_BOOLEAN, SETTING_MEMBER(struct host_settings, admin_auth),
     .change = CHANGE_RESTARTS, .default_text = "true",
     .help = "Whether management asks for a password on that address: user `admin`, and what is in "
             "`admin-password` in the state folder, which is made at the first start. Health and metrics are "
             "open. The unix socket asks for none: whoever may open it may manage."},
    {"statsd", NULL, SETTING_ADDRESS, SETTING_MEMBER(struct host_settings, statsd), .change = CHANGE_RESTARTS,
     .unset = "nowhere",
     .help = "Where metrics are sent by UDP every second, as lines of StatsD: ADDRESS:PORT."},
    {"statsd_prefix", NULL, SETTING_STRING, SETTING_MEMBER(struct host_settings, statsd_prefix),
     .change = CHANGE_RESTARTS, .max = 100, .default_text = "berth",
     .help = "What their names begin with, before a point."},
    {"state_dir", NULL, SETTING_STRING, SETTING_MEMBER(struct host_settings, state_dir),
     .change = CHANGE_RESTARTS, .max = PATH_BYTES, .unset = "built in",
     .help = "Folder for what outlives the daemon: packages, dependencies, its identity."},
    {"run_dir", NULL, SETTING_STRING, SETTING_MEMBER(struct host_settings, run_dir),
     .change = CHANGE_RESTARTS, .max = PATH_BYTES, .unset = "built in",
     .help = "Folder for the sockets of the instances and of the management API."},
    {"plugin_dir", ALIASES("plugins"), SETTING_STRING, SETTING_MEMBER(struct host_settings, plugin_dir),
     .change = CHANGE_RESTARTS, .max = PATH_BYTES, .unset = "beside the binary",
     .help =
         "Folder of the language plugins. Those in the folder `plugins` beside this file are found, too."},
    {"roots", NULL, SETTING_FOLDERS, SETTING_MEMBER(struct host_settings, roots), .change = CHANGE_APPLIES,
     .unset = "none",
     .help = "Folders, by absolute paths without symbolic links: a `function_folder` may lead by symbolic "
             "links to "
             "one of them or to what is below. Whoever can change something there can choose the code of "
             "functions; "
             "one that others than its owner can change is refused. Read anew at each reload."},
    {"volume_roots", NULL, SETTING_FOLDERS, SETTING_MEMBER(struct host_settings, volume_roots),
     .change = CHANGE_APPLIES, .unset = "none",
     .help = "Folders, by absolute paths without symbolic links: the `path` of a function's volume is one of "
             "them "
             "or below. One that others than its owner can change is refused. Read anew at each reload."},
    {"secret_key_file", NULL, SETTING_STRING, SETTING_MEMBER(struct host_settings, secret_key_file),
     .change = CHANGE_RESTARTS, .max = 1024,
     .unset = "/etc/berth/secret.key, or below the user's configuration folder",
     .help =
         "The key that secrets are sealed with, made with the first of them. Keep a copy: without it they "
         "are lost. It "
         "belongs elsewhere than the state directory, and into another backup."},
    {"allow_empty", NULL, SETTING_BOOLEAN, SETTING_MEMBER(struct host_settings, allow_empty),
     .change = CHANGE_APPLIES, .default_text = "false",
     .help = "Whether a registry in which no function is left removes those that it had. Otherwise they "
             "stay, since "
             "a file that somebody has emptied by mistake, or that a full disk has cut, looks the same."},
    {"watch", NULL, SETTING_BOOLEAN, SETTING_MEMBER(struct host_settings, watch), .change = CHANGE_RESTARTS,
     .default_text = "true",
     .help =
         "Whether the registry, the functions' folders and the plugins are watched, so that a file is live "
         "once it is saved. `false` where only a reload (SIGHUP, `berth reload`) is to change what is "
         "served."},
    {"docker_socket", NULL, SETTING_STRING, SETTING_MEMBER(struct host_settings, docker_socket),
     .change = CHANGE_RESTARTS, .max = 107, .default_text = "/var/run/docker.sock",
     .help = "The Docker Engine's unix socket."},
    {"name_server", NULL, SETTING_ADDRESS, SETTING_MEMBER(struct host_settings, name_server),
     .change = CHANGE_RESTARTS, .unset = "those of this host (`/etc/resolv.conf`)",
     .help =
         "Who is asked for the addresses of names that functions have in their `egress`: `ADDRESS:PORT`."},
    {"workers", NULL, SETTING_INTEGER, SETTING_MEMBER(struct host_settings, workers),
     .change = CHANGE_RESTARTS, .max = 64, .default_text = "0",
     .help = "Threads that carry requests. 0: one per core, up to 4."},
    {"log_level", NULL, SETTING_STRING, SETTING_MEMBER(struct host_settings, log_level),
     .change = CHANGE_RESTARTS, .words = ALIASES("debug", "info", "warning", "error"), .default_text = "info",
     .help = "The least level that is logged."},
    {"log_format", NULL, SETTING_STRING, SETTING_MEMBER(struct host_settings, log_format),
     .change = CHANGE_RESTARTS, .words = ALIASES("text", "json"), .default_text = "text",
     .help = "How a log line is written."},
    {"log_rate", NULL, SETTING_SIZE, SETTING_MEMBER(struct host_settings, log_rate_bytes),
     .change = CHANGE_APPLIES, .max = 1 * GiB, .default_text = "256Ki",
     .help = "How much of one function's output goes into the log, a second; five minutes' worth may come at "
             "once. What is dropped is counted there. 0: no limit."},
    {"log_disk", NULL, SETTING_SIZE, SETTING_MEMBER(struct host_settings, log_disk_bytes),
     .change = CHANGE_RESTARTS, .max = 1024 * TiB, .default_text = "1Gi",
     .help = "Disk space for what functions write and what becomes of their instances, which `berth logs` "
             "shows; above it "
             "the oldest goes. What exceeds `log_rate` is not kept. 0: nothing is kept."},
    {"access_log", NULL, SETTING_BOOLEAN, SETTING_MEMBER(struct host_settings, access_log),
     .change = CHANGE_APPLIES, .default_text = "true",
     .help = "Whether every request is a line of the log at level info, after its end, with its path but "
             "without its query. Without it only those that failed are, and each is one at level debug."},
    {"access_log_rate", NULL, SETTING_INTEGER, SETTING_MEMBER(struct host_settings, access_log_rate),
     .change = CHANGE_APPLIES, .max = 1000000, .default_text = "100",
     .help =
         "Lines a second at level info for requests; of more than that a sample is written. Requests that "
         "failed or were slow are all written, up to ten times as many. How many were left out is a line "
         "of its own. 0: no limit."},
    {"slow_request", NULL, SETTING_DURATION, SETTING_MEMBER(struct host_settings, slow_request_ms),
     .change = CHANGE_APPLIES, .max = 24 * HOUR, .default_text = "0",
     .help =
         "A request that takes as long, from its head to its end, is a line of the log that says where the "
         "time went. Event streams and upgraded connections are not. 0: no request is."},
    {"request_records", NULL, SETTING_SIZE, SETTING_MEMBER(struct host_settings, request_records_bytes),
     .change = CHANGE_RESTARTS, .max = 1 * TiB, .default_text = "64Mi",
     .help =
         "Disk space for the records of requests, the newest; an eighth of it more for those that failed or "
         "were slow (`slow_request`, or 1 second). 64Mi hold about 250000. Another size forgets the records "
         "that there are. 0: none are kept."},
    {"max_head", ALIASES("max_head_bytes"), SETTING_SIZE,
     SETTING_MEMBER(struct host_settings, max_head_bytes), .change = CHANGE_RESTARTS, .min = 1 * KiB,
     .max = 1 * MiB, .default_text = "16Ki",
     .help = "Largest head (request line and headers) of a request; 431 above it."},
    {"max_target", ALIASES("max_target_bytes"), SETTING_SIZE,
     SETTING_MEMBER(struct host_settings, max_target_bytes), .change = CHANGE_RESTARTS, .min = 256,
     .max = 1 * MiB, .default_text = "8Ki", .help = "Longest target (path and query); 414 above it."},
    {"max_headers", NULL, SETTING_INTEGER, SETTING_MEMBER(struct host_settings, max_headers),
     .change = CHANGE_RESTARTS, .min = 8, .max = 10000, .default_text = "100",
     .help = "Header lines of a request; 431 above it."},
    {"max_body", ALIASES("max_body_bytes"), SETTING_SIZE,
     SETTING_MEMBER(struct host_settings, max_body_bytes), .change = CHANGE_APPLIES, .max = 16 * TiB,
     .default_text = "1Gi",
     .help = "Largest body of a request; 413 above it. 0: no limit. A function may have its own."},
    {"head_timeout", NULL, SETTING_DURATION, SETTING_MEMBER(struct host_settings, head_timeout_ms),
     .change = CHANGE_RESTARTS, .min = 100, .max = 1 * HOUR, .default_text = "10s",
     .help = "Time to receive a whole head; 408 after it."},
    {"keep_alive_timeout", ALIASES("keep_alive"), SETTING_DURATION,
     SETTING_MEMBER(struct host_settings, keep_alive_timeout_ms), .change = CHANGE_RESTARTS, .min = 100,
     .max = 24 * HOUR, .default_text = "75s",
     .help = "A client's connection without a request is closed after this."},
    {"body_timeout", NULL, SETTING_DURATION, SETTING_MEMBER(struct host_settings, body_timeout_ms),
     .change = CHANGE_RESTARTS, .min = 100, .max = 24 * HOUR, .default_text = "60s",
     .help = "Time without any progress of a body, in either direction, that ends the exchange."},
    {"request_buffer", ALIASES("request_buffer_bytes"), SETTING_SIZE,
     SETTING_MEMBER(struct host_settings, request_buffer_bytes), .change = CHANGE_RESTARTS, .max = 16 * MiB,
     .default_text = "64Ki",
     .help = "So much of a request's body is received before the request takes a slot, so that a slow client "
             "costs memory and not a slot; what is beyond it is streamed. 0: nothing."},
    {"answer_buffer", ALIASES("answer_buffer_bytes"), SETTING_SIZE,
     SETTING_MEMBER(struct host_settings, answer_buffer_bytes), .change = CHANGE_RESTARTS, .max = 1 * GiB,
     .default_text = "1Mi",
     .help = "An answer up to this size is taken from the function at once, however slowly its client reads; "
             "a larger one holds its slot until the client has taken the rest. 0: nothing."},
    {"buffer_memory", ALIASES("buffer_memory_bytes"), SETTING_SIZE,
     SETTING_MEMBER(struct host_settings, buffer_memory_bytes), .change = CHANGE_RESTARTS, .max = 1024 * GiB,
     .default_text = "64Mi",
     .help =
         "Memory for what slow clients have sent or not read yet, in equal parts for the workers. When it "
         "is full, clients below `min_rate` are cut first; if there is none, a body that would need some "
         "gets 503."},
    {"min_rate", ALIASES("min_rate_bytes"), SETTING_SIZE,
     SETTING_MEMBER(struct host_settings, min_rate_bytes), .change = CHANGE_RESTARTS, .max = 1 * GiB,
     .default_text = "1Ki",
     .help =
         "Bytes per second: a client for whom a slot is held that others wait for, and that moves less for 2 "
         "seconds, is cut, with 408 before its answer has begun. 0: any rate will do."},
    {"max_connections", NULL, SETTING_INTEGER, SETTING_MEMBER(struct host_settings, max_connections),
     .change = CHANGE_RESTARTS, .min = 1, .max = 1000000, .default_text = "10000",
     .help = "Clients connected at once. For more, those that have idled longest are closed; while none "
             "idles, new ones wait to be accepted."},
    {"max_connections_per_address", NULL, SETTING_INTEGER,
     SETTING_MEMBER(struct host_settings, max_connections_per_address), .change = CHANGE_RESTARTS,
     .max = 1000000, .default_text = "0",
     .help = "Clients connected at once from one address (of IPv6: from one network of 64 bits); more are "
             "hung up on. Those of `trusted_proxies` do not count. 0: no limit."},
    {"trusted_proxies", NULL, SETTING_NETWORKS, SETTING_MEMBER(struct host_settings, trusted_proxies),
     .change = CHANGE_RESTARTS, .default_text = "127.0.0.0/8, ::1",
     .help =
         "Who may say for whom a request is passed on (`X-Forwarded-*`, `Forwarded`, `X-Real-IP`); from all "
         "others these headers are replaced by what the gateway sees. `[]`: nobody."},
    {"queue_length", NULL, SETTING_INTEGER, SETTING_MEMBER(struct host_settings, queue_length),
     .change = CHANGE_APPLIES, .min = 1, .max = 1000000, .default_text = "1000",
     .help =
         "Requests of one function that wait for an instance; 503 above it. A function may have its own."},
    {"queue_timeout", NULL, SETTING_DURATION, SETTING_MEMBER(struct host_settings, queue_timeout_ms),
     .change = CHANGE_APPLIES, .min = 100, .max = 1 * HOUR, .default_text = "60s",
     .help = "Longest wait for an instance; 503 after it. A function may have its own."},
    {"call_depth", NULL, SETTING_INTEGER, SETTING_MEMBER(struct host_settings, call_depth),
     .change = CHANGE_APPLIES, .min = 1, .max = 1000, .default_text = "16",
     .help = "Functions that may call each other in a row; 508 above it, since they seem to go round in a "
             "circle."},
    {"calls_max", NULL, SETTING_INTEGER, SETTING_MEMBER(struct host_settings, calls_max),
     .change = CHANGE_RESTARTS, .min = 1, .max = 100000000, .default_text = "1000000",
     .help = "Calls of all functions that wait to be done later; 503 above it."},
    {"calls_disk", ALIASES("calls_disk_bytes"), SETTING_SIZE,
     SETTING_MEMBER(struct host_settings, calls_disk_bytes), .change = CHANGE_RESTARTS, .min = 1 * MiB,
     .max = 1024 * TiB, .default_text = "1Gi",
     .help = "Disk space of calls that are done later, with their bodies and results: above it none is "
             "accepted (503), "
             "and of results not more than 32 KiB is kept."},
    {"callback_networks", NULL, SETTING_NETWORKS, SETTING_MEMBER(struct host_settings, callback_networks),
     .change = CHANGE_RESTARTS, .unset = "none",
     .help = "Addresses and networks that an `X-Callback-Url` may lead to although it is refused otherwise: "
             "loopback, "
             "link-local and metadata addresses, and this daemon's own."},
    {"max_instances", NULL, SETTING_INTEGER, SETTING_MEMBER(struct host_settings, max_instances),
     .change = CHANGE_RESTARTS, .max = 100000, .default_text = "0",
     .help = "Instances on this host. 0: as many as its memory suggests."},
    {"max_memory", ALIASES("max_memory_bytes"), SETTING_SIZE,
     SETTING_MEMBER(struct host_settings, max_memory_bytes), .change = CHANGE_RESTARTS, .max = 1024 * TiB,
     .default_text = "0", .help = "Sum of the memory limits of all instances. 0: from the machine's memory."},
    {"prewarm", NULL, SETTING_INTEGER, SETTING_MEMBER(struct host_settings, prewarm),
     .change = CHANGE_RESTARTS, .max = 100, .default_text = "2",
     .help = "Prewarmed instances of each runtime that has functions. 0: none, those of `prewarm_memory` "
             "included."},
    {"prewarm_memory", NULL, SETTING_SIZE, SETTING_MEMBER(struct host_settings, prewarm_memory_bytes),
     .change = CHANGE_APPLIES, .max = 1024 * TiB, .unset = "a tenth of the machine's memory",
     .takes_zero = true,
     .help =
         "Memory of further prewarmed instances, which have loaded the libraries of functions ahead: they "
         "are kept "
         "where they save most, by the cold starts of the last hours, and go first when memory runs short. "
         "0: "
         "none."},
    {"spare_networks", NULL, SETTING_INTEGER, SETTING_MEMBER(struct host_settings, spare_networks),
     .change = CHANGE_RESTARTS, .max = 100, .default_text = "2",
     .help = "Networks made ahead, each held by a small container, for instances that start while somebody "
             "waits: it halves the time of such a start."},
    {"dependency_disk", NULL, SETTING_SIZE, SETTING_MEMBER(struct host_settings, dependency_disk_bytes),
     .change = CHANGE_APPLIES, .max = 1024 * TiB, .default_text = "10Gi",
     .help =
         "Disk space of installed dependencies. Above it those that no function uses are removed, longest "
         "unused first."},
    {"keep_revisions", NULL, SETTING_INTEGER, SETTING_MEMBER(struct host_settings, keep_revisions),
     .change = CHANGE_APPLIES, .min = 1, .max = 100, .default_text = "5",
     .help = "Revisions of each function that are kept with their packages and dependencies, once they have "
             "served: the newest, to go back to (`berth rollback`), and the last good one is what serves "
             "after a start when a newer one cannot."},
    {"runtime", NULL, SETTING_STRING, SETTING_MEMBER(struct host_settings, runtime),
     .change = CHANGE_RESTARTS, .max = 64, .unset = "the engine's default",
     .help =
         "What the engine runs containers of functions with unless they say so: a name that `docker info` "
         "lists below Runtimes."},
    {"base", NULL, SETTING_STRING, SETTING_MEMBER(struct host_settings, base), .change = CHANGE_APPLIES,
     .words = ALIASES("bookworm", "trixie"), .unset = "this machine's own, if it is one of them",
     .help = "The Debian that functions run on unless their `base` says another one."},
    {"runtime_images", NULL, SETTING_INTEGER, SETTING_MEMBER(struct host_settings, runtime_images),
     .change = CHANGE_APPLIES, .min = 1, .max = 1000, .default_text = "5",
     .help = "Images of each runtime that are kept, the newest; older ones that nothing uses are removed."},
    {"system_images", NULL, SETTING_INTEGER, SETTING_MEMBER(struct host_settings, system_images),
     .change = CHANGE_APPLIES, .min = 1, .max = 1000, .default_text = "10",
     .help = "Images with functions' `system_packages` that are kept though nothing uses them, the newest of "
             "all; older ones are removed."},
    {"build_timeout", NULL, SETTING_DURATION, SETTING_MEMBER(struct host_settings, build_timeout_ms),
     .change = CHANGE_APPLIES, .min = 1 * SECOND, .max = 1 * HOUR, .default_text = "30s",
     .help = "Time limit of one build job."},
    {"build_memory", NULL, SETTING_SIZE, SETTING_MEMBER(struct host_settings, build_memory_bytes),
     .change = CHANGE_RESTARTS, .min = 32 * MiB, .max = 1 * TiB, .default_text = "2Gi",
     .help = "Memory limit of a builder, the container in which dependencies are installed."},
    {"build_cpus", NULL, SETTING_DECIMAL, SETTING_MEMBER(struct host_settings, build_cpus),
     .change = CHANGE_RESTARTS, .min = 0.01, .max = 1024, .default_text = "2",
     .help = "Processor limit of a builder, in cores; all that there are, when there are fewer."},
    {"build_disk", NULL, SETTING_SIZE, SETTING_MEMBER(struct host_settings, build_disk_bytes),
     .change = CHANGE_RESTARTS, .min = 1 * MiB, .max = 1024 * TiB, .default_text = "8Gi",
     .help = "Disk space of one installation, its temporary files included."},
    {"install_timeout", NULL, SETTING_DURATION, SETTING_MEMBER(struct host_settings, install_timeout_ms),
     .change = CHANGE_RESTARTS, .min = 1 * SECOND, .max = 24 * HOUR, .default_text = "15m",
     .help = "Time limit of one installation of dependencies."},
    {"start_timeout", NULL, SETTING_DURATION, SETTING_MEMBER(struct host_settings, start_timeout_ms),
     .change = CHANGE_APPLIES, .min = 1 * SECOND, .max = 1 * HOUR, .default_text = "30s",
     .help = "Time from a container's start to a loaded function."},
    {"drain_timeout", NULL, SETTING_DURATION, SETTING_MEMBER(struct host_settings, drain_timeout_ms),
     .change = CHANGE_RESTARTS, .max = 24 * HOUR, .default_text = "30s",
     .help = "Time for requests under way when the daemon stops or a revision is replaced."},
};

const struct setting_table host_table = {host_keys, sizeof(host_keys) / sizeof(*host_keys), "\"host\"", NULL,
                                         NULL};

static void read_section(const struct yaml_tree_node *node, struct reporter *reporter,
                         const struct setting_layer *layer)
{
    if (!node || node->kind == YAML_TREE_NULL)
        return;
    if (node->kind == YAML_TREE_MAPPING)
        setting_apply(layer, 1, node, UNKNOWN_IS_ERROR, reporter);
    else
        reporter_error(reporter, node->at, NULL, "\"host\" must be a mapping, not %s",
                       yaml_tree_describe(node).text);
}

void host_settings_read(const struct yaml_tree_node *node, struct reporter *reporter,
                        struct host_settings *ret_settings, struct host_row **ret_rows)
{
    const struct yaml_tree_node *found[sizeof(host_keys) / sizeof(*host_keys)] = {0};
    struct setting_layer layer = {&host_table, ret_settings, found};
    struct host_row *rows = xcalloc(host_table.count, sizeof(*rows));
    *ret_settings = (struct host_settings){0};
    setting_defaults(&host_table, ret_settings);
    read_section(node, reporter, &layer);
    for (size_t i = 0; i < host_table.count; i++) {
        if (found[i])
            rows[i].at = found[i]->at;
    }
    host_settings_note(ret_settings, rows);
    *ret_rows = rows;
}

void host_settings_note(const struct host_settings *settings, struct host_row *rows)
{
    for (size_t i = 0; i < host_table.count; i++) {
        struct hash *hash = hash_create();
        setting_hash(&host_keys[i], settings, hash);
        hash_finish(hash, rows[i].digest);
    }
}

void host_settings_clear(struct host_settings *settings)
{
    setting_clear(&host_table, settings);
}
