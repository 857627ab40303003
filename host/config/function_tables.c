#include "config/function_settings.h"

#define KiB             1024.0
#define MiB             (1024.0 * KiB)
#define GiB             (1024.0 * MiB)
#define TiB             (1024.0 * GiB)
#define SECOND          1000.0
#define HOUR            (3600.0 * SECOND)
#define ALIASES(...)    ((const char *const[]){__VA_ARGS__, NULL})
#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

static const struct setting function_keys[] = {
    {"name", NULL, SETTING_STRING, SETTING_MEMBER(struct function_settings, name), .change = CHANGE_PREPARES,
     .unset = "the key",
     .help = "The route: the function is called at `/<name>` and `/function/<name>`. Letters, digits, `-` "
             "and `_`, at "
             "most 63, a letter or digit at both ends."},
    {"version", NULL, SETTING_STRING, SETTING_MEMBER(struct function_settings, version),
     .change = CHANGE_APPLIES, .max = 128,
     .help = "Shown to users as it is written here. It decides nothing."},
    {"configuration", NULL, SETTING_MAPPING,
     .help = "How the function is run: the keys of the next section."},
};

const struct setting_table function_table = {function_keys, COUNT_OF(function_keys), "a function",
                                             &configuration_table,
                                             "this key belongs under \"configuration\""};

