#include "admin/json_text.h"

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/utf8.h"

json_t *json_text(const char *text)
{
    if (!text)
        return json_null();
    cleanup_free char *repaired = xstrdup(text);
    utf8_repair(repaired);
    return json_string(repaired);
}
