#include "fleet/revision/finding.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strbuf.h"

#include <string.h>

#define RENDERED_MAX 4096

/* A file of the function below its name; any other, such as the registry, by its own name. */
static char *public_file(const char *file, const struct function_settings *settings)
{
    const char *folder = settings->folder ? settings->folder : "";
    size_t length = strlen(folder);
    const char *slash = strrchr(file, '/');
    if (length > 0 && strncmp(file, folder, length) == 0 && file[length] == '/')
        return xasprintf("%s%s", settings->name, file + length);
    return xstrdup(slash ? slash + 1 : file);
}

void finding_quote_first(const struct diagnostics *findings, const struct function_settings *settings,
                         struct error *err)
{
    for (size_t i = 0; i < findings->count; i++) {
        if (findings->items[i].severity != SEVERITY_ERROR)
            continue;
        struct diagnostic shown = findings->items[i];
        cleanup_free char *file = shown.file ? public_file(shown.file, settings) : NULL;
        cleanup_strbuf struct strbuf line;
        strbuf_init(&line, RENDERED_MAX);
        shown.file = file;
        diagnostic_render_line(&shown, &line);
        error_set_in(err, err->component, err->code, "%s", strbuf_text(&line));
        if (settings->deployment)
            error_hint(err, "berth describe %s shows all findings", settings->name);
        else
            error_hint(err, "run berthd --check for all findings");
        return;
    }
}
