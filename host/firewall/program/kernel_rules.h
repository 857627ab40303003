/* The kernel's rules (nf_tables), by commands in the words of nft(8). */
#ifndef FIREWALL_PROGRAM_KERNEL_RULES_H
#define FIREWALL_PROGRAM_KERNEL_RULES_H

struct kernel_rules;

/* `table` is borrowed: "inet NAME". NULL: there is no memory. */
struct kernel_rules *kernel_rules_open(const char *table);
void kernel_rules_close(struct kernel_rules *rules);

/* All of the commands or none. NULL, or why not: what the kernel or the library said, valid until the next
 * call. */
const char *kernel_rules_run(struct kernel_rules *rules, const char *commands);

/* How a table ("inet NAME") is, elements of sets that come and go left out. NULL: it is not there. The caller
 * frees it. */
char *kernel_rules_list(struct kernel_rules *rules, const char *table);

/* A line "table inet NAME" for each. NULL: they cannot be listed. The caller frees it. */
char *kernel_rules_list_tables(struct kernel_rules *rules);

/* Notes how the table is now. */
void kernel_rules_note(struct kernel_rules *rules);

/* Whether it is still as it was noted. */
int kernel_rules_are_noted(struct kernel_rules *rules);

#endif