static const struct setting configuration_keys[] = {
    {"programing_language", ALIASES("programming_language", "language"), SETTING_STRING,
     SETTING_MEMBER(struct function_settings, language), .change = CHANGE_REPLACES, .max = 64,
     .help =
         "Required. The name of a plugin, such as `python` or `shell`; upper and lower case are the same."},
    {"function_folder", ALIASES("folder"), SETTING_STRING, SETTING_MEMBER(struct function_settings, folder),
     .change = CHANGE_PREPARES, .max = 1024, .unset = "the function's key",
     .help =
         "The folder with the function's files, looked for beside this file as `functions/<folder>`, then "
         "`<language>/functions/<folder>`. It cannot lead out of there, but by symbolic links to what the "
         "host's `roots` list. A function of an image (`image`) can do without."},
    {"base_function_file_name", ALIASES("file"), SETTING_STRING,
     SETTING_MEMBER(struct function_settings, file), .change = CHANGE_PREPARES, .max = 1024,
     .unset = "the language decides", .help = "The file with the handler, inside of the folder."},
    {"concurrency", NULL, SETTING_INTEGER, SETTING_MEMBER(struct function_settings, concurrency),
     .change = CHANGE_REPLACES, .min = 1, .max = 1024, .unset = "the language decides",
     .help = "Requests that one instance serves at the same time."},
    {"memory", NULL, SETTING_SIZE, SETTING_MEMBER(struct function_settings, memory_bytes),
     .change = CHANGE_REPLACES, .min = 8 * MiB, .max = 1024 * GiB, .default_text = "256Mi",
     .help = "Memory limit of one instance."},
    {"cpus", NULL, SETTING_DECIMAL, SETTING_MEMBER(struct function_settings, cpus), .change = CHANGE_REPLACES,
     .min = 0.01, .max = 1024, .default_text = "1", .help = "Processor limit of one instance, in cores."},
    {"pids", NULL, SETTING_INTEGER, SETTING_MEMBER(struct function_settings, pids), .change = CHANGE_REPLACES,
     .min = 8, .max = 4194304, .default_text = "512",
     .help = "Processes and threads that one instance may have."},
    {"tmp", NULL, SETTING_SIZE, SETTING_MEMBER(struct function_settings, tmp_bytes),
     .change = CHANGE_REPLACES, .min = 1 * MiB, .max = 1024 * GiB, .default_text = "256Mi",
     .help = "How much `/tmp` can hold, and the home and the working directory as much each. They are in "
             "memory: what is "
             "in them counts towards `memory`."},
    {"shm", NULL, SETTING_SIZE, SETTING_MEMBER(struct function_settings, shm_bytes),
     .change = CHANGE_REPLACES, .min = 1 * MiB, .max = 1024 * GiB, .default_text = "64Mi",
     .help = "How much `/dev/shm` can hold, memory that processes share. It counts towards `memory` too."},
    {"timeout", NULL, SETTING_DURATION, SETTING_MEMBER(struct function_settings, timeout_ms),
     .change = CHANGE_APPLIES, .min = 1, .max = 24 * HOUR, .default_text = "60s",
     .help =
         "Longest time that a request may keep its slot, whoever is slow. After it the client gets 504 and "
         "the instance is retired; if the client was waited for longer than the function, the client gets "
         "408 or is cut and the instance stays."},
    {"start_timeout", NULL, SETTING_DURATION, SETTING_MEMBER(struct function_settings, start_timeout_ms),
     .change = CHANGE_APPLIES, .min = 1 * SECOND, .max = HOUR, .unset = "that of the host",
     .help = "Time from a container's start to a loaded function, for one that needs longer, or shall be "
             "given up "
             "sooner, than others."},
    {"stream_idle_timeout", NULL, SETTING_DURATION, SETTING_MEMBER(struct function_settings, stream_idle_ms),
     .change = CHANGE_APPLIES, .min = 100, .max = 24 * HOUR, .default_text = "5m",
     .help = "Event streams (`text/event-stream`, `application/x-ndjson`, `multipart/x-mixed-replace`) and "
             "WebSockets have this in place of `timeout`: the longest silence, after which they are cut."},
    {"request_buffering", NULL, SETTING_BOOLEAN, SETTING_MEMBER(struct function_settings, request_buffering),
     .change = CHANGE_APPLIES, .default_text = "true",
     .help = "`false`: a request takes its slot with its head and its body is streamed. For functions that "
             "answer while the body is still coming."},
    {"public", NULL, SETTING_BOOLEAN, SETTING_MEMBER(struct function_settings, is_public),
     .change = CHANGE_APPLIES, .default_text = "true",
     .help = "`false`: on the public port there is no such function; other functions and the management port "
             "call it."},
    {"max_body", NULL, SETTING_SIZE, SETTING_MEMBER(struct function_settings, max_body_bytes),
     .change = CHANGE_APPLIES, .min = 1, .max = 16 * TiB, .unset = "that of the host",
     .help = "Largest body of a request to it; 413 above it."},
    {"queue_length", NULL, SETTING_INTEGER, SETTING_MEMBER(struct function_settings, queue_length),
     .change = CHANGE_APPLIES, .min = 1, .max = 1000000, .unset = "that of the host",
     .help = "Requests to it that wait for an instance; 503 above it."},
    {"queue_timeout", NULL, SETTING_DURATION, SETTING_MEMBER(struct function_settings, queue_timeout_ms),
     .change = CHANGE_APPLIES, .min = 100, .max = 1 * HOUR, .unset = "that of the host",
     .help = "Longest wait of a request to it for an instance; 503 after it."},
    {"idle_timeout", NULL, SETTING_DURATION, SETTING_MEMBER(struct function_settings, idle_timeout_ms),
     .change = CHANGE_APPLIES, .min = 100, .max = 24 * HOUR, .default_text = "10s",
     .help = "An instance that served nothing for so long is removed."},
    {"min_scale", NULL, SETTING_INTEGER, SETTING_MEMBER(struct function_settings, min_scale),
     .change = CHANGE_APPLIES, .max = 1000, .default_text = "0",
     .help = "Instances that are kept even when nobody calls the function."},
    {"max_scale", NULL, SETTING_INTEGER, SETTING_MEMBER(struct function_settings, max_scale),
     .change = CHANGE_APPLIES, .min = 1, .max = 1000, .default_text = "20",
     .help = "Instances that are never exceeded. At least `min_scale`."},
    {"network", NULL, SETTING_WORD, SETTING_MEMBER(struct function_settings, network),
     .change = CHANGE_REPLACES, .words = ALIASES("bridge", "none"), .default_text = "bridge",
     .help = "`bridge`: the function can reach the network; `none`: it can only be called."},
    {"egress", NULL, SETTING_EGRESS, SETTING_MEMBER(struct function_settings, egress),
     .change = CHANGE_REPLACES, .unset = "what `network` says",
     .help = "All that the function can reach beyond itself: `none`, or a list of `NAME`, `*.NAME`, "
             "`ADDRESS` and "
             "`NETWORK`, each alone or with `:PORT` (TCP and UDP), such as `[api.example.com:443, "
             "10.0.0.0/8]`; one "
             "of IPv6 with a port is in brackets and quoted. Name servers answer for these names alone. It "
             "never adds "
             "to what a function without it can reach. See security.md."},
    {"user", NULL, SETTING_STRING, SETTING_MEMBER(struct function_settings, user), .change = CHANGE_REPLACES,
     .max = 64, .unset = "10001:10001",
     .help =
         "Who the processes of an instance are: `UID` or `UID:GID`, numbers (without `GID` it is the same "
         "number), `root`, or `image` for the user that the image names. Whoever it is has no capability. "
         "`root` and `image` give up a wall, and are warned about."},
    {"read_only", NULL, SETTING_BOOLEAN, SETTING_MEMBER(struct function_settings, read_only),
     .change = CHANGE_REPLACES, .default_text = "true",
     .help = "Whether nothing can be written but `/tmp`, the home, the working directory and volumes. With "
             "`false`, which is warned about, the files of the image can be changed too: on the host's disk, "
             "without a limit, until the instance goes."},
    {"seccomp", NULL, SETTING_WORD, SETTING_MEMBER(struct function_settings, seccomp),
     .change = CHANGE_REPLACES, .words = ALIASES("berth", "engine"), .default_text = "berth",
     .help =
         "Which system calls its processes may make: those of Berth's own profile, which has what programs "
         "of any language use, or with `engine`, which is warned about, those of the engine's, which has "
         "more: `ptrace` for debuggers, 32-bit programs, further kinds of sockets."},
    {"runtime", NULL, SETTING_STRING, SETTING_MEMBER(struct function_settings, runtime),
     .change = CHANGE_REPLACES, .max = 64, .unset = "that of the host",
     .help = "What the engine runs its containers with, by the engine's name for it, such as `crun`, `runsc` "
             "or `kata`: `docker info` lists those that there are."},
    {"labels", NULL, SETTING_MAPPING, .change = CHANGE_APPLIES,
     .help = "Texts to find the function by, a mapping of names to values, at most 64: shown by `berth "
             "describe` and the management API, and on its containers as `berth.label.NAME`, prewarmed ones "
             "excepted. They decide nothing."},
    {"base", NULL, SETTING_STRING, SETTING_MEMBER(struct function_settings, base), .change = CHANGE_REPLACES,
     .words = ALIASES("bookworm", "trixie"), .unset = "that of the host",
     .help =
         "The Debian that the function runs on, and with it the version of its language: `bookworm` (12) has "
         "Python 3.11 and Node.js 18, `trixie` (13) Python 3.13 and Node.js 20. `scripts/base-image NAME` "
         "makes one "
         "that is not there."},
    {"system_packages", NULL, SETTING_PACKAGES, SETTING_MEMBER(struct function_settings, system_packages),
     .change = CHANGE_REPLACES, .unset = "those of the runtime",
     .help = "Debian packages that the function needs besides, such as `imagemagick` or `libgl1=1.6.0-1`: a "
             "list, or a text with blanks between them. They are installed, without what they only "
             "recommend, into an image that is made once for the list and shared, and into the one in which "
             "the function's dependencies are compiled."},
    {"volumes", NULL, SETTING_ENTRIES, .change = CHANGE_REPLACES,
     .help =
         "Folders that outlive instances, at most 32: `NAME: /at`, or `NAME: {at: /at, read_only: true}`, "
         "for "
         "one that Berth keeps by that name; `{path: /srv/models, at: /models, read_only: false}` for a "
         "folder "
         "of this machine, in one of the host's `volume_roots`, which is read-only unless it says otherwise. "
         "See volumes.md."},
    {"environment", NULL, SETTING_MAPPING, .change = CHANGE_REPLACES,
     .help =
         "Environment variables, a mapping of names to values, at most 256. Names that begin with `BERTH_` "
         "are taken. `KEY: {secret: NAME}` gives the variable the value of a secret."},
    {"env_file", NULL, SETTING_STRING, SETTING_MEMBER(struct function_settings, env_file),
     .change = CHANGE_REPLACES, .max = 1024,
     .help =
         "A file with further environment variables, `NAME=value` in each line, in the registry's folder or "
         "below; in the folder that was sent, for a function that is deployed over the API. What "
         "`environment` has goes before it. A change of the file is a change of the registry."},
    {"secrets", NULL, SETTING_LIST, .change = CHANGE_REPLACES,
     .help = "Names of secrets (`berth secret set NAME`), at most 256: each is a file, `/run/secrets/NAME`, "
             "in memory "
             "and for the function alone. Another value of a secret is a new revision."},
    {"schedule", NULL, SETTING_ANY, .change = CHANGE_APPLIES,
     .help = "When the function is called by the clock: an expression of cron (`\"*/5 * * * *\"`, `@daily`, "
             "`@every "
             "30s`; with seconds where there are six fields), or `{cron: \"0 3 * * *\", time_zone: "
             "Europe/Berlin, "
             "overlap: skip, catch_up: none, catch_up_window: 1h, jitter: 0, name: nightly, path: /, body: "
             "\"\"}`, or a "
             "list of these, at most 64. Each run is a call that is done later. See async.md."},
    {"async_concurrency", NULL, SETTING_INTEGER, SETTING_MEMBER(struct function_settings, calls.concurrency),
     .change = CHANGE_APPLIES, .min = 1, .max = 1000, .default_text = "4",
     .help = "How many of its calls that were accepted to be done later (async.md) are delivered at once. "
             "The others "
             "wait, and leave room for direct calls."},
    {"retries", NULL, SETTING_INTEGER, SETTING_MEMBER(struct function_settings, calls.retries),
     .change = CHANGE_APPLIES, .max = 100, .default_text = "5",
     .help =
         "Attempts after the first one, of a call that is done later. After the last it is a dead letter."},
    {"retry_on", NULL, SETTING_CAUSES, SETTING_MEMBER(struct function_settings, calls.retry_on),
     .change = CHANGE_APPLIES, .default_text = "5xx, 429, timeout, connection",
     .help = "What makes an attempt a failed one that is repeated: statuses from 400 to 599, `4xx`, `5xx`, "
             "`timeout` "
             "(of the function) and `connection` (its instance went away). Any other answer is the call's "
             "result. `[]`: "
             "nothing."},
    {"retry_wait", NULL, SETTING_DURATION, SETTING_MEMBER(struct function_settings, calls.retry_wait_ms),
     .change = CHANGE_APPLIES, .min = 1, .max = 24 * HOUR, .default_text = "1s",
     .help = "Wait before the first retry; before each further one it is twice as long. A part of it is "
             "chance, so "
             "that calls that failed together do not come back together."},
    {"retry_wait_max", NULL, SETTING_DURATION,
     SETTING_MEMBER(struct function_settings, calls.retry_wait_max_ms), .change = CHANGE_APPLIES, .min = 1,
     .max = 24 * HOUR, .default_text = "10m",
     .help = "The longest wait before a retry, also where a function asks for one by `Retry-After`. At least "
             "`retry_wait`."},
    {"max_age", NULL, SETTING_DURATION, SETTING_MEMBER(struct function_settings, calls.max_age_ms),
     .change = CHANGE_APPLIES, .min = 1 * SECOND, .max = 720 * HOUR, .default_text = "24h",
     .help = "A call that is done later and was accepted so long ago is not tried any more: it is a dead "
             "letter."},
    {"result_ttl", NULL, SETTING_DURATION, SETTING_MEMBER(struct function_settings, calls.result_ttl_ms),
     .change = CHANGE_APPLIES, .max = 720 * HOUR, .default_text = "1h",
     .help = "How long the result of a call that was done later is kept to be fetched. 0: not at all."},
    {"on_success", NULL, SETTING_STRING, SETTING_MEMBER(struct function_settings, calls.on_success),
     .change = CHANGE_APPLIES, .max = 63, .unset = "none",
     .help = "A function that is called, later too, with the result of each call that was done later and has "
             "succeeded."},
    {"on_failure", NULL, SETTING_STRING, SETTING_MEMBER(struct function_settings, calls.on_failure),
     .change = CHANGE_APPLIES, .max = 63, .unset = "none",
     .help = "A function that is called, later too, with the last result of each call that was given up."},
    {"callback_secret", NULL, SETTING_STRING, SETTING_MEMBER(struct function_settings, calls.callback_secret),
     .change = CHANGE_APPLIES, .max = 200, .unset = "none",
     .help = "The name of a secret: what is posted to an `X-Callback-Url` is signed with it (HMAC-SHA256, in "
             "`X-Berth-Signature`)."},
};

const struct setting_table configuration_table = {configuration_keys, COUNT_OF(configuration_keys),
                                                  "\"configuration\"", &function_table,
                                                  "this key belongs beside \"configuration\", not under it"};
