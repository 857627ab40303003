#include "cli/load/load_plan.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/network.h"
#include "cli/client.h"
#include "cli/load/load_request.h"
#include "cli/members.h"
#include "cli/say.h"
#include "cli/when.h"

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define CONNECTIONS_USUAL   10
#define CONNECTIONS_MAX     10000
#define RATE_MAX            1e6
#define DURATION_USUAL_MS   10000
#define DURATION_MAX_MS     3600000
#define TIMEOUT_USUAL_MS    60000
#define DESCRIPTORS_OF_OURS 32 /* beside the connections */

/* --- numbers and durations --- */

/* The value of a flag, within bounds; it stays as it is when the flag is not given. */
static int read_number(const struct arguments *arguments, const char *flag, double least, double most,
                       double *value)
{
    const char *text = arguments_value(arguments, flag);
    char *end;
    if (!text)
        return 0;
    const double number = strtod(text, &end);
    if (end != text && *end == '\0' && number >= least && number <= most) {
        *value = number;
        return 0;
    }
    say_wrong("--%s %s: it is a number from %g to %.0f", flag, text, least, most);
    return -1;
}

static int read_duration(const struct arguments *arguments, const char *flag, uint64_t *value_ms)
{
    const char *text = arguments_value(arguments, flag);
    if (!text || (duration_read(text, value_ms) == 0 && *value_ms > 0 && *value_ms <= DURATION_MAX_MS))
        return 0;
    say_wrong("--%s %s: it is a time from 1ms to 1h", flag, text);
    say_next("write 500ms, 30s or 5m");
    return -1;
}

static int read_numbers(const struct arguments *arguments, struct load_plan *plan)
{
    double connections = CONNECTIONS_USUAL;
    plan->duration_ms = DURATION_USUAL_MS;
    plan->timeout_ms = TIMEOUT_USUAL_MS;
    if (read_number(arguments, "connections", 1, CONNECTIONS_MAX, &connections) < 0 ||
        read_number(arguments, "rps", 0.1, RATE_MAX, &plan->rate) < 0 ||
        read_duration(arguments, "duration", &plan->duration_ms) < 0 ||
        read_duration(arguments, "timeout", &plan->timeout_ms) < 0)
        return -1;
    plan->connections = (unsigned)connections;
    return 0;
}

/* Each connection is a descriptor, of which shells usually allow fewer than the system does. */
static int allow_descriptors(unsigned connections)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max >= connections + DESCRIPTORS_OF_OURS)
        return 0;
    say_wrong("this process may have %llu files open, too few for %u connections",
              (unsigned long long)limit.rlim_max, connections);
    say_next("fewer connections (-c), or a higher limit: ulimit -Hn");
    return -1;
}

/* --- where it goes --- */

/* What cannot be called would answer every request with the same error. */
static int check_function(const struct arguments *arguments, const char *name)
{
    cleanup_free char *path = client_path("/berth/functions/%s", name);
    json_t *function = NULL;
    int status = client_ask(arguments, "GET", path, &function);
    if (status != STATUS_OK)
        return status;
    if (!member_is_true(function, "callable")) {
        say_wrong("%s cannot be called: %s", name, member_text(function, "reason"));
        say_next("berth describe %s", name);
        status = STATUS_FAILED;
    }
    json_decref(function);
    return status;
}

/* The address of "http://HOST:PORT", which the daemon listens on. */
static int resolve(const char *base, struct load_plan *plan)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    cleanup_free char *host = NULL;
    const char *port;
    if (address_split(base + strlen("http://"), &host, &port) < 0) {
        say_wrong("the daemon says that its functions are at %s", base);
        return -1;
    }
    int code = getaddrinfo(host, port, &hints, &found);
    if (code != 0) {
        say_wrong("%s: %s", base, gai_strerror(code));
        return -1;
    }
    memcpy(&plan->address, found->ai_addr, found->ai_addrlen);
    plan->address_length = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

static int find_function(const struct arguments *arguments, struct load_plan *plan)
{
    cleanup_free char *base = NULL;
    int status = check_function(arguments, plan->function);
    if (status == STATUS_OK)
        status = client_functions_address(arguments, &base);
    if (status != STATUS_OK)
        return status;
    if (resolve(base, plan) < 0)
        return STATUS_FAILED;
    return load_request_make(arguments, base, plan);
}

int load_plan_read(const struct arguments *arguments, struct load_plan *ret_plan)
{
    *ret_plan = (struct load_plan){.function = arguments_operand(arguments, 0)};
    if (read_numbers(arguments, ret_plan) < 0)
        return STATUS_USAGE;
    if (allow_descriptors(ret_plan->connections) < 0)
        return STATUS_FAILED;
    return find_function(arguments, ret_plan);
}

void load_plan_clear(struct load_plan *plan)
{
    free(plan->url);
    free(plan->request);
    *plan = (struct load_plan){0};
}
