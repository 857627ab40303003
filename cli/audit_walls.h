/* The parts of an audit that say what a function's containers are given, and what they may do: of the answer
 * of /berth/functions/<name>/audit, to standard output. */
#ifndef CLI_AUDIT_WALLS_H
#define CLI_AUDIT_WALLS_H

#include <jansson.h>
#include <stdbool.h>

/* What can be read and written. */
void audit_print_files(const json_t *audit);

/* Whether the container that the audit is of may write to a folder of this host. */
bool audit_writes_volumes(const json_t *container);

/* Secrets and variables, by their names. */
void audit_print_given(const json_t *audit);

/* Who its processes are, and what they may do. */
void audit_print_rights(const json_t *audit);

void audit_print_limits(const json_t *audit);

#endif
