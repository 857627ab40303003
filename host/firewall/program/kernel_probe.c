#include "firewall/program/kernel_probe.h"

#include "base/alloc.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#define ANSWER_SIZE (1 << 14)

/* Asks for the number of the kernel's present set of rules, which every nf_tables has. */
static bool ask(const struct mnl_socket *socket)
{
    char question[MNL_NLMSG_HDRLEN + sizeof(struct nfgenmsg)] = {0}, answer[ANSWER_SIZE];
    struct nlmsghdr *head = mnl_nlmsg_put_header(question);
    head->nlmsg_type = (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETGEN;
    head->nlmsg_flags = NLM_F_REQUEST;
    struct nfgenmsg *family = mnl_nlmsg_put_extra_header(head, sizeof(*family));
    *family = (struct nfgenmsg){.version = NFNETLINK_V0};
    if (mnl_socket_sendto(socket, head, head->nlmsg_len) < 0)
        return false;
    ssize_t size = mnl_socket_recvfrom(socket, answer, sizeof(answer));
    return size >= 0 && mnl_cb_run(answer, (size_t)size, 0, 0, NULL, NULL) >= 0;
}

char *kernel_probe(void)
{
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
    bool has = socket && mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 && ask(socket);
    int number = errno;
    if (socket)
        mnl_socket_close(socket);
    return has ? NULL : xasprintf("this kernel has no nf_tables for it (%s)", strerror(number));
}
