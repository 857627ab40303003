#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/strbuf.h"
#include "config/function_settings.h"
#include "plugin_test/elf_exports.h"
#include "plugin_test/plugin_check.h"

#include <berth/plugin.h>
#include <string.h>

#define PLUGIN_BYTES_MAX (512u << 20)
#define DOCKERFILE_MAX   (1u << 20)
#define NAMES_SHOWN      5

void check_loads(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    const struct build_result *probed = bench_probe(bench);
    (void)check;
    if (!probed->ok && probed->error.code != ERROR_PLUGIN_ABI)
        outcome_fail_job(outcome, &probed->error);
}

void check_abi(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    const struct build_result *probed = bench_probe(bench);
    (void)check;
    if (!probed->ok && probed->error.code == ERROR_PLUGIN_ABI)
        outcome_fail_job(outcome, &probed->error);
    else if (!probed->ok)
        outcome_skip(outcome, "it cannot be asked");
    else
        outcome_pass(outcome, "%s %s, for ABI %u.%u", probed->plugin->language.name, probed->plugin->version,
                     probed->plugin->abi_major, probed->plugin->abi_minor);
}

/* --- exports --- */

struct exports {
    size_t others; /* than the entry point */
    struct strbuf names; /* of the first of them */
};

static void on_export(void *context, const char *name)
{
    struct exports *exports = context;
    if (strcmp(name, BERTH_PLUGIN_ENTRY) == 0)
        return;
    if (exports->others++ < NAMES_SHOWN)
        strbuf_append_format(&exports->names, "%s%.100s", exports->others > 1 ? ", " : "", name);
}

void check_exports(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    cleanup_free char *bytes = NULL;
    size_t size;
    struct error err;
    struct exports exports = {0};
    (void)check;
    if (fs_read_file(bench->path, PLUGIN_BYTES_MAX, &bytes, &size, &err) < 0) {
        outcome_fail(outcome, "see that it can be read", "%s", err.message);
        return;
    }
    strbuf_init(&exports.names, 1024);
    if (elf_exports_each(bytes, size, on_export, &exports) < 0)
        outcome_fail(outcome, "build it with a linker for this machine", "it is no whole 64-bit ELF file");
    else if (exports.others > 0)
        outcome_fail(
            outcome,
            "hide the rest: compile with -fvisibility=hidden, or link with a version script (other plugins "
            "and libraries may have the same names)",
            "it exports more than " BERTH_PLUGIN_ENTRY ": %s%s", strbuf_text(&exports.names),
            exports.others > NAMES_SHOWN ? ", ..." : "");
    strbuf_clear(&exports.names);
}

/* --- options --- */

/* Whether the host itself has a setting of this name for functions: it would get the value. */
static bool is_hosts(const char *name)
{
    for (size_t i = 0; i < configuration_table.count; i++) {
        const struct setting *setting = &configuration_table.settings[i];
        if (strcmp(setting->name, name) == 0)
            return true;
        for (const char *const *alias = setting->aliases; alias && *alias; alias++) {
            if (strcmp(*alias, name) == 0)
                return true;
        }
    }
    return false;
}

static bool is_help_sound(const char *help)
{
    for (; *help; help++) {
        if ((unsigned char)*help < ' ' || *help == 0x7f)
            return false;
    }
    return true;
}

static bool is_option_sound(const struct language_option *option, struct outcome *outcome)
{
    const char *taken = is_hosts(option->name) ? option->name : NULL;
    for (size_t i = 0; i < option->alias_count && !taken; i++)
        taken = is_hosts(option->aliases[i]) ? option->aliases[i] : NULL;
    if (taken)
        outcome_fail(
            outcome, "call it otherwise: berthd --help-settings lists the host's own",
            "the option %s is called \"%s\", which is a setting of the host's: it never gets a value",
            option->name, taken);
    else if (!is_help_sound(option->help))
        outcome_fail(outcome, "say in one sentence what it is for",
                     "the help of %s has control characters in it", option->name);
    else if (option->type == OPTION_BOOLEAN && (option->min != 0 || option->max != 0))
        outcome_fail(outcome, "leave min and max 0", "the option %s is a boolean with a range", option->name);
    return outcome->verdict != VERDICT_FAILED;
}

void check_options(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    const struct language *language = &bench_probe(bench)->plugin->language;
    (void)check;
    for (size_t i = 0; i < language->option_count; i++) {
        if (!is_option_sound(&language->options[i], outcome))
            return;
    }
    if (language->option_count == 0)
        outcome_pass(outcome, "it has none");
    else
        outcome_pass(outcome, "%zu of them", language->option_count);
}

/* --- images --- */

/* Whether a line of the Dockerfile begins with these words. */
static bool has_line(const char *text, const char *words)
{
    for (const char *line = text; line; line = strchr(line, '\n'), line += line != NULL) {
        if (strncmp(line, words, strlen(words)) == 0)
            return true;
    }
    return false;
}

/* The image stands on what the host gives it, and not on one of a registry. */
static bool is_based(const char *dir, const char *base, struct outcome *outcome)
{
    cleanup_free char *path = xasprintf("%s/Dockerfile", dir), *text = NULL;
    cleanup_free char *from = xasprintf("FROM ${%s}", base), *argument = xasprintf("ARG %s", base);
    struct error err;
    if (fs_read_file(path, DOCKERFILE_MAX, &text, NULL, &err) < 0)
        outcome_fail(outcome, "see that it can be read", "%s", err.message);
    else if (has_line(text, from) && has_line(text, argument))
        return true;
    return false;
}

void check_image(struct bench *bench, const struct plugin_check *check, struct outcome *outcome)
{
    const char *image = bench->image_dir, *builder = bench->builder_dir;
    static const char advice[] =
        "begin it with ARG BERTH_BASE and FROM ${BERTH_BASE}: only that image is sure to be "
        "there, and fits the host";
    (void)check;
    if (image && !is_based(image, "BERTH_BASE", outcome))
        outcome_fail(outcome, advice, "%s/Dockerfile does not stand on the host's base image", image);
    else if (builder && !is_based(builder, "BERTH_BASE", outcome) &&
             !is_based(builder, "BERTH_RUNTIME", outcome))
        outcome_fail(outcome, advice, "%s/Dockerfile stands neither on BERTH_BASE nor on BERTH_RUNTIME",
                     builder);
    else if (!image)
        outcome_pass(outcome, "none: launch must name one");
    else
        outcome_pass(outcome, "%s", builder ? "a runtime image, and a builder" : "a runtime image");
}
