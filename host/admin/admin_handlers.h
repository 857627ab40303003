/* The handlers of the management API, each of one row in admin_routes.c. Control thread. */
#ifndef ADMIN_ADMIN_HANDLERS_H
#define ADMIN_ADMIN_HANDLERS_H

#include "admin/admin_call.h"

/* --- host_handlers.c: the daemon itself --- */

void get_health(struct admin_call *call);
void get_metrics(struct admin_call *call);
void get_info(struct admin_call *call);
void get_plugins(struct admin_call *call);
void post_reload(struct admin_call *call);

/* --- upgrade_handlers.c: another program in the place of this one --- */

void post_upgrade(struct admin_call *call);

/* --- openapi.c: what this all is --- */

void get_openapi(struct admin_call *call);

/* --- function_handlers.c: what is registered --- */

/* Of the /system contract. */
void get_system_functions(struct admin_call *call);
void get_system_function(struct admin_call *call);
void post_scale(struct admin_call *call);

/* Of /berth. */
void get_functions(struct admin_call *call);
void get_function(struct admin_call *call);
void get_instances(struct admin_call *call);
void get_decisions(struct admin_call *call);
void post_restart(struct admin_call *call);

/* --- audit_handlers.c: what a function can reach, read, write and use --- */

void get_audit(struct admin_call *call);

/* --- image_handlers.c: functions that are deployed by their image --- */

void deploy_system_function(struct admin_call *call);
void delete_system_function(struct admin_call *call);

/* --- deployment_handlers.c: functions whose folder comes over the API --- */

void put_upload(struct admin_call *call);
void put_deployment(struct admin_call *call);
void delete_deployment(struct admin_call *call);

/* --- namespace_handlers.c: the one that there is --- */

void get_namespaces(struct admin_call *call);
void get_namespace(struct admin_call *call);
void refuse_namespace(struct admin_call *call);

/* --- revision_handlers.c: the revisions that have served --- */

void get_revisions(struct admin_call *call);
void post_rollback(struct admin_call *call);

/* --- secret_handlers.c: the secrets of functions, and never their values --- */

/* Of the /system contract. */
void get_system_secrets(struct admin_call *call);
void post_system_secret(struct admin_call *call);
void put_system_secret(struct admin_call *call);
void delete_system_secret(struct admin_call *call);

/* Of /berth. */
void get_secrets(struct admin_call *call);
void put_secret(struct admin_call *call);
void delete_secret(struct admin_call *call);

/* --- request_handlers.c: the requests of the past --- */

void get_requests(struct admin_call *call);
void get_request(struct admin_call *call);

/* --- call_handlers.c: async calls, and those that were given up --- */

void get_calls(struct admin_call *call);
void get_call(struct admin_call *call);
void delete_call(struct admin_call *call);
void get_dead(struct admin_call *call);
void delete_dead(struct admin_call *call);
void post_dead_redrive(struct admin_call *call);
void delete_dead_letter(struct admin_call *call);
void post_dead_letter_redrive(struct admin_call *call);

/* --- call_check_handlers.c: whether the store of async calls is whole --- */

void get_calls_check(struct admin_call *call);

/* --- schedule_handlers.c: what is called by the clock --- */

void get_schedules(struct admin_call *call);

/* --- event_handlers.c: what changes --- */

void get_events(struct admin_call *call);

/* --- volume_handlers.c: volumes --- */

void get_volumes(struct admin_call *call);
void get_volume(struct admin_call *call);
void delete_volume(struct admin_call *call);

/* --- volume_archive.c: their content, as archives --- */

void get_volume_export(struct admin_call *call);
void post_volume_import(struct admin_call *call);

/* --- log_handlers.c: what functions write --- */

void get_logs(struct admin_call *call);

#endif
