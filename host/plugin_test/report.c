#include "plugin_test/report.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/strbuf.h"

#include <berth/plugin.h>
#include <stdio.h>
#include <string.h>

#define WIDTH            100
#define TEXT_COLUMN      37 /* where what a check has seen begins */
#define REASON_COLUMN    11 /* where the reason of a failure does */

#define DESCRIBED_COLUMN 2 /* where a line about the plugin does */
#define DESCRIBED_MAX    16384

static const char *const verdict_names[] = {
    [VERDICT_PASSED] = "passed", [VERDICT_FAILED] = "failed", [VERDICT_SKIPPED] = "skipped"};

static const char *const type_names[] = {[OPTION_STRING] = "text",
                                         [OPTION_INTEGER] = "integer",
                                         [OPTION_BOOLEAN] = "boolean",
                                         [OPTION_DECIMAL] = "decimal"};

/* --- text --- */

/* In one line: control characters become blanks. The caller frees it. */
static char *plain(const char *text)
{
    char *copy = xstrdup(text);
    for (char *p = copy; *p; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = ' ';
    }
    return copy;
}

/* In lines that begin at `column`; the first one has begun. */
static void print_wrapped(const char *text, int column)
{
    cleanup_free char *words = plain(text);
    int at = column;
    for (const char *word = words; *word;) {
        int length = (int)strcspn(word, " ");
        if (at > column && at + 1 + length > WIDTH) {
            printf("\n%*s", column, "");
            at = column;
        }
        at += printf("%s%.*s", at > column ? " " : "", length, word);
        word += length;
        word += strspn(word, " ");
    }
    putchar('\n');
}

/* A line of the description, which goes on further in when it is too long; empties it. */
static void print_described(struct strbuf *text)
{
    printf("%*s", DESCRIBED_COLUMN, "");
    print_wrapped(strbuf_text(text), 2 * DESCRIBED_COLUMN);
    strbuf_clear(text);
}

static void append_aliases(struct strbuf *text, char *const *aliases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        strbuf_append_format(text, "%s%s", i > 0 ? ", " : " (also ", aliases[i]);
    strbuf_append_text(text, count > 0 ? ")" : "");
}

static void print_language(const struct language *language)
{
    struct strbuf text;
    strbuf_init(&text, DESCRIBED_MAX);
    strbuf_append_format(&text, "language %s", language->name);
    append_aliases(&text, language->aliases, language->alias_count);
    print_described(&text);
}

static void print_option(const struct language_option *option)
{
    struct strbuf text;
    strbuf_init(&text, DESCRIBED_MAX);
    strbuf_append_format(&text, "option %s, %s", option->name, type_names[option->type]);
    if (option->min != 0 || option->max != 0)
        strbuf_append_format(&text, "%s %g to %g", option->type == OPTION_STRING ? " of bytes" : "",
                             option->min, option->max);
    if (option->default_value)
        strbuf_append_format(&text, ", default \"%s\"", option->default_value);
    strbuf_append_format(&text, ": %s", option->help);
    append_aliases(&text, option->aliases, option->alias_count);
    print_described(&text);
}

static void print_description(struct bench *bench)
{
    printf("%s\n", bench->path);
    const struct build_plugin *plugin = bench_probe(bench)->plugin;
    if (!plugin)
        return;
    print_language(&plugin->language);
    printf("  version %s, plugin ABI %u.%u; this host takes %d.0 to %d.%d\n", plugin->version,
           plugin->abi_major, plugin->abi_minor, BERTH_ABI_MAJOR, BERTH_ABI_MAJOR, BERTH_ABI_MINOR);
    printf("  callbacks validate, package, launch%s\n", plugin->scaffolds ? ", scaffold" : "");
    for (size_t i = 0; i < plugin->language.option_count; i++)
        print_option(&plugin->language.options[i]);
    printf("  image folder %s\n", bench->image_dir ? bench->image_dir : "none: launch must name an image");
    printf("  builder folder %s\n",
           bench->builder_dir ? bench->builder_dir : "none: dependencies are installed in its image");
}

