/* What each command of the table does: enum status. */
#ifndef CLI_RUN_COMMANDS_H
#define CLI_RUN_COMMANDS_H

#include "cli/command.h"

/* --- functions.c: what is registered --- */

int run_ls(const struct arguments *arguments);
int run_describe(const struct arguments *arguments);
int run_explain(const struct arguments *arguments);
int run_restart(const struct arguments *arguments);
int run_scale(const struct arguments *arguments);

/* --- audit.c: what one can reach, read, write and use --- */

int run_audit(const struct arguments *arguments);

/* --- history.c: its revisions --- */

int run_history(const struct arguments *arguments);
int run_rollback(const struct arguments *arguments);

/* --- registry.c: its file and the functions' files --- */

int run_new(const struct arguments *arguments);
int run_check(const struct arguments *arguments);
int run_reload(const struct arguments *arguments);
int run_upgrade(const struct arguments *arguments);

/* --- deploy.c: functions that come over the API --- */

int run_deploy(const struct arguments *arguments);
int run_remove(const struct arguments *arguments);

/* --- up.c --- */

int run_up(const struct arguments *arguments);

/* --- invoke.c --- */

int run_invoke(const struct arguments *arguments);

/* --- load/load.c --- */

int run_load(const struct arguments *arguments);

/* --- events.c: what changes --- */

int run_events(const struct arguments *arguments);

/* --- logs.c: what functions write --- */

int run_logs(const struct arguments *arguments);

/* --- requests.c, why.c: what has been called --- */

int run_requests(const struct arguments *arguments);
int run_why(const struct arguments *arguments);

/* --- calls.c: what is done later, and what was given up --- */

int run_calls(const struct arguments *arguments);
int run_calls_show(const struct arguments *arguments);
int run_calls_cancel(const struct arguments *arguments);
int run_dead_ls(const struct arguments *arguments);
int run_dead_redrive(const struct arguments *arguments);
int run_dead_drop(const struct arguments *arguments);

/* --- cron.c: what is called by the clock --- */

int run_cron_ls(const struct arguments *arguments);

/* --- top/top.c --- */

int run_top(const struct arguments *arguments);

/* --- doctor.c --- */

int run_doctor(const struct arguments *arguments);

/* --- volume.c: what functions keep --- */

int run_volume_ls(const struct arguments *arguments);
int run_volume_rm(const struct arguments *arguments);
int run_volume_export(const struct arguments *arguments);
int run_volume_import(const struct arguments *arguments);

/* --- plugin.c --- */

int run_plugin_ls(const struct arguments *arguments);
int run_plugin_test(const struct arguments *arguments);

/* --- secret.c: the secrets of functions --- */

int run_secret_set(const struct arguments *arguments);
int run_secret_ls(const struct arguments *arguments);
int run_secret_rotate(const struct arguments *arguments);
int run_secret_rm(const struct arguments *arguments);

/* --- help.c, completion.c, man_page.c: the table itself --- */

int run_help(const struct arguments *arguments);
int run_completion(const struct arguments *arguments);
int run_complete(const struct arguments *arguments);
int run_man_page(const struct arguments *arguments);

#endif
