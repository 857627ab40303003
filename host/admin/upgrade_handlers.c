#include "admin/admin_handlers.h"
#include "admin/admin_later.h"
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define LIMIT_MAX_S 3600

/* A call that waits for the outcome. */
struct asked {
    struct admin_later later;
    bool is_gone; /* its client has left */
};

static void on_gone(struct admin_later *later)
{
    ((struct asked *)later)->is_gone = true;
}

static void answer(void *question, json_t *outcome, const struct error *failure)
{
    struct asked *asked = question;
    if (asked->is_gone) {
        json_decref(outcome);
        free(asked);
        return;
    }
    struct admin_call call = admin_later_resume(&asked->later, "");
    if (failure)
        admin_call_refuse(&call, failure);
    else
        admin_call_json(&call, HTTP_OK, outcome);
    free(asked);
}

void post_upgrade(struct admin_call *call)
{
    const struct upgrader *upgrader = call->parts->upgrader;
    const char *wait = admin_call_query(call, "wait");
    bool waits = wait && strcmp(wait, "0") != 0;
    struct upgrade_wish wish = {0};
    uint64_t seconds = 0;
    struct error err;
    if (admin_read_number("timeout", admin_call_query(call, "timeout"), LIMIT_MAX_S, &seconds, &err) < 0) {
        admin_call_refuse(call, &err);
        return;
    }
    if (!upgrader) {
        error_set(&err, ERROR_UPGRADE_FAILED, "this daemon has no program that could take its place");
        admin_call_refuse(call, &err);
        return;
    }
    struct asked *asked = waits ? xcalloc(1, sizeof(*asked)) : NULL;
    wish.limit_ms = (unsigned)seconds * 1000;
    wish.done = waits ? answer : NULL;
    wish.question = asked;
    if (upgrader->begin(upgrader->context, &wish, &err) < 0) {
        free(asked);
        admin_call_refuse(call, &err);
    } else if (waits) {
        admin_later_begin(&asked->later, call, on_gone);
    } else {
        admin_call_json(call, ADMIN_ACCEPTED, json_pack("{s:b}", "upgrading", true));
    }
}
