/* What becomes of requests that wait in a pool which will not serve them: they are told why. */
#include "routing/slot_pool.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct request {
    struct slot_waiter waiter; /* first, so that its mail leads back to it */
    unsigned mails;
};

static const struct error removed = {ERROR_REMOVED, COMPONENT_FLEET, "the function has been removed", ""};

static void on_mail(struct mail *mail, void *owner)
{
    (void)owner;
    ((struct request *)mail)->mails++;
}

static enum slot_acquire ask(struct slot_pool *pool, struct mailbox *inbox, struct request *request)
{
    struct slot *slot;
    *request = (struct request){.waiter = {.mail.deliver = on_mail, .inbox = inbox, .queue_length = 10}};
    return slot_pool_acquire(pool, 0, 1000, &request->waiter, &slot);
}

/* Its mail has come, and it says why. */
static void assert_told(struct mailbox *inbox, struct request *request)
{
    assert_false(slot_pool_cancel(&request->waiter));
    mailbox_deliver(inbox, NULL);
    assert_int_equal(request->mails, 1);
    assert_null(request->waiter.slot);
    assert_string_equal(error_code_slug(request->waiter.error->code), "removed");
    slot_pool_unref(request->waiter.pool);
    free(request->waiter.error);
}

static struct slot_pool *make_pool(struct mailbox *ret_inbox)
{
    static const struct slot_pool_hooks hooks = {0};
    struct error err;
    assert_int_equal(mailbox_init(ret_inbox, &err), 0);
    return slot_pool_create(&hooks);
}

static void a_closed_pool_tells_those_who_wait_and_those_who_come(void **state)
{
    (void)state;
    struct mailbox inbox;
    struct slot_pool *pool = make_pool(&inbox);
    struct request early, late, later;
    assert_int_equal(ask(pool, &inbox, &early), SLOT_QUEUED);
    slot_pool_close(pool, &removed);
    assert_told(&inbox, &early);
    assert_int_equal(ask(pool, &inbox, &late), SLOT_QUEUED);
    assert_told(&inbox, &late);
    slot_pool_close(pool, &removed);
    assert_int_equal(ask(pool, &inbox, &later), SLOT_QUEUED);
    slot_pool_unref(pool); /* the request still has it */
    assert_told(&inbox, &later);
    mailbox_clear(&inbox);
}

static void a_successor_serves_although_the_old_pool_is_closed(void **state)
{
    (void)state;
    struct mailbox inbox, other_inbox;
    struct slot_pool *old = make_pool(&inbox), *successor = make_pool(&other_inbox);
    struct request request;
    slot_pool_replace(old, successor);
    slot_pool_close(old, &removed);
    assert_int_equal(ask(old, &inbox, &request), SLOT_QUEUED);
    assert_ptr_equal(request.waiter.pool, successor);
    assert_true(slot_pool_cancel(&request.waiter));
    assert_int_equal(request.mails, 0);
    slot_pool_unref(old);
    slot_pool_unref(successor);
    mailbox_clear(&inbox);
    mailbox_clear(&other_inbox);
}

static void a_request_that_gives_up_knows_the_limit(void **state)
{
    (void)state;
    struct mailbox inbox;
    struct slot_pool *pool = make_pool(&inbox);
    struct request request;
    assert_int_equal(ask(pool, &inbox, &request), SLOT_QUEUED);
    slot_pool_set_limit(pool, "max_scale");
    assert_true(slot_pool_cancel(&request.waiter));
    assert_string_equal(request.waiter.limit, "max_scale");
    slot_pool_set_limit(pool, NULL);
    assert_int_equal(ask(pool, &inbox, &request), SLOT_QUEUED);
    assert_true(slot_pool_cancel(&request.waiter));
    assert_null(request.waiter.limit);
    slot_pool_unref(pool);
    mailbox_clear(&inbox);
}

static void a_request_that_gives_up_knows_the_trouble(void **state)
{
    (void)state;
    struct mailbox inbox;
    struct slot_pool *pool = make_pool(&inbox);
    struct request request;
    struct error trouble, seen;
    error_set(&trouble, ERROR_DOCKER_UNREACHABLE, "nobody listens");
    assert_int_equal(ask(pool, &inbox, &request), SLOT_QUEUED);
    assert_false(slot_pool_trouble(&request.waiter, &seen));
    slot_pool_set_trouble(pool, &trouble);
    assert_true(slot_pool_trouble(&request.waiter, &seen));
    assert_string_equal(seen.message, "nobody listens");
    slot_pool_set_trouble(pool, NULL);
    assert_false(slot_pool_trouble(&request.waiter, &seen));
    slot_pool_set_trouble(pool, &trouble);
    assert_true(slot_pool_cancel(&request.waiter));
    slot_pool_unref(pool);
    mailbox_clear(&inbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_closed_pool_tells_those_who_wait_and_those_who_come),
        cmocka_unit_test(a_successor_serves_although_the_old_pool_is_closed),
        cmocka_unit_test(a_request_that_gives_up_knows_the_limit),
        cmocka_unit_test(a_request_that_gives_up_knows_the_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
