/* What a daemon consists of. Private to the files that begin with daemon; control thread. */
#ifndef DAEMON_STATE_H
#define DAEMON_STATE_H

#include "admin/admin.h"
#include "base/error.h"
#include "base/mailbox.h"
#include "config/registry.h"

#include <stdbool.h>
#include <time.h>

#define DAEMON_SIGNALS   4
#define IN_FLIGHT_FOLDER "in-flight" /* in the run directory */

struct event;

struct daemon {
    struct event_base *base;
    struct descriptors *given; /* that others have opened for it; NULL: the parts have had theirs */
    const struct host_settings *host;
    const struct registry *registry;
    time_t started_s; /* since 1970 */
    struct route_table *routes;
    struct gateway *gateway;
    struct event_book *events;
    struct request_book *requests;
    struct request_history *history; /* NULL: none is kept */
    struct log_store *logs; /* the same */
    struct fleet *fleet;
    struct calls *calls; /* NULL: none are kept */
    struct admin *admin;
    struct statsd *statsd; /* NULL: metrics are sent to nobody */
    char *desk_path, *door_path; /* of the sockets of calls: names that stay when their files go */
    int desk_fd, door_fd; /* by which they do; -1: there is none */
    struct run_dir_watch *run_dir_watch; /* NULL: not yet */
    struct mailbox inbox; /* from the workers */
    struct event *inbox_event;
    struct event *drain_limit;
    struct event *signals[DAEMON_SIGNALS];
    struct mail drained_mail;
    bool listening, draining, failed;
    bool leaves; /* instances are for the next start */
    bool is_drained; /* the gateway has no client any more */
    bool is_fleet_stopped;
    bool is_handing_over; /* another daemon takes this one's place */
    char *program; /* this one's; NULL: nobody knows */
    struct upgrade *upgrade; /* a program that is to take over; NULL: none */
    struct upgrader upgrader;
    struct handover *handover; /* NULL: nobody can ask for the place yet */
    struct predecessor *predecessor; /* NULL: there is none, or it has ended */
    struct error *err; /* what daemon_run() is to give */
};

#endif