static void print_check(struct report *report, const struct plugin_check *check,
                        const struct outcome *outcome, uint64_t ms)
{
    char line[TEXT_COLUMN + 1];
    if (!report->group || strcmp(report->group, check->group) != 0)
        printf("\n%s\n", check->group);
    snprintf(line, sizeof(line), "  %-8s %-14s %6llu ms", verdict_names[outcome->verdict], check->name,
             (unsigned long long)ms);
    printf("%-*s", TEXT_COLUMN, line);
    if (outcome->verdict != VERDICT_FAILED) {
        print_wrapped(*outcome->text ? outcome->text : check->says, TEXT_COLUMN);
        return;
    }
    if (strcmp(outcome->text, report->failure.text) == 0) {
        printf("%s: as above\n", check->says);
        return;
    }
    report->failure = *outcome;
    printf("%s\n%*s", check->says, REASON_COLUMN, "");
    print_wrapped(outcome->text, REASON_COLUMN);
    printf("%*s", REASON_COLUMN, "");
    print_wrapped(outcome->advice, REASON_COLUMN);
}

/* --- JSON --- */

static json_t *check_json(const struct plugin_check *check, const struct outcome *outcome, uint64_t ms)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:I}", "group", check->group, "name", check->name,
                     "says", check->says, "verdict", verdict_names[outcome->verdict], "text",
                     json_text(outcome->text), "advice", json_text(outcome->advice), "ms", (json_int_t)ms);
}

static void print_json(json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(json);
}

static json_t *plugin_json(struct bench *bench)
{
    const struct build_plugin *plugin = bench_probe(bench)->plugin;
    if (!plugin)
        return json_null();
    return json_pack("{s:s, s:s, s:i, s:i}", "name", plugin->language.name, "version", plugin->version,
                     "abi_major", (int)plugin->abi_major, "abi_minor", (int)plugin->abi_minor);
}

/* --- all of it --- */

void report_begin(struct report *report, struct bench *bench)
{
    *report = (struct report){
        .bench = bench, .began_ms = clock_ms(), .list = bench->options->json ? json_array() : NULL};
    if (!report->list)
        print_description(bench);
}

void report_add(struct report *report, const struct plugin_check *check, const struct outcome *outcome,
                uint64_t ms)
{
    report->counts[outcome->verdict]++;
    if (report->list) {
        json_array_append_new(report->list, check_json(check, outcome, ms));
        return;
    }
    if (check->need >= NEED_PLUGIN && !bench_probe(report->bench)->ok) {
        report->unusable++;
        return;
    }
    print_check(report, check, outcome, ms);
    report->group = check->group;
    fflush(stdout);
}

static void print_score(const struct report *report, uint64_t ms)
{
    const unsigned *counts = report->counts;
    unsigned all = counts[VERDICT_PASSED] + counts[VERDICT_FAILED] + counts[VERDICT_SKIPPED];
    if (report->unusable > 0)
        printf("\nThe other %u checks need a plugin that can be used.\n", report->unusable);
    printf("\n%u of %u checks passed, %u failed, %u skipped (%.1f s)\n", counts[VERDICT_PASSED], all,
           counts[VERDICT_FAILED], counts[VERDICT_SKIPPED], (double)ms / 1e3);
}

static json_t *report_json(const struct report *report, uint64_t ms)
{
    const unsigned *counts = report->counts;
    return json_pack("{s:s, s:o, s:O, s:i, s:i, s:i, s:I}", "path", report->bench->path, "plugin",
                     plugin_json(report->bench), "checks", report->list, "passed",
                     (int)counts[VERDICT_PASSED], "failed", (int)counts[VERDICT_FAILED], "skipped",
                     (int)counts[VERDICT_SKIPPED], "ms", (json_int_t)ms);
}

unsigned report_end(struct report *report)
{
    uint64_t ms = clock_ms() - report->began_ms;
    unsigned failed = report->counts[VERDICT_FAILED];
    if (report->list)
        print_json(report_json(report, ms));
    else
        print_score(report, ms);
    json_decref(report->list);
    return report->counts[VERDICT_PASSED] + failed == 0 ? 1 : failed;
}

void report_list(bool json)
{
    json_t *list = json_array();
    const char *group = "";
    for (size_t i = 0; i < plugin_check_count; i++) {
        const struct plugin_check *check = &plugin_checks[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "group", check->group, "name", check->name,
                                              "says", check->says));
        if (json)
            continue;
        if (strcmp(group, check->group) != 0)
            printf("%s%s\n", *group ? "\n" : "", check->group);
        printf("  %-15s %s\n", check->name, check->says);
        group = check->group;
    }
    if (json)
        print_json(list);
    else
        json_decref(list);
}
