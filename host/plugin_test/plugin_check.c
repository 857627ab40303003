#include "plugin_test/plugin_check.h"

#include "base/suggest.h"
#include "plugin_test/fleet_trial.h"
#include "plugin_test/odd_functions.h"

#include <string.h>

const struct plugin_check plugin_checks[] = {
    {"plugin", "loads", "the file is loaded, and has its entry point", NEED_NOTHING, check_loads, NULL},
    {"plugin", "abi", "versions, sizes, names and callbacks are as the ABI has them", NEED_NOTHING, check_abi,
     NULL},
    {"plugin", "exports", "nothing is exported but the entry point", NEED_NOTHING, check_exports, NULL},
    {"plugin", "options", "each option can be reached and explained", NEED_PLUGIN, check_options, NULL},
    {"plugin", "image", "its images can be built on the host's base", NEED_PLUGIN, check_image, NULL},

    {"scaffold", "scaffold", "a new function is made", NEED_PLUGIN, check_scaffold, NULL},
    {"scaffold", "scaffold-same", "of the same files each time", NEED_PLUGIN, check_scaffold_same, NULL},

    {"validate", "good", "a good function has no errors", NEED_FUNCTION, check_good, NULL},
    {"validate", "no-files", "an empty folder", NEED_PLUGIN, check_odd, odd_no_files},
    {"validate", "missing", "the named file is not there", NEED_FUNCTION, check_odd, odd_missing},
    {"validate", "empty", "files without a byte", NEED_FUNCTION, check_odd, odd_empty},
    {"validate", "broken", "files that end in the middle, in garbage", NEED_FUNCTION, check_odd, odd_broken},
    {"validate", "binary", "files of any bytes", NEED_FUNCTION, check_odd, odd_binary},
    {"validate", "not-utf8", "contents and names that are not UTF-8", NEED_FUNCTION, check_odd, odd_not_utf8},
    {"validate", "huge", "a file of 32 MiB", NEED_FUNCTION, check_odd, odd_huge},
    {"validate", "long-line", "a line of 1 MiB", NEED_FUNCTION, check_odd, odd_long_line},
    {"validate", "nested", "100000 brackets, one in the other", NEED_FUNCTION, check_odd, odd_nested},
    {"validate", "many-files", "1000 files", NEED_FUNCTION, check_odd, odd_many_files},
    {"validate", "deep", "60 folders, one in the other", NEED_FUNCTION, check_odd, odd_deep},
    {"validate", "special-files", "pipes, sockets and links that lead nowhere", NEED_FUNCTION, check_odd,
     odd_special_files},
    {"validate", "pipe", "the named file is a pipe that nobody writes to", NEED_FUNCTION, check_odd,
     odd_pipe},
    {"validate", "folder", "the named file is a folder", NEED_FUNCTION, check_odd, odd_folder},
    {"validate", "source-kept", "nothing is written to the function's folder", NEED_FUNCTION,
     check_source_kept, NULL},

    {"package", "package", "a good function is packaged", NEED_FUNCTION, check_package, NULL},
    {"package", "package-same", "the same files give the same package and launch", NEED_PACKAGE,
     check_package_same, NULL},
    {"package", "self-contained", "it holds all that it needs of the source", NEED_PACKAGE,
     check_self_contained, NULL},
    {"package", "repeated", "memory and open files do not grow", NEED_PACKAGE, check_repeated, NULL},

    {"launch", "launch", "this host can do what it asks for", NEED_PACKAGE, check_launch, NULL},
    {"launch", "launch-alike", "command and environment are the same for all functions", NEED_PACKAGE,
     check_launch_alike, NULL},

    {"container", "answers", "a request is answered", NEED_TRIAL, check_answers, NULL},
    {"container", "methods", "requests of each method are answered", NEED_ANSWERS, check_methods, NULL},
    {"container", "heads", "so are odd headers, paths and queries", NEED_ANSWERS, check_heads, NULL},
    {"container", "keep-alive", "many requests follow each other", NEED_ANSWERS, check_keep_alive, NULL},
    {"container", "at-once", "requests do not wait for each other", NEED_ANSWERS, check_at_once, NULL},
    {"container", "upload", "large bodies are taken", NEED_ANSWERS, check_upload, NULL},
    {"container", "download", "large answers are whole", NEED_ANSWERS, check_download, NULL},
    {"container", "streaming", "an answer may begin before the request has ended", NEED_ANSWERS,
     check_streaming, NULL},
    {"container", "cancel", "clients that go cost no connection", NEED_ANSWERS, check_cancel, NULL},
    {"container", "memory", "it does not grow with requests", NEED_ANSWERS, check_container_memory, NULL},
    {"container", "protected", "image and package cannot be written to", NEED_ANSWERS, check_protected, NULL},
    {"container", "volume", "what is written to a volume is there in the next instance", NEED_ANSWERS,
     check_volume, NULL},
    {"container", "output", "what the function writes reaches its log", NEED_ANSWERS, check_output, NULL},
    {"container", "crash", "a container that is killed is replaced", NEED_ANSWERS, check_crash, NULL},
    {"container", "sigterm", "it ends in time, with what is under way", NEED_ANSWERS, check_sigterm, NULL},
};

