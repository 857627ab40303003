#include "cli/doctor.h"

#include "base/alloc.h"
#include "base/default_dir.h"
#include "cli/client.h"
#include "cli/members.h"
#include "cli/run_commands.h"
#include "cli/say.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const verdict_names[] = {
    [VERDICT_FINE] = "ok",
    [VERDICT_POOR] = "warning",
    [VERDICT_WRONG] = "failed",
};

static void print_look(const char *name, const struct look *look)
{
    static const enum colour colours[] = {COLOUR_GREEN, COLOUR_YELLOW, COLOUR_RED};
    printf("%s%-8s%s %-14s %s\n", colour_begin(stdout, colours[look->verdict]), verdict_names[look->verdict],
           colour_end(stdout), name, look->found);
    if (*look->advice)
        printf("%-23s %s\n", "", look->advice);
}

static json_t *look_json(const char *name, const struct look *look)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "check", name, "verdict", verdict_names[look->verdict], "found",
                     look->found, "advice", look->advice);
}

/* Those of the daemon that runs, which need not be where they are by default. */
static void take_folders(struct checkup *checkup)
{
    json_t *info = NULL;
    if (!checkup->daemon_answers || client_ask(checkup->arguments, "GET", "/system/info", &info) != STATUS_OK)
        return;
    const json_t *berth = json_object_get(info, "berth");
    const char *state_dir = member_text(berth, "state_dir"), *run_dir = member_text(berth, "run_dir");
    if (*state_dir && *run_dir) {
        free(checkup->state_dir);
        free(checkup->run_dir);
        checkup->state_dir = xstrdup(state_dir);
        checkup->run_dir = xstrdup(run_dir);
    }
    json_decref(info);
}

static void begin(struct checkup *checkup, const struct arguments *arguments)
{
    const char *socket = arguments_value(arguments, "docker");
    *checkup = (struct checkup){.arguments = arguments,
                                .docker_socket = socket ? socket : "/var/run/docker.sock",
                                .state_dir = default_state_dir(),
                                .run_dir = default_run_dir()};
    checkup->docker = doctor_ask_docker(checkup->docker_socket, "/info");
    checkup->daemon_answers = client_is_there(arguments);
    take_folders(checkup);
}

static void end(struct checkup *checkup)
{
    free(checkup->state_dir);
    free(checkup->run_dir);
    json_decref(checkup->docker);
}

int run_doctor(const struct arguments *arguments)
{
    struct checkup checkup;
    json_t *list = json_array();
    bool as_json = arguments_has(arguments, "json"), is_wrong = false;
    begin(&checkup, arguments);
    for (size_t i = 0; i < doctor_row_count; i++) {
        struct look look = {.verdict = VERDICT_FINE};
        doctor_rows[i].look(&checkup, &look);
        is_wrong = is_wrong || look.verdict == VERDICT_WRONG;
        if (!as_json)
            print_look(doctor_rows[i].name, &look);
        json_array_append_new(list, look_json(doctor_rows[i].name, &look));
    }
    if (as_json)
        print_json(list);
    json_decref(list);
    end(&checkup);
    return is_wrong ? STATUS_USAGE : STATUS_OK;
}
