#include "firewall/program/rule_watch.h"

#include "base/alloc.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct rule_watch {
    struct mnl_socket *socket;
    const char *name;
    bool is_meant; /* by what is being read */
};

struct rule_watch *rule_watch_open(const char *name)
{
    int group = NFNLGRP_NFTABLES;
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (!socket)
        return NULL;
    if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
        mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0) {
        int number = errno;
        mnl_socket_close(socket);
        errno = number;
        return NULL;
    }
    struct rule_watch *watch = xcalloc(1, sizeof(*watch));
    watch->socket = socket;
    watch->name = name;
    return watch;
}

void rule_watch_close(struct rule_watch *watch)
{
    if (!watch)
        return;
    mnl_socket_close(watch->socket);
    free(watch);
}

int rule_watch_descriptor(const struct rule_watch *watch)
{
    return mnl_socket_get_fd(watch->socket);
}

/* Whatever a message is about, its first attribute's type is that of the name of the table. */
static int on_message(const struct nlmsghdr *message, void *context)
{
    struct rule_watch *watch = context;
    const struct nlattr *attribute;
    if (NFNL_SUBSYS_ID(message->nlmsg_type) != NFNL_SUBSYS_NFTABLES ||
        NFNL_MSG_TYPE(message->nlmsg_type) == NFT_MSG_NEWGEN)
        return MNL_CB_OK;
    mnl_attr_for_each(attribute, message, sizeof(struct nfgenmsg))
    {
        if (mnl_attr_get_type(attribute) == NFTA_TABLE_NAME &&
            mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0 &&
            strcmp(mnl_attr_get_str(attribute), watch->name) == 0)
            watch->is_meant = true;
    }
    return MNL_CB_OK;
}

bool rule_watch_take(struct rule_watch *watch)
{
    char buffer[1 << 16];
    watch->is_meant = false;
    for (;;) {
        ssize_t size = mnl_socket_recvfrom(watch->socket, buffer, sizeof(buffer));
        if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return watch->is_meant;
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            watch->is_meant = true; /* ENOBUFS: more was told than there was room for */
        else
            mnl_cb_run(buffer, (size_t)size, 0, 0, on_message, watch);
    }
}
