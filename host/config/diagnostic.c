#include "config/diagnostic.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/log.h"
#include "base/strbuf.h"

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#define DIAGNOSTICS_MAX   1000
#define SOURCE_SHOWN_MAX  160 /* bytes of a source line that are shown */
#define SOURCE_BEFORE_MAX 80 /* of these, bytes before the caret when a line has to be cut */
#define SOURCE_FILE_MAX   (16L * 1 << 20) /* the search for the line ends here */

static const char *const severity_names[] = {NULL, "error", "warning", "note"};

static char *copy(const char *text)
{
    return text ? xstrdup(text) : NULL;
}

/* Makes room for one more entry; NULL when the list is full. */
static struct diagnostic *next_slot(struct diagnostics *list)
{
    if (list->count >= DIAGNOSTICS_MAX)
        return NULL;
    list->items = xgrow(list->items, list->count, sizeof(*list->items));
    return &list->items[list->count++];
}

void diagnostics_add(struct diagnostics *list, const struct diagnostic *item)
{
    struct diagnostic *slot = next_slot(list);
    if (!slot)
        return;
    *slot = (struct diagnostic){
        .severity = item->severity,
        .function = copy(item->function),
        .file = copy(item->file),
        .line = item->line,
        .column = item->column,
        .message = copy(item->message),
        .hint = copy(item->hint),
        .option = copy(item->option),
    };
}

void diagnostics_move(struct diagnostics *to, struct diagnostics *from)
{
    for (size_t i = 0; i < from->count; i++) {
        struct diagnostic *slot = next_slot(to);
        if (slot)
            *slot = from->items[i];
        else
            diagnostic_clear(&from->items[i]);
    }
    free(from->items);
    *from = (struct diagnostics){0};
}

void diagnostics_clear(struct diagnostics *list)
{
    for (size_t i = 0; i < list->count; i++)
        diagnostic_clear(&list->items[i]);
    free(list->items);
    *list = (struct diagnostics){0};
}

size_t diagnostics_errors(const struct diagnostics *list, const char *function)
{
    size_t errors = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct diagnostic *item = &list->items[i];
        if (item->severity != SEVERITY_ERROR)
            continue;
        if (!function || (item->function && strcmp(item->function, function) == 0))
            errors++;
    }
    return errors;
}

void diagnostic_clear(struct diagnostic *item)
{
    free(item->function);
    free(item->file);
    free(item->message);
    free(item->hint);
    free(item->option);
    *item = (struct diagnostic){0};
}

/* Appends `text` with every control character but a tab made visible: what comes from a user's file must not
 * steer a terminal or start a new line. */
