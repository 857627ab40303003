#include "cli/kernel_tables.h"

#include "base/alloc.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_SIZE (1 << 16)

static int on_table(const struct nlmsghdr *message, void *context)
{
    struct kernel_tables *tables = context;
    const struct nlattr *attribute;
    mnl_attr_for_each(attribute, message, sizeof(struct nfgenmsg))
    {
        if (mnl_attr_get_type(attribute) != NFTA_TABLE_NAME ||
            mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) < 0)
            continue;
        tables->names = xgrow(tables->names, tables->count, sizeof(*tables->names));
        tables->names[tables->count++] = xstrdup(mnl_attr_get_str(attribute));
    }
    return MNL_CB_OK;
}

static int ask(const struct mnl_socket *socket)
{
    char buffer[MNL_NLMSG_HDRLEN + sizeof(struct nfgenmsg)] = {0};
    struct nlmsghdr *question = mnl_nlmsg_put_header(buffer);
    question->nlmsg_type = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETTABLE;
    question->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    struct nfgenmsg *family = mnl_nlmsg_put_extra_header(question, sizeof(*family));
    *family = (struct nfgenmsg){.nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0};
    return mnl_socket_sendto(socket, question, question->nlmsg_len) < 0 ? -1 : 0;
}

static int take(const struct mnl_socket *socket, struct kernel_tables *tables)
{
    char buffer[ANSWER_SIZE];
    for (int more = MNL_CB_OK; more > MNL_CB_STOP;) {
        ssize_t size = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
        if (size < 0)
            return -1;
        more = mnl_cb_run(buffer, (size_t)size, 0, 0, on_table, tables);
        if (more < 0)
            return -1;
    }
    return 0;
}

int kernel_tables_list(struct kernel_tables *ret_tables, struct error *err)
{
    struct kernel_tables tables = {0};
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
    bool is_listed = socket && mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 && ask(socket) == 0 &&
                     take(socket, &tables) == 0;
    int number = errno;
    if (socket)
        mnl_socket_close(socket);
    if (is_listed) {
        *ret_tables = tables;
        return 0;
    }
    kernel_tables_clear(&tables);
    return error_errno(err, COMPONENT_FIREWALL, number,
                       number == EPERM ? "root alone may list the kernel's tables"
                                       : "the kernel does not tell its tables");
}

void kernel_tables_clear(struct kernel_tables *tables)
{
    for (size_t i = 0; i < tables->count; i++)
        free(tables->names[i]);
    free(tables->names);
    *tables = (struct kernel_tables){0};
}
