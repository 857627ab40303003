/*
 * berth-build-job: one JSON request on standard input, one JSON result on descriptor 3 (see reply.h), then it
 * ends. Started by host/prepare/process/build_process.c, which limits its time and tells how it ended;
 * standard output and error are the plugin's.
 *
 * It is two processes. The one that is started is trusted: it watches the other, writes the files that are
 * asked for, and leaves nothing of the other behind (supervisor.h). The other is confined (confine.h), and
 * the only one that loads plugin code (work.h).
 */
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "prepare/job/reply.h"
#include "prepare/job/supervisor.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define REQUEST_MAX (4u << 20)

static json_t *read_request(void)
{
    cleanup_strbuf struct strbuf text;
    strbuf_init(&text, REQUEST_MAX);
    for (;;) {
        char block[16384];
        ssize_t size = read(STDIN_FILENO, block, sizeof(block));
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            break;
        strbuf_append(&text, block, (size_t)size);
    }
    return text.overflowed ? NULL : json_loads(strbuf_text(&text), JSON_REJECT_DUPLICATES, NULL);
}

int main(void)
{
    struct reply reply;
    if (reply_init(&reply) < 0) {
        fputs("berth-build-job is started by berthd, not by hand\n", stderr);
        return 2;
    }
    json_t *request = read_request();
    if (!request)
        return 2;
    supervise(request, &reply);
}
