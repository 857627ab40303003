#include "fleet/finding.h"

#include "base/strbuf.h"

#define RENDERED_MAX 4096

void finding_quote_first(const struct diagnostics *findings, struct error *err)
{
    for (size_t i = 0; i < findings->count; i++) {
        if (findings->items[i].severity != SEVERITY_ERROR)
            continue;
        cleanup_strbuf struct strbuf line;
        strbuf_init(&line, RENDERED_MAX);
        diagnostic_render_line(&findings->items[i], &line);
        error_set(err, err->component, err->reason, "%s", strbuf_text(&line));
        error_hint(err, "run berthd --check for all findings");
        return;
    }
}
