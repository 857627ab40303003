/* The revisions of a function: what there is to go back to, and going back. */
#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/rfc3339.h"
#include "base/strbuf.h"
#include "cli/client.h"
#include "cli/grid.h"
#include "cli/members.h"
#include "cli/run_commands.h"
#include "cli/say.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))
#define REVISION_DIGITS 12
#define NAMES_MAX       4 /* of one kind that are shown */
#define CHANGES_MAX     65536 /* bytes of a cell */

/* --- history --- */

/* "5 min ago" */
static void add_age(struct grid *grid, const char *time)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}};
    uint64_t time_ms, now_ms = wall_clock_ms();
    if (rfc3339_read(time, &time_ms) < 0) {
        grid_add(grid, COLOUR_NONE, NULL);
        return;
    }
    uint64_t age_ms = now_ms > time_ms ? now_ms - time_ms : 0;
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (age_ms >= 2 * units[i].ms || i + 1 == COUNT_OF(units)) {
            grid_add_format(grid, "%" PRIu64 " %s ago", age_ms / units[i].ms, units[i].unit);
            return;
        }
    }
}

/* The texts of a list behind what is there already; when they are many, how many more there are. */
static void append_names(struct strbuf *out, const char *sign, const json_t *names)
{
    size_t count = json_array_size(names), shown = count > NAMES_MAX ? NAMES_MAX - 1 : count;
    for (size_t i = 0; i < shown; i++)
        strbuf_append_format(out, "%s%s%s", out->length > 0 ? ", " : "", sign,
                             json_string_value(json_array_get(names, i)));
    if (shown < count)
        strbuf_append_format(out, ", %s%zu more", sign, count - shown);
}

/* "hello.py, +data.txt, -old.txt, memory, its dependencies" */
static void append_changes(struct strbuf *out, const json_t *changed)
{
    const json_t *files = json_object_get(changed, "files");
    append_names(out, "", json_object_get(files, "changed"));
    append_names(out, "+", json_object_get(files, "added"));
    append_names(out, "-", json_object_get(files, "removed"));
    append_names(out, "", json_object_get(changed, "settings"));
    if (member_is_true(changed, "dependencies"))
        strbuf_append_format(out, "%sits dependencies", out->length > 0 ? ", " : "");
    if (member_is_true(changed, "image"))
        strbuf_append_format(out, "%sits image", out->length > 0 ? ", " : "");
}

static const struct {
    const char *state, *words;
    enum colour colour;
} states[] = {
    {"active", "serves", COLOUR_GREEN},
    {"next", "on its way", COLOUR_YELLOW},
    {"gone", "gone", COLOUR_RED},
    {"failed", "failed", COLOUR_RED},
};

static void add_state(struct grid *grid, const json_t *revision)
{
    const char *state = member_text(revision, "state");
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        if (strcmp(states[i].state, state) == 0) {
            cleanup_free char *text = xasprintf(
                "%s%s", states[i].words, member_is_true(revision, "rolled_back") ? ", rolled back" : "");
            grid_add(grid, states[i].colour, text);
            return;
        }
    }
    grid_add(grid, COLOUR_NONE, state);
}

static void add_revision(struct grid *grid, const json_t *revision)
{
    const char *digest = member_text(revision, "revision"), *reason = member_text(revision, "reason");
    cleanup_strbuf struct strbuf changes;
    strbuf_init(&changes, CHANGES_MAX);
    append_changes(&changes, json_object_get(revision, "changed"));
    grid_add_format(grid, "%.*s", REVISION_DIGITS, *digest ? digest : "-");
    add_state(grid, revision);
    add_age(grid, member_text(revision, "deployed"));
    grid_add_format(grid, "%lld", member_number(revision, "requests"));
    grid_add_format(grid, "%lld", member_number(revision, "errors"));
    grid_add(grid, COLOUR_NONE, *reason ? reason : changes.length > 0 ? strbuf_text(&changes) : NULL);
}

/* Whether there is one to go back to. */
static bool has_kept(const json_t *revisions)
{
    const json_t *revision;
    size_t i;
    json_array_foreach(revisions, i, revision)
    {
        if (strcmp(member_text(revision, "state"), "kept") == 0)
            return true;
    }
    return false;
}

static void print_history(const struct arguments *arguments, const json_t *revisions)
{
    const char *name = arguments_operand(arguments, 0);
    if (json_array_size(revisions) == 0) {
        printf("No revision of %s has served yet: one is kept from its first answer on. To call it: berth "
               "invoke %s\n",
               name, name);
        return;
    }
    static const char *const columns[] = {"REVISION",  "STATE",   ">DEPLOYED",
                                          ">REQUESTS", ">ERRORS", "WHAT CHANGED"};
    struct grid *grid = grid_create(columns, COUNT_OF(columns));
    const json_t *revision;
    size_t i;
    json_array_foreach(revisions, i, revision) add_revision(grid, revision);
    grid_print(grid);
    if (has_kept(revisions))
        printf("\nTo go back: berth rollback %s [REV]\n", name);
}

int run_history(const struct arguments *arguments)
{
    cleanup_free char *path = client_path("/berth/functions/%s/revisions", arguments_operand(arguments, 0));
    return client_show(arguments, "GET", path, print_history);
}

/* --- rollback --- */

static int tell_rollback(const char *name, const json_t *answer)
{
    const json_t *problem = json_object_get(answer, "problem");
    const char *revision = member_text(answer, "revision");
    if (member_is_true(answer, "rolled_back") && !json_is_object(problem)) {
        printf("%s is back at revision %.*s, until its files or settings change.\n"
               "To call it: berth invoke %s. To see all revisions: berth history %s\n",
               name, REVISION_DIGITS, revision, name, name);
        return STATUS_OK;
    }
    say_wrong("%s does not serve that revision: %s", name,
              json_is_object(problem) ? member_text(problem, "message")
                                      : "something else was deployed meanwhile");
    if (*revision)
        say_next("revision %.*s goes on serving; berth history %s lists what is kept", REVISION_DIGITS,
                 revision, name);
    return STATUS_FAILED;
}

int run_rollback(const struct arguments *arguments)
{
    const char *name = arguments_operand(arguments, 0), *revision = arguments_operand(arguments, 1);
    cleanup_free char *path = client_path("/berth/functions/%s/rollback?wait=1", name);
    json_t *answer;
    int status = client_send(arguments, "POST", path, json_pack("{s:s?}", "revision", revision), &answer);
    if (status != STATUS_OK)
        return status;
    if (!arguments_has(arguments, "json")) {
        status = tell_rollback(name, answer);
    } else {
        print_json(answer);
        if (json_is_object(json_object_get(answer, "problem")) || !member_is_true(answer, "rolled_back"))
            status = STATUS_FAILED;
    }
    json_decref(answer);
    return status;
}
