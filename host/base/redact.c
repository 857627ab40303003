#include "base/redact.h"

#include <stdbool.h>
#include <string.h>

#define SPACES        " \t\r\n\f\v"
#define AUTHORITY_END "/?#" SPACES
#define DIGITS        "0123456789"
#define STARS         3

static const char *last_at(const char *text, const char *end)
{
    return memrchr(text, '@', strcspn(text, end));
}

/* What looks like a port and is none is the beginning of a password that has a '/', a '?' or a '#'. */
static bool has_password(const char *host)
{
    size_t length = strcspn(host, AUTHORITY_END);
    const char *colon = memrchr(host, ':', length);
    if (!colon || *host == '[')
        return false;
    size_t port = (size_t)(host + length - colon) - 1;
    return port == 0 || strspn(colon + 1, DIGITS) < port;
}

const char *redact_find_at(const char *authority)
{
    const char *at = last_at(authority, AUTHORITY_END);
    const char *host = at ? at + 1 : authority;
    const char *later = has_password(host) ? last_at(host, SPACES) : NULL;
    return later ? later : at;
}

void redact_urls(char *text)
{
    for (char *scheme_end = text; (scheme_end = strstr(scheme_end, "://"));) {
        char *authority = scheme_end + 3;
        const char *at = redact_find_at(authority);
        scheme_end = authority;
        if (!at)
            continue;
        size_t length = (size_t)(at - authority), stars = length < STARS ? length : STARS;
        memset(authority, '*', stars);
        memmove(authority + stars, at, strlen(at) + 1);
    }
}
