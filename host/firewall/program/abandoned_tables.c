#include "firewall/program/abandoned_tables.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "firewall/firewall_message.h"
#include "firewall/program/kernel_rules.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define OURS "berth_"

int abandoned_tables_claim(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    if (length >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path + 1, name, length);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, size) < 0) {
        int number = errno;
        close(fd);
        errno = number;
        return -1;
    }
    return fd;
}

static bool is_abandoned(const char *name)
{
    int fd = abandoned_tables_claim(name);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static const char source[] = "iifname ";

/* Whether `commands` have a rule for packets that come from this interface, a quoted word. */
static bool names_source(const char *commands, const char *word)
{
    for (const char *rule = strstr(commands, source); rule; rule = strstr(rule + 1, source)) {
        const char *found = strstr(rule, word);
        if (found && found < rule + strcspn(rule, "\n"))
            return true;
    }
    return false;
}

/* Whether `commands` have rules for every interface that packets of this rule come from: the quoted words of
 * its line. */
static bool covers_rule(const char *commands, const char *rule)
{
    const char *end = rule + strcspn(rule, "\n");
    for (const char *open = strchr(rule, '"'); open && open < end;) {
        const char *close = strchr(open + 1, '"');
        if (!close || close > end)
            return false;
        cleanup_free char *word = xasprintf("%.*s", (int)(close + 1 - open), open);
        if (!names_source(commands, word))
            return false;
        open = strchr(close + 1, '"');
    }
    return true;
}

static bool covers(const char *commands, const char *listing)
{
    for (const char *rule = strstr(listing, source); rule; rule = strstr(rule + 1, source)) {
        if (!covers_rule(commands, rule))
            return false;
    }
    return true;
}

/* The caller frees it. */
static char *with_name(const char *commands, const char *name, const char *other)
{
    cleanup_strbuf struct strbuf text;
    strbuf_init(&text, FIREWALL_TEXT_MAX);
    for (const char *found; (found = strstr(commands, name)); commands = found + strlen(name)) {
        strbuf_append(&text, commands, (size_t)(found - commands));
        strbuf_append_text(&text, other);
    }
    strbuf_append_text(&text, commands);
    return strbuf_steal(&text);
}

/* The first command makes the table if it is not there, so that the second can remove it. Without it there is
 * nothing to be made anew when somebody has removed the table meanwhile. */
static const char *without_first(const char *commands)
{
    return commands + strcspn(commands, "\n");
}

static void renew_if_covered(struct kernel_rules *rules, const char *name, const char *other,
                             const char *commands)
{
    cleanup_free char *table = xasprintf("inet %s", other);
    cleanup_free char *listing = kernel_rules_list(rules, table);
    if (!listing || !covers(commands, listing) || !is_abandoned(other))
        return;
    cleanup_free char *anew = with_name(commands, name, other);
    kernel_rules_run(rules, without_first(anew)); /* fails when the table has gone */
}

void abandoned_tables_renew(struct kernel_rules *rules, const char *name, const char *commands)
{
    static const char line_start[] = "table inet " OURS;
    cleanup_free char *listing = kernel_rules_list_tables(rules);
    char *rest = NULL;
    for (char *line = listing ? strtok_r(listing, "\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\n", &rest)) {
        const char *other = line + strlen(line_start) - strlen(OURS);
        if (strncmp(line, line_start, strlen(line_start)) == 0 && strcmp(other, name) != 0)
            renew_if_covered(rules, name, other, commands);
    }
}
