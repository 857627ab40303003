#include "cli/findings.h"

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "cli/members.h"
#include "config/diagnostic.h"

#include <string.h>

#define RENDERED_MAX (1u << 16)

void findings_print(FILE *stream, const json_t *findings)
{
    const json_t *finding;
    size_t i;
    json_array_foreach(findings, i, finding)
    {
        struct diagnostic item;
        if (diagnostic_from_json(finding, &item) < 0)
            continue;
        cleanup_strbuf struct strbuf text;
        strbuf_init(&text, RENDERED_MAX);
        diagnostic_render(&item, &text);
        fputs(strbuf_text(&text), stream);
        diagnostic_clear(&item);
    }
}

size_t findings_errors(const json_t *findings)
{
    size_t i, errors = 0;
    const json_t *finding;
    json_array_foreach(findings, i, finding) errors += strcmp(member_text(finding, "severity"), "error") == 0;
    return errors;
}
