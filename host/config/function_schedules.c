#include "config/function_schedules.h"

#include "base/alloc.h"
#include "base/ident.h"

#include <string.h>

#define SECOND          1000.0
#define HOUR            (3600.0 * SECOND)
#define PATH_BYTES      2048
#define BODY_BYTES      (32u << 10)
#define BLANKS          " \t"
#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))
#define ALIASES(...)    ((const char *const[]){__VA_ARGS__, NULL})

static const struct setting keys[] = {
    {"cron", ALIASES("schedule"), SETTING_STRING, SETTING_MEMBER(struct function_schedule, expression),
     .max = CRON_TEXT_MAX},
    {"time_zone", ALIASES("timezone"), SETTING_STRING, SETTING_MEMBER(struct function_schedule, time_zone),
     .max = 64},
    {"overlap", NULL, SETTING_WORD, SETTING_MEMBER(struct function_schedule, overlap),
     .words = ALIASES("skip", "queue", "allow"), .default_text = "skip"},
    {"catch_up", NULL, SETTING_WORD, SETTING_MEMBER(struct function_schedule, catch_up),
     .words = ALIASES("none", "last", "all"), .default_text = "none"},
    {"catch_up_window", NULL, SETTING_DURATION, SETTING_MEMBER(struct function_schedule, catch_up_window_ms),
     .min = 1 * SECOND, .max = 720 * HOUR, .default_text = "1h"},
    {"jitter", NULL, SETTING_DURATION, SETTING_MEMBER(struct function_schedule, jitter_ms), .max = 24 * HOUR,
     .default_text = "0"},
    {"name", NULL, SETTING_STRING, SETTING_MEMBER(struct function_schedule, name), .max = CRON_TEXT_MAX},
    {"path", NULL, SETTING_STRING, SETTING_MEMBER(struct function_schedule, path), .max = PATH_BYTES},
    {"body", NULL, SETTING_STRING, SETTING_MEMBER(struct function_schedule, body), .max = BODY_BYTES},
};

const struct setting_table schedule_table = {keys, COUNT_OF(keys), "a schedule", NULL, NULL};

struct reading {
    struct function_settings *settings;
    struct reporter *reporter;
};

/* Where a byte of the text stands, as well as that can be said. */
static struct position at_byte(const struct yaml_tree_node *node, size_t byte)
{
    struct position at = node->text_at;
    if (at.line == 0)
        return node->at;
    at.column += (unsigned)byte;
    return at;
}

/* Takes "CRON_TZ=ZONE " or "TZ=ZONE " from before the expression; returns how long that was. */
static size_t take_zone(const struct reading *reading, struct function_schedule *schedule,
                        const struct yaml_tree_node *node)
{
    const char *text = schedule->expression + strspn(schedule->expression, BLANKS);
    const char *zone = strncmp(text, "CRON_TZ=", 8) == 0 ? text + 8
                       : strncmp(text, "TZ=", 3) == 0    ? text + 3
                                                         : NULL;
    if (!zone)
        return 0;
    const size_t length = strcspn(zone, BLANKS), taken = (size_t)(zone - schedule->expression) + length;
    if (schedule->time_zone)
        reporter_error(reading->reporter, node->at, "keep one of them", "the schedule has two time zones");
    else
        schedule->time_zone = xstrndup(zone, length);
    memmove(schedule->expression, schedule->expression + taken, strlen(schedule->expression + taken) + 1);
    return taken;
}

/* Blanks at both ends go, and of several one stays, so that it can be a name. */
static void squeeze(char *text)
{
    char *to = text;
    for (const char *from = text + strspn(text, BLANKS); *from;) {
        size_t length = strcspn(from, BLANKS);
        if (to > text)
            *to++ = ' ';
        memmove(to, from, length);
        to += length;
        from += length + strspn(from + length, BLANKS);
    }
    *to = '\0';
}

static void read_expression(const struct reading *reading, struct function_schedule *schedule,
                            const struct yaml_tree_node *node)
{
    struct cron_problem problem;
    const size_t before = take_zone(reading, schedule, node);
    if (cron_parse(schedule->expression, &schedule->cron, &problem) < 0)
        reporter_error(reading->reporter, at_byte(node, before + problem.at), problem.hint, "%s",
                       problem.message);
    squeeze(schedule->expression);
}

static void check_zone(const struct reading *reading, const char *name, struct position at)
{
    struct time_zone *zone = name ? time_zone_open(name) : NULL;
    if (name && !zone)
        reporter_error(reading->reporter, at,
                       "a name of the time zone database, such as Europe/Berlin or UTC",
                       "there is no time zone \"%s\"", quote(name).text);
    time_zone_close(zone);
}

