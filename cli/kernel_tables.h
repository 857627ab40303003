/* The tables that the kernel's nf_tables has. */
#ifndef CLI_KERNEL_TABLES_H
#define CLI_KERNEL_TABLES_H

#include "base/error.h"

#include <stddef.h>

struct kernel_tables {
    char **names;
    size_t count;
};

/* Lists those of the family inet. -1: not everybody may, or the kernel has no nf_tables. The caller clears
 * them. */
int kernel_tables_list(struct kernel_tables *ret_tables, struct error *err);

void kernel_tables_clear(struct kernel_tables *tables);

#endif
