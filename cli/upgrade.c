/* berth upgrade: another program in the place of the daemon. */
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "cli/client.h"
#include "cli/members.h"
#include "cli/run_commands.h"

#include <stdio.h>

static void print_outcome(const struct arguments *arguments, const json_t *answer)
{
    (void)arguments;
    const char *from = member_text(answer, "from"), *to = member_text(answer, "to");
    long long finishing = member_number(answer, "finishing");
    printf("berthd %s serves in the place of %s (process %lld), after %lld ms.\n", to, from,
           member_number(answer, "pid"), member_number(answer, "took_ms"));
    if (finishing > 0)
        printf("The one before still finishes %lld request%s.\n", finishing, finishing == 1 ? "" : "s");
}

int run_upgrade(const struct arguments *arguments)
{
    const char *limit = arguments_value(arguments, "limit");
    cleanup_strbuf struct strbuf path;
    strbuf_init(&path, CLIENT_PATH_MAX);
    strbuf_append_text(&path, "/berth/upgrade?wait=1");
    if (limit)
        client_add_parameter(&path, "timeout", limit);
    return client_show(arguments, "POST", strbuf_text(&path), print_outcome);
}