static void check_path(const struct reading *reading, const char *path, struct position at)
{
    size_t length = 0;
    while (path && path[length] > ' ' && path[length] != 0x7f && path[length] != '#')
        length++;
    if (path && (path[0] != '/' || path[length]))
        reporter_error(reading->reporter, at, "such as /reports?of=today",
                       "the path of a schedule begins with \"/\" and has no blanks, not \"%s\"",
                       quote(path).text);
}

/* Names it, and sees to it that no other one has this name. */
static void settle_name(const struct reading *reading, struct function_schedule *schedule, struct position at)
{
    const struct function_settings *settings = reading->settings;
    if (!schedule->name)
        schedule->name = xstrdup(schedule->expression);
    else if (!ident_is_name(schedule->name))
        reporter_error(reading->reporter, at,
                       "letters, digits, \"-\" and \"_\", at most 63, with a letter or digit at both ends",
                       "\"%s\" cannot be the name of a schedule", quote(schedule->name).text);
    for (size_t i = 0; i < settings->schedule_count; i++) {
        const struct function_schedule *other = &settings->schedules[i];
        if (strcmp(other->name, schedule->name) == 0)
            reporter_error(reading->reporter, at, "give each a \"name\" of its own",
                           "two schedules are called \"%s\": the other one stands on line %u",
                           quote(schedule->name).text, other->line);
    }
}

/* Moves it to the others, or gives it back when it had a mistake. */
static void take(const struct reading *reading, struct function_schedule *schedule, size_t errors)
{
    struct function_settings *settings = reading->settings;
    if (reading->reporter->errors > errors) {
        setting_clear(&schedule_table, schedule);
        return;
    }
    settings->schedules = xgrow(settings->schedules, settings->schedule_count, sizeof(*settings->schedules));
    settings->schedules[settings->schedule_count++] = *schedule;
}

static struct position at_of(const struct setting_layer *layer, const char *key, struct position otherwise)
{
    const struct yaml_tree_node *node = setting_found(layer, key);
    return node ? node->at : otherwise;
}

static void read_mapping(const struct reading *reading, const struct yaml_tree_node *node)
{
    const struct yaml_tree_node *found[COUNT_OF(keys)] = {0};
    struct function_schedule schedule = {.line = node->at.line, .column = node->at.column};
    struct setting_layer layer = {&schedule_table, &schedule, found};
    const size_t errors = reading->reporter->errors;
    setting_defaults(&schedule_table, &schedule);
    setting_apply(&layer, 1, node, UNKNOWN_IS_ERROR, reading->reporter);
    if (schedule.expression) {
        read_expression(reading, &schedule, setting_found(&layer, "cron"));
        check_zone(reading, schedule.time_zone, at_of(&layer, "time_zone", at_of(&layer, "cron", node->at)));
        check_path(reading, schedule.path, at_of(&layer, "path", node->at));
        settle_name(reading, &schedule, at_of(&layer, "name", node->at));
    } else if (reading->reporter->errors == errors) {
        reporter_error(reading->reporter, node->at, "such as cron: \"*/5 * * * *\"",
                       "a schedule needs \"cron\"");
    }
    take(reading, &schedule, errors);
}

static void read_text(const struct reading *reading, const struct yaml_tree_node *node)
{
    struct function_schedule schedule = {.line = node->at.line, .column = node->at.column};
    const size_t errors = reading->reporter->errors;
    setting_defaults(&schedule_table, &schedule);
    schedule.expression = xstrdup(node->text);
    read_expression(reading, &schedule, node);
    check_zone(reading, schedule.time_zone, node->at);
    settle_name(reading, &schedule, node->at);
    take(reading, &schedule, errors);
}

static void read_one(const struct reading *reading, const struct yaml_tree_node *node)
{
    if (node->flaw)
        reporter_error(reading->reporter, node->at, NULL, "%s", node->flaw);
    else if (node->kind == YAML_TREE_SCALAR)
        read_text(reading, node);
    else if (node->kind == YAML_TREE_MAPPING)
        read_mapping(reading, node);
    else
        reporter_error(reading->reporter, node->at,
                       "such as \"*/5 * * * *\", or {cron: \"0 3 * * *\", catch_up: last}",
                       "a schedule is a text or a mapping, not %s", yaml_tree_describe(node).text);
}

void function_schedules_read(const struct yaml_tree_node *node, struct reporter *reporter,
                             struct function_settings *settings)
{
    const struct reading reading = {settings, reporter};
    if (!node)
        return;
    if (node->kind != YAML_TREE_SEQUENCE) {
        read_one(&reading, node);
        return;
    }
    if (node->count > FUNCTION_SCHEDULES_MAX) {
        reporter_error(reporter, node->at, NULL, "\"schedule\" has %zu schedules; %d are possible",
                       node->count, FUNCTION_SCHEDULES_MAX);
        return;
    }
    for (size_t i = 0; i < node->count; i++)
        read_one(&reading, node->entries[i].value);
}
