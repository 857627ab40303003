/* Whether there is anything to make rules with. */
#ifndef FIREWALL_PROGRAM_KERNEL_PROBE_H
#define FIREWALL_PROGRAM_KERNEL_PROBE_H

/* NULL: the kernel has nf_tables. Else what it lacks, for the daemon's log; the caller frees it. */
char *kernel_probe(void);

#endif
