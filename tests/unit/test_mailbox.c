/* Mail from thread to thread. */
#include "base/mailbox.h"

#include "base/alloc.h"
#include "base/error.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct letter {
    struct mail mail;
    unsigned sender, number;
};

struct inbox {
    struct mailbox box;
    unsigned next[4]; /* the number that each sender sends next */
    unsigned received;
};

static void receive(struct mail *mail, void *owner)
{
    struct inbox *inbox = owner;
    struct letter *letter = (struct letter *)mail;
    assert_int_equal(letter->number, inbox->next[letter->sender]);
    inbox->next[letter->sender]++;
    inbox->received++;
    free(letter);
}

#define LETTERS 20000

struct sender {
    struct inbox *inbox;
    unsigned index;
};

static void *send_letters(void *argument)
{
    const struct sender *sender = argument;
    for (unsigned i = 0; i < LETTERS; i++) {
        struct letter *letter = xcalloc(1, sizeof(*letter));
        *letter = (struct letter){{.deliver = receive}, sender->index, i};
        mailbox_post(&sender->inbox->box, &letter->mail);
    }
    return NULL;
}

static void test_mailbox_across_threads(void **state)
{
    (void)state;
    struct inbox inbox = {0};
    struct error err;
    pthread_t threads[4];
    struct sender senders[4];
    assert_int_equal(mailbox_init(&inbox.box, &err), 0);
    for (unsigned i = 0; i < 4; i++) {
        senders[i] = (struct sender){&inbox, i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_letters, &senders[i]), 0);
    }
    while (inbox.received < 4 * LETTERS) {
        struct pollfd wait = {.fd = inbox.box.fd, .events = POLLIN};
        assert_int_equal(poll(&wait, 1, 10000), 1);
        mailbox_deliver(&inbox.box, &inbox);
    }
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_false(mailbox_deliver(&inbox.box, &inbox));
    mailbox_clear(&inbox.box);
    assert_int_equal(inbox.box.fd, -1);
}

struct echo {
    struct mail mail;
    struct mailbox *box;
    unsigned deliveries;
};

static void post_again(struct mail *mail, void *owner)
{
    struct echo *echo = (struct echo *)mail;
    (void)owner;
    if (++echo->deliveries < 3)
        mailbox_post(echo->box, mail);
}

static void test_mail_posted_during_delivery_waits(void **state)
{
    (void)state;
    struct mailbox box;
    struct error err;
    assert_int_equal(mailbox_init(&box, &err), 0);
    struct echo echo = {.mail.deliver = post_again, .box = &box};
    mailbox_post(&box, &echo.mail);
    for (unsigned i = 1; i <= 3; i++) {
        struct pollfd wait = {.fd = box.fd, .events = POLLIN};
        assert_int_equal(poll(&wait, 1, 0), 1);
        assert_true(mailbox_deliver(&box, NULL));
        assert_int_equal(echo.deliveries, i);
    }
    assert_false(mailbox_deliver(&box, NULL));
    mailbox_clear(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mailbox_across_threads),
        cmocka_unit_test(test_mail_posted_during_delivery_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
