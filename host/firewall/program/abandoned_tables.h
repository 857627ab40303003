/*
 * Tables of daemons that have ended and left them, for instances that they may go on with. Their rules are of
 * the host as it was then, and what they refuse nobody else can let through: a port that is published since
 * would stay closed to every function on the same network. So whoever makes rules for that network makes
 * those tables anew as well.
 *
 * That a program looks after a table is shown by an abstract socket of the table's name, which is seen as far
 * as the table is: in its network namespace.
 */
#ifndef FIREWALL_PROGRAM_ABANDONED_TABLES_H
#define FIREWALL_PROGRAM_ABANDONED_TABLES_H

struct kernel_rules;

/* Returns the descriptor that shows that the table `name` is looked after; -1 with errno: it cannot be shown,
 * with EADDRINUSE because somebody else does. */
int abandoned_tables_claim(const char *name);

/* Has `commands`, which have made the table `name`, make those as well that have no rules but for interfaces
 * which they name. */
void abandoned_tables_renew(struct kernel_rules *rules, const char *name, const char *commands);

#endif
