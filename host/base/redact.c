#include "base/redact.h"

#include <string.h>

#define AUTHORITY_END " \t\r\n\f\v/?#\"'`<>|\\"
#define STARS         3

/* The last '@' of the authority that begins here, or NULL. */
static char *find_at(char *authority)
{
    size_t length = strcspn(authority, AUTHORITY_END);
    return memrchr(authority, '@', length);
}

void redact_urls(char *text)
{
    for (char *scheme_end = text; (scheme_end = strstr(scheme_end, "://"));) {
        char *authority = scheme_end + 3, *at = find_at(authority);
        scheme_end = authority;
        if (!at)
            continue;
        size_t length = (size_t)(at - authority), stars = length < STARS ? length : STARS;
        memset(authority, '*', stars);
        memmove(authority + stars, at, strlen(at) + 1);
    }
}