static void append_printable(struct strbuf *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        bool control = ((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f;
        strbuf_append(out, control ? "?" : p, 1);
    }
}

void diagnostic_render_line(const struct diagnostic *item, struct strbuf *out)
{
    if (item->file) {
        append_printable(out, item->file);
        strbuf_append_text(out, ":");
    }
    if (item->file && item->line) {
        strbuf_append_format(out, "%u:", item->line);
        if (item->column)
            strbuf_append_format(out, "%u:", item->column);
    }
    if (item->file)
        strbuf_append_text(out, " ");
    strbuf_append_format(out, "%s: ", severity_names[item->severity]);
    append_printable(out, item->message ? item->message : "");
}

static FILE *open_source(const char *path)
{
    cleanup_close int fd = -1;
    if (fs_open_plain(AT_FDCWD, path, 0, &fd, NULL, NULL) < 0)
        return NULL;
    FILE *file = fdopen(fd, "r");
    if (file)
        steal_fd(&fd);
    return file;
}

/* Reads past the line ends before `line`, and past a byte order mark. False when the file has no such line.
 */
static bool skip_to_line(FILE *file, unsigned line, long *budget)
{
    char mark[3];
    if (fread(mark, 1, 3, file) != 3 || memcmp(mark, "\xef\xbb\xbf", 3) != 0)
        rewind(file);
    for (unsigned current = 1; current < line;) {
        int c = getc_unlocked(file);
        if (c == EOF || --*budget < 0)
            return false;
        if (c == '\n')
            current++;
    }
    return true;
}

/* Reads the part of the source line around byte `column` (from 1). *ret_column becomes the column within the
 * part. */
static bool read_source(const struct diagnostic *item, char part[SOURCE_SHOWN_MAX + 1], unsigned *ret_column)
{
    cleanup_file FILE *file = open_source(item->file);
    long budget = SOURCE_FILE_MAX;
    if (!file || !skip_to_line(file, item->line, &budget))
        return false;
    unsigned start = item->column > SOURCE_SHOWN_MAX - 40 ? item->column - SOURCE_BEFORE_MAX : 0;
    unsigned position = 0;
    size_t length = 0;
    int c;
    while (length < SOURCE_SHOWN_MAX && --budget >= 0 && (c = getc_unlocked(file)) != EOF && c != '\n') {
        bool inside_character = length == 0 && start > 0 && ((unsigned)c & 0xc0u) == 0x80u;
        if (position++ >= start && !inside_character)
            part[length++] = c == '\0' || c == '\r' ? ' ' : (char)c;
        else if (inside_character && position > start)
            start++;
    }
    while (length > 0 && part[length - 1] == ' ')
        length--;
    part[length] = '\0';
    *ret_column = item->column - start;
    return length > 0;
}

/* The caret's line: as wide as what stands before the column, tabs kept. */
static void append_caret(struct strbuf *out, const char *part, unsigned column)
{
    for (unsigned i = 0; i + 1 < column; i++) {
        if (!part[i]) {
            strbuf_append_format(out, "%*s", (int)(column - 1 - i), "");
            break;
        }
        if (part[i] == '\t')
            strbuf_append_text(out, "\t");
        else if (((unsigned char)part[i] & 0xc0u) != 0x80u)
            strbuf_append_text(out, " ");
    }
    strbuf_append_text(out, "^\n");
}

void diagnostic_render(const struct diagnostic *item, struct strbuf *out)
{
    diagnostic_render_line(item, out);
    strbuf_append_text(out, "\n");
    char part[SOURCE_SHOWN_MAX + 1];
    unsigned column;
    if (item->file && item->line && read_source(item, part, &column)) {
        append_printable(out, part);
        strbuf_append_text(out, "\n");
        if (item->column && column <= SOURCE_SHOWN_MAX)
            append_caret(out, part, column);
    }
    if (item->hint && *item->hint) {
        strbuf_append_text(out, "  hint: ");
        append_printable(out, item->hint);
        strbuf_append_text(out, "\n");
    }
}

void diagnostic_log(const char *event, const struct diagnostic *item)
{
    enum log_level level = item->severity == SEVERITY_NOTE ? LOG_INFO : LOG_WARNING;
    struct log_field fields[9] = {LOG_STR("function", item->function),
                                  LOG_STR("severity", severity_names[item->severity]),
                                  LOG_STR("file", item->file)};
    size_t count = 3;
    if (item->line)
        fields[count++] = LOG_INT("line", item->line);
    if (item->column)
        fields[count++] = LOG_INT("column", item->column);
    fields[count++] = LOG_STR("message", item->message);
    fields[count++] = LOG_STR("hint", item->hint);
    fields[count] = LOG_STR("option", item->option);
    log_write(level, LOG_CHANGE, event, fields);
}

/* Sets a text member; a file's name may be any bytes. */
static void set_text(json_t *object, const char *name, const char *text)
{
    if (text)
        json_object_set_new(object, name, json_text(text));
}

json_t *diagnostic_to_json(const struct diagnostic *item)
{
    json_t *json = json_object();
    set_text(json, "severity", severity_names[item->severity]);
    set_text(json, "function", item->function);
    set_text(json, "file", item->file);
    if (item->line)
        json_object_set_new(json, "line", json_integer(item->line));
    if (item->column)
        json_object_set_new(json, "column", json_integer(item->column));
    set_text(json, "message", item->message);
    set_text(json, "hint", item->hint);
    set_text(json, "option", item->option);
    return json;
}

/* An optional text: 0 with *ret_text NULL when it is not there, -1 when it is something else. */
static int get_text(const json_t *json, const char *name, const char **ret_text)
{
    const json_t *value = json_object_get(json, name);
    if (value && !json_is_string(value))
        return -1;
    *ret_text = json_string_value(value);
    return 0;
}

static int get_number(const json_t *json, const char *name, unsigned *ret_number)
{
    const json_t *value = json_object_get(json, name);
    if (!value) {
        *ret_number = 0;
        return 0;
    }
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0 || number > INT_MAX)
        return -1;
    *ret_number = (unsigned)number;
    return 0;
}

static int severity_parse(const char *name, enum severity *ret_severity)
{
    for (int i = SEVERITY_ERROR; name && i <= SEVERITY_NOTE; i++) {
        if (strcmp(name, severity_names[i]) == 0) {
            *ret_severity = (enum severity)i;
            return 0;
        }
    }
    return -1;
}

json_t *diagnostics_to_json(const struct diagnostics *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        json_array_append_new(array, diagnostic_to_json(&list->items[i]));
    return array;
}

int diagnostic_from_json(const json_t *json, struct diagnostic *ret_item)
{
    struct diagnostic item = {0};
    const char *severity, *function, *file, *message, *hint, *option;
    if (!json_is_object(json) || get_text(json, "severity", &severity) < 0 ||
        severity_parse(severity, &item.severity) < 0 || get_text(json, "function", &function) < 0 ||
        get_text(json, "file", &file) < 0 || get_number(json, "line", &item.line) < 0 ||
        get_number(json, "column", &item.column) < 0 || get_text(json, "message", &message) < 0 || !message ||
        get_text(json, "hint", &hint) < 0 || get_text(json, "option", &option) < 0)
        return -1;
    item.function = copy(function);
    item.file = copy(file);
    item.message = copy(message);
    item.hint = copy(hint);
    item.option = copy(option);
    *ret_item = item;
    return 0;
}
