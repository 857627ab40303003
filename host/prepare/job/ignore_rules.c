#include "prepare/job/ignore_rules.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct rule {
    bool takes_back;
    char *pattern; /* in its plainest spelling */
};

struct ignore_rules {
    struct rule *items;
    size_t count;
    bool take_back;
};

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* --- one pattern --- */

/* Writes it without empty parts, `.` and what `..` takes back, nor a slash at either end. */
static char *plainest(const char *text, size_t size)
{
    char *out = xcalloc(size + 1, 1);
    size_t length = 0;
    for (const char *at = text, *end = text + size; at < end;) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        size_t part = slash ? (size_t)(slash - at) : (size_t)(end - at);
        bool is_up = part == 2 && memcmp(at, "..", 2) == 0;
        if (is_up) {
            while (length > 0 && out[--length] != '/') {
            }
        } else if (part > 0 && !(part == 1 && *at == '.')) {
            if (length > 0)
                out[length++] = '/';
            memcpy(out + length, at, part);
            length += part;
        }
        at += part + 1;
    }
    out[length] = '\0';
    return out;
}

/* The end of a class that begins behind its bracket; NULL: it is not closed. The first character belongs to
 * it, whatever it is. */
static const char *class_end(const char *at)
{
    at += *at == '^';
    for (bool is_first = true; *at && (*at != ']' || is_first); is_first = false) {
        if (*at == '\\' && at[1])
            at++;
        at++;
    }
    return *at ? at : NULL;
}

static const char *class_letter(const char *at, unsigned char *ret_letter)
{
    at += *at == '\\' && at[1];
    *ret_letter = (unsigned char)*at;
    return at + 1;
}

/* Whether a class has the character. */
static bool class_has(const char *at, const char *end, char c)
{
    bool is_other = *at == '^', is_in = false;
    unsigned char from, to;
    for (at += is_other; at < end;) {
        at = class_letter(at, &from);
        to = from;
        if (at + 1 < end && *at == '-')
            at = class_letter(at + 1, &to);
        is_in = is_in || ((unsigned char)c >= from && (unsigned char)c <= to);
    }
    return c != '/' && is_in != is_other;
}

static const char *pattern_problem(const char *pattern)
{
    for (const char *at = pattern; *at; at++) {
        if (*at == '\\') {
            if (!*++at)
                return "nothing stands behind its backslash";
        } else if (*at == '[' && !(at = class_end(at + 1))) {
            return "its bracket is not closed";
        }
    }
    return NULL;
}

/* Which beginnings of a path a pattern's parts so far mean: one flag for each length. */
struct reach {
    const char *path;
    size_t length;
    bool *now, *next;
};

/* `**`: at the end all that follows, else no folder or any. */
static void pass_folders(struct reach *reach, bool is_last)
{
    bool any = false;
    for (size_t i = 0; i <= reach->length; i++) {
        bool before = any;
        any = any || reach->now[i];
        reach->next[i] = is_last ? any : reach->now[i] || (before && reach->path[i - 1] == '/');
    }
}

static void pass_name(struct reach *reach)
{
    for (size_t i = 0; i <= reach->length; i++)
        reach->next[i] = reach->now[i] || (i > 0 && reach->next[i - 1] && reach->path[i - 1] != '/');
}

/* Passes one character: `?`, a class or a letter, at `at` of the pattern. Gives what follows. */
static const char *pass_letter(struct reach *reach, const char *at)
{
    const char *end = *at == '[' ? class_end(at + 1) : at;
    bool is_any = *at == '?', is_class = *at == '[';
    if (*at == '\\')
        end = ++at;
    reach->next[0] = false;
    for (size_t i = 0; i < reach->length; i++) {
        char c = reach->path[i];
        bool is_it = is_any ? c != '/' : is_class ? class_has(at + 1, end, c) : c == *at;
        reach->next[i + 1] = reach->now[i] && is_it;
    }
    return end + 1;
}

/* Whether the pattern means the path or a folder that it is in. */
static bool pattern_matches(const char *pattern, struct reach *reach)
{
    memset(reach->now, 0, reach->length + 1);
    reach->now[0] = true;
    for (const char *at = pattern; *at;) {
        if (*at == '*' && at[1] == '*') {
            at += 2;
            at += *at == '/';
            pass_folders(reach, !*at);
        } else if (*at == '*') {
            at++;
            pass_name(reach);
        } else {
            at = pass_letter(reach, at);
        }
        bool *passed = reach->next;
        reach->next = reach->now;
        reach->now = passed;
    }
    for (size_t i = 1; i <= reach->length; i++) {
        if (reach->now[i] && (i == reach->length || reach->path[i] == '/'))
            return true;
    }
    return false;
}

/* --- all of them --- */

/* One line, without its end. NULL: it is well, or says nothing. */
static const char *read_rule(struct ignore_rules *rules, const char *at, const char *end)
{
    if (at < end && *at == '#')
        return NULL;
    while (at < end && is_space(*at))
        at++;
    while (end > at && is_space(end[-1]))
        end--;
    bool takes_back = at < end && *at == '!';
    at += takes_back;
    while (at < end && is_space(*at))
        at++;
    if (at == end)
        return takes_back ? "nothing stands behind its \"!\"" : NULL;
    if (memchr(at, '\0', (size_t)(end - at)))
        return "it has a NUL in it";
    rules->items = xgrow(rules->items, rules->count, sizeof(*rules->items));
    struct rule *rule = &rules->items[rules->count++];
    *rule = (struct rule){takes_back, plainest(at, (size_t)(end - at))};
    rules->take_back = rules->take_back || takes_back;
    return pattern_problem(rule->pattern);
}

int ignore_rules_read(const char *text, size_t size, struct ignore_rules **ret_rules, unsigned *ret_line,
                      const char **ret_problem)
{
    static const char mark[] = "\xef\xbb\xbf";
    struct ignore_rules *rules = xcalloc(1, sizeof(*rules));
    const char *at = text, *end = text + size;
    if (size >= strlen(mark) && memcmp(text, mark, strlen(mark)) == 0)
        at += strlen(mark);
    for (unsigned line = 1; at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const char *problem = read_rule(rules, at, stop ? stop : end);
        if (problem) {
            *ret_line = line;
            *ret_problem = problem;
            ignore_rules_destroy(rules);
            return -1;
        }
        at = stop ? stop + 1 : end;
    }
    *ret_rules = rules;
    return 0;
}

void ignore_rules_destroy(struct ignore_rules *rules)
{
    if (!rules)
        return;
    for (size_t i = 0; i < rules->count; i++)
        free(rules->items[i].pattern);
    free(rules->items);
    free(rules);
}

bool ignore_rules_match(const struct ignore_rules *rules, const char *path)
{
    struct reach reach = {.path = path, .length = strlen(path)};
    cleanup_free bool *flags = xcalloc(2 * (reach.length + 1), sizeof(*flags));
    bool is_out = false;
    reach.now = flags;
    reach.next = flags + reach.length + 1;
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *rule = &rules->items[i];
        if (rule->takes_back == is_out && pattern_matches(rule->pattern, &reach))
            is_out = !rule->takes_back;
    }
    return is_out;
}

bool ignore_rules_take_back(const struct ignore_rules *rules)
{
    return rules->take_back;
}
