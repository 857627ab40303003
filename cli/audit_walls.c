#include "cli/audit_walls.h"

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "cli/fact.h"
#include "cli/members.h"
#include "cli/quantity.h"

#include <stdbool.h>
#include <string.h>

#define NAMES_MAX     65536
#define QUANTITY_SIZE 32

static void append_name(struct strbuf *names, const char *name)
{
    strbuf_append_format(names, "%s%s", names->length > 0 ? ", " : "", name);
}

static void print_names(const char *label, const json_t *texts, const char *none)
{
    cleanup_strbuf struct strbuf names;
    const json_t *text;
    size_t i;
    strbuf_init(&names, NAMES_MAX);
    json_array_foreach(texts, i, text) append_name(&names, json_string_value(text));
    fact_print(label, "%s", names.length > 0 ? strbuf_text(&names) : none);
}

/* --- what it is given --- */

static void print_secrets(const json_t *secrets)
{
    const json_t *secret;
    size_t i;
    if (json_array_size(secrets) == 0)
        fact_print("secrets", "none");
    json_array_foreach(secrets, i, secret)
    {
        const char *variable = member_text(secret, "variable"), *name = member_text(secret, "name");
        fact_print(i == 0 ? "secrets" : "", *variable ? "%s, in the variable %s" : "%s, in /run/secrets/%s",
                   name, *variable ? variable : name);
    }
}

void audit_print_given(const json_t *audit)
{
    const json_t *software = json_object_get(audit, "software");
    const char *interpreter = member_text(software, "interpreter"), *base = member_text(software, "base");
    fact_part("What it is given");
    if (*interpreter || *base)
        fact_print("software", "%s%s%s", interpreter, *interpreter && *base ? " on " : "", base);
    if (json_array_size(json_object_get(software, "system_packages")) > 0)
        print_names("packages", json_object_get(software, "system_packages"), "");
    print_secrets(json_object_get(audit, "secrets"));
    print_names("variables", json_object_get(audit, "environment"), "none");
}

/* --- what its processes may do --- */

static void print_capabilities(const json_t *container)
{
    const json_t *capabilities = json_object_get(container, "capabilities");
    bool may_gain = member_is_true(container, "may_gain_privileges");
    if (json_is_null(capabilities))
        fact_print("capabilities", "those that the engine gives to everybody");
    else
        print_names("capabilities", capabilities, "none");
    fact_print("", may_gain ? "its programs may gain more (set-user-id)" : "and it has no way to get any");
}

static const char *seccomp_words(const char *seccomp)
{
    return strcmp(seccomp, "own") == 0 ? "those of Berth's own profile"
                                       : "those that the engine lets every container make";
}

void audit_print_rights(const json_t *audit)
{
    const json_t *container = json_object_get(audit, "container");
    const char *user = member_text(container, "user"), *runtime = member_text(container, "runtime");
    fact_part("What its processes may do");
    fact_print("user", "%s%s", *user ? user : "whoever the image names",
               member_is_true(container, "users_are_hosts") ? ", the same on this host" : "");
    print_capabilities(container);
    fact_print("system calls", "%s", seccomp_words(member_text(container, "seccomp")));
    fact_print("run with", "%s", *runtime ? runtime : "what the engine runs containers with by itself");
    if (json_array_size(json_object_get(container, "others")) > 0)
        print_names("and what is in", json_object_get(container, "others"), "");
}

/* --- limits --- */

static void print_size(const char *label, const json_t *object, const char *member, const char *more)
{
    char size[QUANTITY_SIZE];
    quantity_of_bytes((unsigned long long)member_number(object, member), size, sizeof(size));
    fact_print(label, "%s%s", json_is_null(json_object_get(object, member)) ? "no limit" : size, more);
}

static void print_time(const char *label, const json_t *limits, const char *member, const char *what)
{
    char time[QUANTITY_SIZE];
    quantity_of_ms((unsigned long long)member_number(limits, member), time, sizeof(time));
    fact_print(label, "%s %s", time, what);
}

/* A core limit of a byte is what it takes that there is none, wherever the kernel would put it. */
void audit_print_limits(const json_t *audit)
{
    const json_t *container = json_object_get(audit, "container"), *limits = json_object_get(audit, "limits");
    const json_t *swap = json_object_get(container, "swap_bytes"),
                 *core = json_object_get(container, "core_bytes");
    bool never_swaps = json_is_integer(swap) && json_integer_value(swap) == 0;
    bool has_core = !json_is_integer(core) || json_integer_value(core) > 1;
    fact_part("Limits of an instance");
    print_size("memory", container, "memory_bytes",
               never_swaps ? ", what is in folders in memory counted; it never swaps" : "");
    fact_print("processors", "%g", json_number_value(json_object_get(container, "cpus")));
    fact_print("processes", "%lld, threads counted", member_number(container, "pids"));
    fact_print("core files", "%s", has_core ? "as the engine has it" : "none");
    if (member_number(container, "oom_score_adj") > 0)
        fact_print("out of memory", "as this host's memory runs out it goes before the daemon");
    print_time("time", limits, "timeout_ms", "for a request");
    print_time("", limits, "stream_idle_timeout_ms", "of silence in a stream");
    print_time("", limits, "start_timeout_ms", "to start");
    print_size("request bodies", limits, "max_body_bytes", "");
    fact_print("instances", "%lld at once", member_number(limits, "instances"));
}
