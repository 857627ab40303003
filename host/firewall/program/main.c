/*
 * berth-firewall TABLE [SOCKET]: changes the kernel's rules as the daemon says (firewall_message.h), over its
 * standard input or the socket that it finds at a path, and tells when somebody else has changed them. It can
 * do that and nothing else. Ends when the daemon does, and then leaves the rules unless it was told to remove
 * them.
 */
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "firewall/firewall_message.h"
#include "firewall/program/abandoned_tables.h"
#include "firewall/program/kernel_probe.h"
#include "firewall/program/kernel_rules.h"
#include "firewall/program/rule_watch.h"

#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

struct program {
    int fd; /* to the daemon */
    const char *name; /* of the table */
    char *table; /* "inet NAME" */
    int claim; /* shows that the table is looked after; -1: it is not shown yet */
    struct kernel_rules *rules;
    struct rule_watch *watch; /* NULL: changes cannot be watched */
    bool is_made; /* the table is as the daemon has said, as far as is known */
    bool is_over;
};

/* Keeps the one right that changing rules takes. */
static int drop_rights(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct sets[2] = {{0}};
    sets[CAP_TO_INDEX(CAP_NET_ADMIN)].effective = CAP_TO_MASK(CAP_NET_ADMIN);
    sets[CAP_TO_INDEX(CAP_NET_ADMIN)].permitted = CAP_TO_MASK(CAP_NET_ADMIN);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capset, &head, sets) < 0) {
        fprintf(stderr, "berth-firewall: may not change rules: %s\n", strerror(errno));
        return -1;
    }
    return 0;
}

static int find_daemon(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!path)
        return STDIN_FILENO;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        fprintf(stderr, "berth-firewall: cannot connect to %s: %s\n", path, strerror(errno));
        return -1;
    }
    return fd;
}

/* A daemon that does not listen any more has ended, which is seen when its next word is read. */
static void tell(struct program *program, enum firewall_word word, const char *text)
{
    size_t size = strnlen(text, FIREWALL_TEXT_MAX);
    const struct firewall_head head = {.word = word, .size = (uint32_t)size};
    if (fs_write_all(program->fd, &head, sizeof(head)) == 0)
        fs_write_all(program->fd, text, size);
}

/* False: the daemon has ended. */
static bool read_all(int fd, void *bytes, size_t size)
{
    for (char *at = bytes; size > 0;) {
        ssize_t count = read(fd, at, size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        at += count;
        size -= (size_t)count;
    }
    return true;
}

static void answer(struct program *program, const char *problem)
{
    tell(program, problem ? FIREWALL_FAILED : FIREWALL_DONE, problem ? problem : "");
}

/* A program before this one may still be there, so it is tried again each time. */
static void claim(struct program *program)
{
    if (program->claim < 0)
        program->claim = abandoned_tables_claim(program->name);
}

/* What the kernel tells of one's own change is taken before the table is noted. */
static void make(struct program *program, const char *commands, size_t size)
{
    size_t length = strlen(commands);
    const char *usual = length < size ? commands + length + 1 : commands;
    claim(program);
    const char *problem = kernel_rules_run(program->rules, commands);
    program->is_made = !problem;
    if (!problem) {
        if (program->watch)
            rule_watch_take(program->watch);
        kernel_rules_note(program->rules);
        abandoned_tables_renew(program->rules, program->name, usual);
    }
    answer(program, problem);
}

/* Elements of sets are no part of what is noted. */
static void change(struct program *program, const char *commands)
{
    answer(program, kernel_rules_run(program->rules, commands));
}

static void finish(struct program *program)
{
    cleanup_free char *commands = xasprintf("table %s\ndelete table %s\n", program->table, program->table);
    answer(program, kernel_rules_run(program->rules, commands));
    program->is_over = true;
}

static void obey(struct program *program)
{
    struct firewall_head head;
    if (!read_all(program->fd, &head, sizeof(head)) || head.size > FIREWALL_TEXT_MAX) {
        program->is_over = true;
        return;
    }
    cleanup_free char *text = xcalloc(1, head.size + 1);
    if (!read_all(program->fd, text, head.size))
        program->is_over = true;
    else if (head.word == FIREWALL_RULES)
        make(program, text, head.size);
    else if (head.word == FIREWALL_CHANGE)
        change(program, text);
    else
        finish(program);
}

static void look_after(struct program *program)
{
    if (!rule_watch_take(program->watch) || !program->is_made || kernel_rules_are_noted(program->rules))
        return;
    program->is_made = false;
    tell(program, FIREWALL_LOST, "");
}

static void serve(struct program *program)
{
    struct pollfd places[] = {
        {.fd = program->fd, .events = POLLIN},
        {.fd = program->watch ? rule_watch_descriptor(program->watch) : -1, .events = POLLIN},
    };
    while (!program->is_over) {
        if (poll(places, 2, -1) < 0 && errno != EINTR)
            return;
        if (places[1].revents)
            look_after(program);
        if (places[0].revents)
            obey(program);
    }
}

/* The library would end the program where the kernel has nothing for it; so the daemon is told. */
static void serve_without(struct program *program, const char *problem)
{
    struct firewall_head head;
    while (read_all(program->fd, &head, sizeof(head)) && head.size <= FIREWALL_TEXT_MAX) {
        cleanup_free char *text = xcalloc(1, head.size + 1);
        if (!read_all(program->fd, text, head.size) || head.word != FIREWALL_RULES)
            return;
        answer(program, problem);
    }
}

static void serve_kernel(struct program *program)
{
    program->table = xasprintf("inet %s", program->name);
    program->rules = kernel_rules_open(program->table);
    if (program->rules) {
        program->watch = rule_watch_open(program->name);
        serve(program);
        rule_watch_close(program->watch);
        kernel_rules_close(program->rules);
    }
    free(program->table);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: berth-firewall TABLE [SOCKET]\n");
        return EXIT_FAILURE;
    }
    signal(SIGPIPE, SIG_IGN);
    struct program program = {.fd = find_daemon(argv[2]), .name = argv[1], .claim = -1};
    if (program.fd < 0 || drop_rights() < 0)
        return EXIT_FAILURE;
    cleanup_free char *problem = kernel_probe();
    if (problem)
        serve_without(&program, problem);
    else
        serve_kernel(&program);
    return EXIT_SUCCESS;
}
