#include "prepare/process/host_mirrors.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "prepare/process/host_environment.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SEPARATORS " \t\r\n,|'\"()"
#define PROXY_PORT 1080 /* what proxies have that say none */

static const char *const proxies[] = {"http_proxy", "https_proxy", "all_proxy"};

/* Takes the host over. */
static void add_place(struct host_mirrors *mirrors, char *host, unsigned port)
{
    for (size_t i = 0; i < mirrors->count; i++) {
        if (strcasecmp(mirrors->items[i].host, host) == 0 && mirrors->items[i].port == port) {
            free(host);
            return;
        }
    }
    mirrors->items = xgrow(mirrors->items, mirrors->count, sizeof(*mirrors->items));
    mirrors->items[mirrors->count++] = (struct host_mirror){.host = host, .port = port};
}

/* The library has an IPv6 address in brackets. The caller frees it. */
static char *plain_host(const char *host)
{
    size_t length = strlen(host);
    return *host == '[' ? xasprintf("%.*s", (int)(length - 2), host + 1) : xstrdup(host);
}

static void add_url(struct host_mirrors *mirrors, const char *url, bool is_proxy)
{
    char *host = NULL, *port = NULL;
    const unsigned flags = CURLU_NON_SUPPORT_SCHEME | (is_proxy ? CURLU_GUESS_SCHEME : 0);
    CURLU *parts = curl_url();
    if (parts && curl_url_set(parts, CURLUPART_URL, url, flags) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        (curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK || is_proxy))
        add_place(mirrors, plain_host(host), port ? (unsigned)strtoul(port, NULL, 10) : PROXY_PORT);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(parts);
}

/* What stands in front of an URL, "NAME=". */
static const char *without_name(const char *word)
{
    const char *equals = strchr(word, '='), *scheme = strstr(word, "://");
    return equals && scheme && equals < scheme ? equals + 1 : word;
}

void host_mirrors_add(struct host_mirrors *mirrors, const char *value, bool is_proxy)
{
    cleanup_free char *words = xstrdup(value);
    char *rest = NULL;
    for (char *word = strtok_r(words, SEPARATORS, &rest); word; word = strtok_r(NULL, SEPARATORS, &rest)) {
        if (is_proxy || strstr(word, "://"))
            add_url(mirrors, without_name(word), is_proxy);
    }
}

static bool names_proxy(const char *entry, size_t length)
{
    for (size_t i = 0; i < sizeof(proxies) / sizeof(*proxies); i++) {
        if (strlen(proxies[i]) == length && strncasecmp(entry, proxies[i], length) == 0)
            return true;
    }
    return false;
}

void host_mirrors_read(struct host_mirrors *ret_mirrors)
{
    struct environment environment = {0};
    *ret_mirrors = (struct host_mirrors){0};
    host_environment_add_installer(&environment, false);
    for (size_t i = 0; i < environment.count; i++) {
        const char *entry = environment.entries[i];
        size_t length = strcspn(entry, "=");
        host_mirrors_add(ret_mirrors, entry + length + 1, names_proxy(entry, length));
    }
    environment_clear(&environment);
}

void host_mirrors_copy(const struct host_mirrors *from, struct host_mirrors *ret_mirrors)
{
    *ret_mirrors = (struct host_mirrors){0};
    for (size_t i = 0; i < from->count; i++)
        add_place(ret_mirrors, xstrdup(from->items[i].host), from->items[i].port);
}

void host_mirrors_clear(struct host_mirrors *mirrors)
{
    for (size_t i = 0; i < mirrors->count; i++)
        free(mirrors->items[i].host);
    free(mirrors->items);
    *mirrors = (struct host_mirrors){0};
}
