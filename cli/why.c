#include "base/alloc.h"
#include "base/cleanup.h"
#include "cli/call_view.h"
#include "cli/client.h"
#include "cli/members.h"
#include "cli/run_commands.h"
#include "cli/say.h"

#include <string.h>

#define SHOWN_FROM_MS  0.05
#define CALL_ID_DIGITS 32

static double member_ms(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

/* --- what is known of it --- */

static void print_served(const json_t *record)
{
    const char *function = member_text(record, "function"), *revision = member_text(record, "revision");
    const char *instance = member_text(record, "instance");
    say_fact("function", function);
    if (*instance)
        printf("  %-10s%s of revision %s\n", "instance", instance, revision);
    else
        printf("  %-10snone: it never came to one\n", "instance");
}

static void print_bytes(const json_t *record)
{
    printf("  %-10s%lld bytes in, %lld bytes out\n", "moved", member_number(record, "bytes_in"),
           member_number(record, "bytes_out"));
}

static void print_title(const json_t *record)
{
    const char *code = member_text(record, "code"), *end = member_text(record, "end");
    long long status = member_number(record, "status");
    printf("%s", colour_begin(stdout, COLOUR_BOLD));
    say_text(stdout, member_text(record, "method"));
    putchar(' ');
    say_text(stdout, member_text(record, "path"));
    printf("%s: ", colour_end(stdout));
    if (status > 0)
        printf("%lld", status);
    else
        printf("no answer");
    if (*code)
        printf(", %s", code);
    else if (strcmp(end, "answered") != 0)
        printf(", %s", end);
    printf(", after %.1f ms\n", member_ms(record, "duration_ms"));
}

/* --- where the time went --- */

static const struct phase {
    const char *member, *words;
} phases[] = {
    {"head_ms", "its head came in"},           {"body_ms", "its body came in"},
    {"queue_ms", "it waited for a free slot"}, {"run_ms", "the function worked, until its answer began"},
    {"answer_ms", "the answer went out"},
};

#define PHASE_COUNT (sizeof(phases) / sizeof(phases[0]))

static void print_phases(const json_t *record)
{
    const json_t *times = json_object_get(record, "phases");
    const char *title = "\nWhere the time went\n";
    for (size_t i = 0; i < PHASE_COUNT; i++) {
        const bool is_cold = strcmp(phases[i].member, "queue_ms") == 0 && member_is_true(record, "cold");
        double ms = member_ms(times, phases[i].member);
        if (ms < SHOWN_FROM_MS)
            continue;
        printf("%s%12.1f ms  %s\n", title, ms,
               is_cold ? "it waited for an instance (a cold start)" : phases[i].words);
        title = "";
    }
}

/* --- why it ended so --- */

/* What went on when it ended. */
static const char *last_phase(const json_t *record)
{
    const json_t *times = json_object_get(record, "phases");
    if (member_ms(times, "answer_ms") > 0)
        return "while its answer was sent";
    if (member_ms(times, "run_ms") > 0)
        return "while the function worked";
    if (member_ms(times, "queue_ms") > 0)
        return "while it waited for an instance";
    return "before it was complete";
}

/* What the function says of it: the last line that its instance wrote to standard error in that time. */
static void print_last_words(const json_t *output)
{
    for (size_t i = json_array_size(output); i > 0; i--) {
        const json_t *line = json_array_get(output, i - 1);
        if (strcmp(member_text(line, "stream"), "stderr") != 0 || !*member_text(line, "text"))
            continue;
        printf("  The last that was written to standard error in that time: ");
        say_text(stdout, member_text(line, "text"));
        putchar('\n');
        return;
    }
}

static void print_end(const json_t *record, const json_t *output)
{
    const char *end = member_text(record, "end");
    long long status = member_number(record, "status");
    if (strcmp(end, "client-gone") == 0)
        printf("  The client left %s.\n", last_phase(record));
    else if (strcmp(end, "evicted") == 0)
        printf("  The client was hung up on to make room for others, %s (max_connections).\n",
               last_phase(record));
    else if (strcmp(end, "stopped") == 0)
        printf("  The daemon was stopped %s.\n", last_phase(record));
    else if (strcmp(end, "accepted") == 0)
        printf("  The call was accepted, to be done later.\n");
    else if (strcmp(end, "cut") == 0)
        printf("  The connection was cut %s.\n", last_phase(record));
    else if (status >= 400)
        printf("  The function itself answered with %lld.\n", status);
    else
        printf("  Nothing is wrong: it was answered.\n");
    if (status >= 500)
        print_last_words(output);
}

static void print_cause(const json_t *record, const json_t *output)
{
    const char *hint = member_text(record, "hint"), *code = member_text(record, "code");
    printf("\n%sWhy it ended so%s\n", colour_begin(stdout, COLOUR_BOLD), colour_end(stdout));
    if (*code) {
        printf("  %s (%s): ", code, member_text(record, "component"));
        say_text(stdout, member_text(record, "message"));
        putchar('\n');
    } else {
        print_end(record, output);
    }
    if (*hint) {
        printf("\n%sWhat to change%s\n  ", colour_begin(stdout, COLOUR_BOLD), colour_end(stdout));
        say_text(stdout, hint);
        putchar('\n');
    }
}

static void print_caller(const json_t *record)
{
    char text[128];
    const char *caller = member_text(record, "caller");
    if (!*caller)
        return;
    snprintf(text, sizeof(text), "the function %s (%lld deep)", caller, member_number(record, "depth"));
    say_fact("caller", text);
}

static void print_record(const json_t *record, const json_t *output)
{
    print_title(record);
    say_fact("id", member_text(record, "id"));
    print_served(record);
    print_caller(record);
    say_fact("client", member_text(record, "client"));
    say_fact("trace", member_text(record, "trace"));
    say_fact("began", member_text(record, "began"));
    print_bytes(record);
    print_phases(record);
    print_cause(record, output);
}

/* Of the newest request with this id. A traceback's last line is the cause that the function itself has
 * given. One that never came to an instance may have waited for one that could not load. */
static void print_output(const json_t *record, const json_t *output)
{
    bool is_of_instance = *member_text(record, "instance");
    const json_t *line;
    size_t i;
    if (json_array_size(output) == 0)
        return;
    printf("\n%s%s%s\n", colour_begin(stdout, COLOUR_BOLD),
           is_of_instance ? "What its instance wrote" : "What instances of the function wrote at that time",
           colour_end(stdout));
    json_array_foreach(output, i, line)
    {
        const bool is_event = strcmp(member_text(line, "stream"), "event") == 0;
        printf("  %s", is_event ? "-- " : "");
        say_text(stdout, member_text(line, "text"));
        putchar('\n');
    }
}

static void print_records(const struct arguments *arguments, const json_t *answer)
{
    (void)arguments;
    const json_t *records = json_object_get(answer, "records"), *record;
    const json_t *output = json_object_get(answer, "output");
    size_t i;
    json_array_foreach(records, i, record)
    {
        if (i > 0)
            printf("\nAnother request with this id\n\n");
        print_record(record, i == 0 ? output : NULL);
        if (i == 0)
            print_output(record, output);
    }
}

/* --- an async call --- */

/* The digits at the beginning of an id of a call, or of one of its deliveries ("ID-2"); 0: it is neither. A
 * call's number may be the id of a request, too. */
static size_t call_id_digits(const char *id)
{
    size_t digits = strspn(id, "0123456789abcdef");
    bool is_whole = id[digits] == '\0' || (digits == CALL_ID_DIGITS && id[digits] == '-');
    bool is_number = strspn(id, "0123456789") == strlen(id);
    return is_whole && (digits == CALL_ID_DIGITS || is_number) ? digits : 0;
}

/* What is known of the call that an id may be of; NULL: none. */
static json_t *find_call(const struct arguments *arguments, const char *id)
{
    json_t *call = NULL;
    size_t digits = call_id_digits(id);
    if (digits == 0)
        return NULL;
    cleanup_free char *wanted = xstrndup(id, digits);
    cleanup_free char *path = client_path("/berth/calls/%s", wanted);
    client_poll(arguments, path, &call);
    return call;
}

/* The call, and what is known of the request that has this id, if there is one. */
static int tell_call(const struct arguments *arguments, json_t *call, json_t *requests)
{
    if (arguments_has(arguments, "json")) {
        json_t *all = requests ? requests : json_object();
        json_object_set(all, "call", call);
        print_json(all);
        if (!requests)
            json_decref(all);
        return STATUS_OK;
    }
    call_view_print(call);
    if (requests) {
        printf("\nThe request with this id\n\n");
        print_records(arguments, requests);
    }
    return STATUS_OK;
}

int run_why(const struct arguments *arguments)
{
    const char *id = arguments_operand(arguments, 0);
    cleanup_free char *path = client_path("/berth/requests/%s", id);
    json_t *call = find_call(arguments, id), *requests = NULL;
    if (!call)
        return client_show(arguments, "GET", path, print_records);
    client_poll(arguments, path, &requests);
    int status = tell_call(arguments, call, requests);
    json_decref(requests);
    json_decref(call);
    return status;
}