const size_t plugin_check_count = sizeof(plugin_checks) / sizeof(*plugin_checks);

/* --- the choice --- */

/* Whether one of the words of `only` is `name`. */
static bool has_word(const char *only, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = only; *at; at += strcspn(at, ","), at += *at == ',') {
        if (strcspn(at, ",") == length && strncmp(at, name, length) == 0)
            return true;
    }
    return false;
}

bool plugin_check_is_chosen(const struct plugin_check *check, const char *only)
{
    return !only || has_word(only, check->name) || has_word(only, check->group);
}

static bool is_name(const char *word, size_t length)
{
    for (size_t i = 0; i < plugin_check_count; i++) {
        const char *const names[] = {plugin_checks[i].name, plugin_checks[i].group};
        for (size_t k = 0; k < 2; k++) {
            if (strlen(names[k]) == length && strncmp(names[k], word, length) == 0)
                return true;
        }
    }
    return false;
}

int plugin_check_choice(const char *only, struct error *err)
{
    for (const char *at = only; at && *at; at += strcspn(at, ","), at += *at == ',') {
        int length = (int)strcspn(at, ",");
        if (is_name(at, (size_t)length))
            continue;
        error_set(err, ERROR_USAGE, "there is no check \"%.*s\"", length, at);
        return error_hint(err, "the checks there are: berth plugin test --list");
    }
    return 0;
}

/* --- a run --- */

/* NULL: it is there. Else why not. */
static const char *missing(struct bench *bench, enum plugin_check_need need)
{
    if (need >= NEED_PLUGIN && !bench_probe(bench)->ok)
        return "the plugin cannot be used";
    if (need >= NEED_FUNCTION && !bench_function(bench))
        return bench_scaffold(bench) ? "its scaffold makes no function; name one with --function DIR"
                                     : "it has no scaffold; name a function with --function DIR";
    if (need >= NEED_PACKAGE && !bench_package(bench)->ok)
        return "the good function cannot be packaged";
    if (need >= NEED_TRIAL && fleet_trial_get(bench)->missing)
        return bench->trial->missing;
    if (need >= NEED_ANSWERS && bench->trial->first.verdict != VERDICT_PASSED)
        return "the function does not answer";
    return NULL;
}

void plugin_check_run(const struct plugin_check *check, struct bench *bench, struct outcome *outcome)
{
    const char *why = missing(bench, check->need);
    *outcome = (struct outcome){0};
    if (why)
        outcome_skip(outcome, "%s", why);
    else
        check->run(bench, check, outcome);
}
