/* Findings about a user's files: what `berthd --check` prints and what a broken function's callers are told.
 */
#ifndef CONFIG_DIAGNOSTIC_H
#define CONFIG_DIAGNOSTIC_H

#include "base/strbuf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum severity {
    SEVERITY_ERROR = 1,
    SEVERITY_WARNING = 2,
    SEVERITY_NOTE = 3
}; /* the values of the plugin ABI */

struct diagnostic {
    enum severity severity;
    char *function; /* the function it is about, or NULL for the file as a whole */
    char *file; /* path to show and to read the source line from, or NULL */
    unsigned line; /* from 1; 0: no position */
    unsigned column; /* from 1, in bytes; 0: no column */
    char *message;
    char *hint; /* or NULL */
    char *option; /* the language's own key that it is about, as long as `file` is NULL; or NULL */
};

/* A growing list that owns its entries. Zero-initialised is empty. Not thread-safe. */
struct diagnostics {
    struct diagnostic *items;
    size_t count;
};

/* Appends a copy of `item` (the texts are duplicated). After 1000 entries further ones are dropped. */
void diagnostics_add(struct diagnostics *list, const struct diagnostic *item);

/* Moves all entries of `from` to the end of `to`; `from` is empty afterwards. */
void diagnostics_move(struct diagnostics *to, struct diagnostics *from);

void diagnostics_clear(struct diagnostics *list);

/* Entries of severity error, of `function` or (NULL) of all. */
size_t diagnostics_errors(const struct diagnostics *list, const char *function);

/* One finding as "file:line:column: error: message", then the source line with a caret below the column (when
 * the file can be read), then "  hint: ...". Tabs before the caret are kept so that it stands right. Ends
 * with a newline. */
void diagnostic_render(const struct diagnostic *item, struct strbuf *out);

/* Only the first line of the above, without the newline. */
void diagnostic_render_line(const struct diagnostic *item, struct strbuf *out);

/* Logs it as `event`, with the members of diagnostic_to_json() as fields: a note at level info, anything else
 * as a warning, since others go on serving. */
void diagnostic_log(const char *event, const struct diagnostic *item);

/* {"severity":"error","function":..,"file":..,"line":..,"column":..,"message":..,"hint":..,"option":..};
 * members without a value are left out. The caller owns the result. */
json_t *diagnostic_to_json(const struct diagnostic *item);

/* The list of them. The caller owns it. */
json_t *diagnostics_to_json(const struct diagnostics *list);

/* The reverse of one; -1 when the shape is wrong. `ret_item` then stays untouched; else its texts are owned
 * by the caller (diagnostic_clear). */
int diagnostic_from_json(const json_t *json, struct diagnostic *ret_item);
void diagnostic_clear(struct diagnostic *item);

#endif
