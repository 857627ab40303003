#include "plugin_test/findings.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"

#include <string.h>
#include <sys/stat.h>

#define FILE_MAX (64u << 20)

/* A line and its length; NULL when there are not as many. The one behind the last newline counts too. */
static const char *find_line(const char *text, size_t size, unsigned line, size_t *ret_length)
{
    const char *at = text, *end = text + size;
    for (unsigned i = 1; i < line; i++) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (!at)
            return NULL;
        at++;
    }
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    *ret_length = (size_t)((newline ? newline : end) - at);
    return at;
}

static bool has_control(const char *text)
{
    for (const char *p = text; p && *p; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return true;
    }
    return false;
}

static void wrong(struct outcome *outcome, const struct diagnostic *item, const char *advice,
                  const char *what)
{
    const char *slash = item->file ? strrchr(item->file, '/') : NULL;
    outcome_fail(outcome, advice, "the finding \"%.200s\" (%.100s:%u:%u) %s", item->message,
                 slash ? slash + 1 : "no file", item->line, item->column, what);
}

static bool is_place_sound(const struct diagnostic *item, struct outcome *outcome)
{
    static const char places[] = "lines and columns count from 1, columns in bytes; 0 is none";
    cleanup_free char *text = NULL;
    size_t size, length;
    struct stat status;
    if (item->line == 0)
        return true;
    if (stat(item->file, &status) < 0 || !S_ISREG(status.st_mode)) {
        wrong(outcome, item, "name the file relative to the function's folder",
              "is about a line of what is no file");
        return false;
    }
    if (fs_read_file(item->file, FILE_MAX, &text, &size, NULL) < 0)
        return true;
    if (!find_line(text, size, item->line, &length)) {
        wrong(outcome, item, places, "is about a line that the file has not");
        return false;
    }
    if (item->column > length + 1) {
        wrong(outcome, item, places, "is about a column behind the end of its line");
        return false;
    }
    return true;
}

static bool is_option_known(const struct diagnostic *item, const struct language *language)
{
    for (size_t i = 0; item->option && i < language->option_count; i++) {
        if (strcmp(language->options[i].name, item->option) == 0)
            return true;
    }
    return !item->option;
}

static bool is_sound(const struct diagnostic *item, const char *folder, const struct language *language,
                     struct outcome *outcome)
{
    if (has_control(item->message) || has_control(item->hint)) {
        wrong(outcome, item, "say it in one sentence; show what cannot be printed in another way",
              "has control characters in it");
        return false;
    }
    if (item->line > 0 && !item->file) {
        wrong(outcome, item, "name the file, or give no line", "has a line, and no file");
        return false;
    }
    if (item->file && !fs_is_within(item->file, folder)) {
        wrong(outcome, item, "name the file relative to the function's folder",
              "is about a file that is elsewhere");
        return false;
    }
    if (!is_option_known(item, language)) {
        wrong(outcome, item, "name the option as it is declared", "is about an option that is not declared");
        return false;
    }
    return is_place_sound(item, outcome);
}

bool findings_are_sound(const struct diagnostics *findings, const char *folder,
                        const struct language *language, struct outcome *outcome)
{
    for (size_t i = 0; i < findings->count; i++) {
        if (!is_sound(&findings->items[i], folder, language, outcome))
            return false;
    }
    return true;
}
