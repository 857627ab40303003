#include "base/mailbox.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int mailbox_init(struct mailbox *box, struct error *err)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return error_errno(err, COMPONENT_BASE, errno, "cannot make an eventfd");
    box->fd = fd;
    box->first = NULL;
    box->last = &box->first;
    pthread_mutex_init(&box->lock, NULL);
    return 0;
}

void mailbox_clear(struct mailbox *box)
{
    close(box->fd);
    box->fd = -1;
    pthread_mutex_destroy(&box->lock);
}

void mailbox_post(struct mailbox *box, struct mail *mail)
{
    mail->next = NULL;
    pthread_mutex_lock(&box->lock);
    bool was_empty = box->first == NULL;
    *box->last = mail;
    box->last = &mail->next;
    /* Inside the lock: once the mail is seen, the owner may end and close the fd. */
    if (was_empty) {
        ssize_t written = write(box->fd, &(uint64_t){1}, sizeof(uint64_t));
        (void)written; /* fails only when the counter is full, and then the fd is readable anyway */
    }
    pthread_mutex_unlock(&box->lock);
}

bool mailbox_deliver(struct mailbox *box, void *owner)
{
    uint64_t count;
    pthread_mutex_lock(&box->lock);
    ssize_t size = read(box->fd, &count, sizeof(count));
    (void)size; /* EAGAIN only says that the box was empty */
    struct mail *mail = box->first;
    box->first = NULL;
    box->last = &box->first;
    pthread_mutex_unlock(&box->lock);

    bool any = mail != NULL;
    while (mail) {
        struct mail *next = mail->next;
        mail->deliver(mail, owner);
        mail = next;
    }
    return any;
}
