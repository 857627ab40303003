#include "admin/admin_handlers.h"

#include "admin/admin_work.h"
#include "admin/call_question.h"
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "config/registry.h"
#include "store/call_check.h"
#include "store/call_store.h"

#include <stdlib.h>

/* First what the calls thread knows, then, in the background, what reading all of the store shows. */
struct checked {
    char *dir;
    struct call_sums sums;
    char **lines; /* what is wrong; NULL: it cannot be told, for the reason in `failure` */
    struct error failure;
};

static void free_checked(void *context)
{
    struct checked *checked = context;
    texts_free(checked->lines);
    free(checked->dir);
    free(checked);
}

static void read_store(void *context)
{
    struct checked *checked = context;
    call_store_check(checked->dir, &checked->lines, &checked->failure);
}

static void answer_checked(struct admin_call *call, void *context)
{
    const struct checked *checked = context;
    const struct host_settings *host = call->parts->host;
    json_t *problems;
    int64_t count = 0;
    if (!checked->lines) {
        admin_call_refuse(call, &checked->failure);
        return;
    }
    problems = json_array();
    for (char **line = checked->lines; *line; line++)
        json_array_append_new(problems, json_text(*line));
    for (unsigned state = 0; state < CALL_STATE_COUNT; state++)
        count += checked->sums.by_state[state];
    admin_call_json(call, HTTP_OK,
                    json_pack("{s:o, s:I, s:I, s:I, s:I, s:I}", "problems", problems, "calls",
                              (json_int_t)count, "waiting", (json_int_t)checked->sums.by_state[CALL_WAITING],
                              "waiting_max", (json_int_t)host->calls_max, "bytes",
                              (json_int_t)checked->sums.bytes, "bytes_max",
                              (json_int_t)host->calls_disk_bytes));
}

static const struct admin_job reading_job = {
    .work = read_store, .answer = answer_checked, .free = free_checked};

static int measure(struct calls *calls, struct call_store *store, void *context, bool *ret_durable,
                   struct error *err)
{
    struct checked *checked = context;
    (void)calls, (void)ret_durable, (void)err;
    call_store_sums(store, &checked->sums);
    checked->dir = xstrdup(call_store_dir(store));
    return 0;
}

static void begin_reading(struct admin_call *call, void *context)
{
    struct checked *measured = context, *checked = xcalloc(1, sizeof(*checked));
    *checked = (struct checked){.dir = steal(&measured->dir), .sums = measured->sums};
    admin_call_work(call, 0, &reading_job, checked);
}

static const struct call_job check_job = {.work = measure, .answer = begin_reading, .free = free_checked};

void get_calls_check(struct admin_call *call)
{
    admin_call_ask(call, &check_job, xcalloc(1, sizeof(struct checked)));
}
