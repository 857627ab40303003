#include "config/cron.h"

#include "base/go_duration.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BLANKS          " \t"
#define FIELDS_MAX      6
#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                          "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

struct field_row {
    const char *name;
    int min, max;
    const char *const *names; /* of the values from `min` on; or NULL */
    bool is_of_days; /* "?" is the same as "*" */
};

/* In the order in which they stand. */
static const struct field_row rows[FIELDS_MAX] = {
    {"second", 0, 59, NULL, false},       {"minute", 0, 59, NULL, false},
    {"hour", 0, 23, NULL, false},         {"day of the month", 1, 31, NULL, true},
    {"month", 1, 12, month_names, false}, {"weekday", 0, 7, weekday_names, true},
};

enum { SECONDS, MINUTES, HOURS, DAYS, MONTHS, WEEKDAYS };

static const struct {
    const char *name, *means;
} words[] = {
    {"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
    {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"},
};

/* An expression on its way in. */
struct reading {
    const char *text;
    const char *field, *end; /* the one that is read */
    const struct field_row *row;
    struct cron_problem *problem;
};

__attribute__((format(printf, 4, 5))) static int fail(const struct reading *reading, const char *at,
                                                      const char *hint, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    reading->problem->at = (size_t)(at - reading->text);
    reading->problem->hint = hint;
    vsnprintf(reading->problem->message, sizeof(reading->problem->message), format, arguments);
    va_end(arguments);
    return -1;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The value with a name of three letters; -1: none has it. */
static int find_name(const struct field_row *row, const char *text, size_t length)
{
    for (int i = 0; row->names && row->names[i]; i++) {
        if (length == 3 && strncasecmp(text, row->names[i], 3) == 0)
            return row->min + i;
    }
    return -1;
}

/* Reads a number or a name at *p, and goes on behind it. -1: it is none. */
static int read_value(const struct reading *reading, const char **p)
{
    const struct field_row *row = reading->row;
    const char *text = *p;
    size_t length = 0;
    int value = 0;
    while (&text[length] < reading->end && (is_digit(text[length]) || is_letter(text[length])))
        length++;
    *p = text + length;
    if (length > 0 && is_letter(text[0]))
        value = find_name(row, text, length);
    for (size_t i = 0; i < length && !is_letter(text[0]) && value >= 0; i++)
        value = is_digit(text[i]) && value < 1000 ? value * 10 + text[i] - '0' : -1;
    if (length == 0 || value < row->min || value > row->max)
        return fail(reading, text, row->names ? "or the first three letters of its English name" : NULL,
                    "\"%.*s\" is no %s: it is from %d to %d",
                    length > 0 ? (int)(length < 20 ? length : 20) : 1, text, row->name, row->min, row->max);
    return value;
}

/* Reads "/N" at *p; 1 where there is none. */
static int read_step(const struct reading *reading, const char **p)
{
    const int count = reading->row->max - reading->row->min + 1;
    const char *text = *p + 1;
    int step = 0;
    if (*p == reading->end || **p != '/')
        return 1;
    for (*p = text; *p < reading->end && is_digit(**p) && step <= count; (*p)++)
        step = step * 10 + **p - '0';
    if (*p == text || step < 1 || step > count)
        return fail(reading, text, NULL, "a step of the field %s is from 1 to %d", reading->row->name, count);
    return step;
}

/* Reads "*", a value or a range, at *p, each with a step, into *bits. */
static int read_item(const struct reading *reading, const char **p, uint64_t *bits)
{
    const struct field_row *row = reading->row;
    const char *begin = *p;
    int first = row->min, last = row->max, step;
    if (*p < reading->end && (**p == '*' || (**p == '?' && row->is_of_days))) {
        (*p)++;
    } else {
        if ((first = last = read_value(reading, p)) < 0)
            return -1;
        if (*p < reading->end && **p == '-') {
            (*p)++;
            if ((last = read_value(reading, p)) < 0)
                return -1;
            if (last == 0 && first > 0 && row->names == weekday_names)
                last = 7; /* "fri-sun" */
        } else if (*p < reading->end && **p == '/') {
            last = row->max;
        }
    }
    if (first > last)
        return fail(reading, begin, "write two of them with a comma between them",
                    "the range of the field %s goes backwards", row->name);
    if ((step = read_step(reading, p)) < 0)
        return -1;
    for (int value = first; value <= last; value += step)
        *bits |= 1ull << value;
    return 0;
}

static int read_field(const struct reading *reading, uint64_t *ret_bits)
{
    const char *p = reading->field;
    *ret_bits = 0;
    for (;;) {
        if (read_item(reading, &p, ret_bits) < 0)
            return -1;
        if (p == reading->end)
            return 0;
        if (*p != ',')
            return fail(reading, p, NULL, "\"%c\" cannot stand here in the field %s", *p, reading->row->name);
        p++;
    }
}

/* Where the fields begin; the number of them, at most one too many. */
static size_t split(const char *text, const char *fields[FIELDS_MAX + 1])
{
    size_t count = 0;
    for (const char *p = text + strspn(text, BLANKS); *p && count <= FIELDS_MAX; p += strspn(p, BLANKS)) {
        fields[count++] = p;
        p += strcspn(p, BLANKS);
    }
    return count;
}

static bool is_star(const char *field)
{
    return *field == '*' || *field == '?';
}

static int read_fields(struct reading *reading, struct cron *cron)
{
    const char *fields[FIELDS_MAX + 1];
    uint64_t bits[FIELDS_MAX] = {1, 0, 0, 0, 0, 0};
    size_t count = split(reading->text, fields), missing = FIELDS_MAX - count;
    if (count != FIELDS_MAX && count != FIELDS_MAX - 1)
        return fail(reading, reading->text, "minute, hour, day of the month, month, weekday",
                    "a schedule has five fields, or six with seconds before them, not %s%zu",
                    count > FIELDS_MAX ? "more than " : "", count > FIELDS_MAX ? (size_t)FIELDS_MAX : count);
    for (size_t i = 0; i < count; i++) {
        reading->field = fields[i];
        reading->end = fields[i] + strcspn(fields[i], BLANKS);
        reading->row = &rows[i + missing];
        if (read_field(reading, &bits[i + missing]) < 0)
            return -1;
    }
    *cron =
        (struct cron){.seconds = bits[SECONDS],
                      .minutes = bits[MINUTES],
                      .hours = (uint32_t)bits[HOURS],
                      .days = (uint32_t)bits[DAYS],
                      .months = (uint32_t)bits[MONTHS],
                      .weekdays = (uint32_t)((bits[WEEKDAYS] | bits[WEEKDAYS] >> 7) & 0x7f),
                      .any_day = is_star(fields[DAYS - missing]),
                      .any_weekday = is_star(fields[WEEKDAYS - missing]),
                      .goes_round = is_star(fields[MINUTES - missing]) || is_star(fields[HOURS - missing])};
    return 0;
}

static int read_every(const struct reading *reading, const char *duration, struct cron *cron)
{
    uint64_t ms;
    if (go_duration_read(duration, &ms) < 0 || ms < 1000)
        return fail(reading, duration, "such as @every 30s or @every 1h30m",
                    "\"@every\" needs a duration from 1s to a year");
    *cron = (struct cron){.every_ms = ms};
    return 0;
}

/* What begins with "@". */
static int read_word(struct reading *reading, const char *word, struct cron *cron)
{
    size_t length = strcspn(word, BLANKS);
    const char *rest = word + length + strspn(word + length, BLANKS);
    if (length == strlen("@every") && strncmp(word, "@every", length) == 0)
        return read_every(reading, rest, cron);
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (*rest || strlen(words[i].name) != length || strncmp(words[i].name, word, length) != 0)
            continue;
        reading->text = words[i].means;
        return read_fields(reading, cron);
    }
    return fail(reading, word, "@hourly, @daily, @weekly, @monthly, @yearly or @every 30s",
                "\"%.*s\" is no schedule", length < 20 ? (int)length : 20, word);
}

int cron_parse(const char *text, struct cron *ret_cron, struct cron_problem *ret_problem)
{
    struct reading reading = {.text = text, .problem = ret_problem};
    const char *first = text + strspn(text, BLANKS);
    struct cron cron;
    if (strlen(text) > CRON_TEXT_MAX)
        return fail(&reading, text, NULL, "a schedule has %d bytes at most", CRON_TEXT_MAX);
    if ((*first == '@' ? read_word(&reading, first, &cron) : read_fields(&reading, &cron)) < 0)
        return -1;
    if (!cron_ever_runs(&cron))
        return fail(&reading, text, "look at day and month", "no day is ever one of this schedule");
    *ret_cron = cron;
    return 0;
}
