#include "config/function_container.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Linux takes the largest for "nobody in particular". */
#define ID_MAX (UINT32_MAX - 1)

/* Digits up to `end`; 0 or -1. */
static int parse_id(const char *text, char end, const char **ret_rest, unsigned *ret_id)
{
    char *rest;
    errno = 0;
    if (!isdigit((unsigned char)*text))
        return -1;
    unsigned long number = strtoul(text, &rest, 10);
    if (errno || number > ID_MAX || (*rest && *rest != end))
        return -1;
    *ret_id = (unsigned)number;
    *ret_rest = rest;
    return 0;
}

/* "UID" or "UID:GID" as "UID:GID", which the caller frees; NULL: it is neither. */
static char *numbers_of(const char *text)
{
    unsigned uid, gid;
    const char *rest;
    if (parse_id(text, ':', &rest, &uid) < 0)
        return NULL;
    if (!*rest)
        return xasprintf("%u:%u", uid, uid);
    return parse_id(rest + 1, '\0', &rest, &gid) == 0 ? xasprintf("%u:%u", uid, gid) : NULL;
}

static void warn_of_user(const char *user, struct position at, struct reporter *reporter)
{
    if (strncmp(user, "0:", 2) == 0)
        reporter_warning(reporter, at, "give a number other than 0 if the image allows it",
                         "its processes run as root: without capabilities, but a way out of the container "
                         "would lead to root of this machine");
    else if (strcmp(user, "image") == 0)
        reporter_warning(reporter, at, "give the number of that user if it is known",
                         "its processes run as whoever its image says, which may be root");
}

static void check_user(const struct yaml_tree_node *node, struct function_settings *settings,
                       struct reporter *reporter)
{
    if (!node || !settings->user)
        return;
    cleanup_free char *written = steal(&settings->user);
    if (strcmp(written, "image") == 0)
        settings->user = xstrdup(written);
    else
        settings->user = strcmp(written, "root") == 0 ? xstrdup("0:0") : numbers_of(written);
    if (settings->user)
        warn_of_user(settings->user, node->at, reporter);
    else
        reporter_error(reporter, node->at, "a name of the image's can be found by: docker run --rm IMAGE id",
                       "\"user\" must be UID, UID:GID, \"root\" or \"image\", not %s",
                       yaml_tree_describe(node).text);
}

void function_container_check(const struct setting_layer *layer, struct function_settings *settings,
                              struct reporter *reporter)
{
    check_user(setting_found(layer, "user"), settings, reporter);
    const struct yaml_tree_node *seccomp = setting_found(layer, "seccomp");
    if (seccomp && settings->seccomp == SECCOMP_ENGINE)
        reporter_warning(reporter, seccomp->at, "leave it out unless the function fails without",
                         "its processes may make system calls that few programs need and that more ways out "
                         "of a container have led through");
    const struct yaml_tree_node *egress = setting_found(layer, "egress");
    if (egress && settings->egress.count > 0 && settings->network == NETWORK_NONE)
        reporter_error(reporter, egress->at, "leave \"network\" out: the list is all that can be reached",
                       "\"egress\" has what a function with \"network: none\" cannot reach");
    const struct yaml_tree_node *read_only = setting_found(layer, "read_only");
    if (read_only && !settings->read_only)
        reporter_warning(reporter, read_only->at, "keep data in a volume, and what is passing in /tmp",
                         "its image's files can be changed: what it writes there takes the host's disk, "
                         "without a limit");
}
