/* Whether somebody may have changed a table: the kernel tells every change of its rules to whoever listens.
 */
#ifndef FIREWALL_PROGRAM_RULE_WATCH_H
#define FIREWALL_PROGRAM_RULE_WATCH_H

#include <stdbool.h>

struct rule_watch;

/* Of the table `name`, which is borrowed. NULL with errno: it cannot be watched. */
struct rule_watch *rule_watch_open(const char *name);
void rule_watch_close(struct rule_watch *watch);

/* Readable when there is something to take. */
int rule_watch_descriptor(const struct rule_watch *watch);

/* Takes what has been told, without waiting. True: some of it was about the table, or too much was told. */
bool rule_watch_take(struct rule_watch *watch);

#endif
