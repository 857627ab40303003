/* The program berth-firewall as a child of this process. Any thread. */
#ifndef FIREWALL_FIREWALL_PROCESS_H
#define FIREWALL_FIREWALL_PROCESS_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/types.h>

struct firewall_process {
    pid_t pid; /* 0: there is none */
    int pidfd;
};

/* Whether a child of this process could change the rules that the interface's packets meet. */
bool firewall_process_can(const char *interface);

/* *ret_fd: its standard input, a socket that does not block, which the caller closes. */
int firewall_process_start(const char *program, const char *table, struct firewall_process *ret_process,
                           int *ret_fd, struct error *err);

/* Waits for it to end, which it does when its socket is closed, and kills it when it does not. */
void firewall_process_end(struct firewall_process *process);

#endif
