#include "prepare/process/host_environment.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/strbuf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const proxy_names[] = {"http_proxy", "https_proxy", "no_proxy", "all_proxy",
                                          "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"};

/* Mirrors and patience of the usual installers. Nothing here names a path of this machine. */
static const char *const installer_names[] = {
    "PIP_INDEX_URL",     "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST",    "PIP_DEFAULT_TIMEOUT", "PIP_RETRIES",
    "PIP_PREFER_BINARY", "UV_INDEX_URL",        "UV_EXTRA_INDEX_URL",  "UV_DEFAULT_INDEX",    "UV_INDEX",
    "UV_INSECURE_HOST",  "UV_HTTP_TIMEOUT",     "NPM_CONFIG_REGISTRY", "npm_config_registry", "GOPROXY",
    "GOSUMDB",
};

static const char *const ca_names[] = {"SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
                                       "NODE_EXTRA_CA_CERTS"};

#define FILE_MAX     (4 << 20) /* bytes of an environment in a file */

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

_Static_assert(COUNT(proxy_names) == HOST_PROXIES_MAX, "there is room for every proxy variable");

size_t host_environment_proxies(struct docker_pair ret_pairs[HOST_PROXIES_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < COUNT(proxy_names); i++) {
        const char *value = getenv(proxy_names[i]);
        if (value && *value)
            ret_pairs[count++] = (struct docker_pair){proxy_names[i], value};
    }
    return count;
}

char *host_environment_ca_file(void)
{
    const char *named = getenv("SSL_CERT_FILE");
    if (named && *named == '/' && fs_exists(named))
        return xstrdup(named);
    return fs_exists(HOST_CA_TARGET) ? xstrdup(HOST_CA_TARGET) : NULL;
}

void environment_add_entry(struct environment *environment, const char *entry)
{
    size_t name = strcspn(entry, "=") + 1;
    for (size_t i = 0; i < environment->count; i++) {
        if (strncmp(environment->entries[i], entry, name) == 0)
            return;
    }
    environment->entries =
        xrealloc(environment->entries, (environment->count + 2) * sizeof(*environment->entries));
    environment->entries[environment->count++] = xstrdup(entry);
    environment->entries[environment->count] = NULL;
}

void environment_add(struct environment *environment, const char *name, const char *value)
{
    cleanup_free char *entry = xasprintf("%s=%s", name, value);
    environment_add_entry(environment, entry);
}

static bool is_shell_name(const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        bool is_letter = (name[i] | 0x20) >= 'a' && (name[i] | 0x20) <= 'z';
        if (!is_letter && name[i] != '_' && (i == 0 || name[i] < '0' || name[i] > '9'))
            return false;
    }
    return length > 0;
}

/* export NAME='value', with each ' of the value as '\'' */
static void append_export(struct strbuf *text, const char *entry, size_t name_length)
{
    strbuf_append_format(text, "export %.*s='", (int)name_length, entry);
    for (const char *rest = entry + name_length + 1; *rest;) {
        size_t plain = strcspn(rest, "'");
        strbuf_append(text, rest, plain);
        rest += plain;
        if (*rest) {
            strbuf_append_text(text, "'\\''");
            rest++;
        }
    }
    strbuf_append_text(text, "'\n");
}

int environment_write(const struct environment *environment, const char *path, unsigned uid, unsigned gid,
                      struct error *err)
{
    cleanup_strbuf struct strbuf text;
    strbuf_init(&text, FILE_MAX);
    for (size_t i = 0; i < environment->count; i++) {
        const char *entry = environment->entries[i];
        size_t length = strcspn(entry, "=");
        if (!is_shell_name(entry, length))
            return error_set(err, ERROR_BAD_NAME, "no shell takes a variable named \"%.*s\"", (int)length,
                             entry);
        append_export(&text, entry, length);
    }
    if (text.overflowed)
        return error_set_in(err, COMPONENT_BUILD, ERROR_TOO_LARGE,
                            "the installer's variables take more than %d bytes", FILE_MAX);
    if (fs_write_file(path, strbuf_text(&text), text.length, 0400, err) < 0)
        return -1;
    return chown(path, uid, gid) < 0
               ? error_errno(err, COMPONENT_BUILD, errno, "cannot hand the file %s to user %u", path, uid)
               : 0;
}

void environment_clear(struct environment *environment)
{
    for (size_t i = 0; i < environment->count; i++)
        free(environment->entries[i]);
    free(environment->entries);
    *environment = (struct environment){0};
}

void host_environment_add_installer(struct environment *environment, bool ca)
{
    struct docker_pair proxies[HOST_PROXIES_MAX];
    size_t count = host_environment_proxies(proxies);
    for (size_t i = 0; i < count; i++)
        environment_add(environment, proxies[i].name, proxies[i].value);
    for (size_t i = 0; i < COUNT(installer_names); i++) {
        const char *value = getenv(installer_names[i]);
        if (value && *value)
            environment_add(environment, installer_names[i], value);
    }
    for (size_t i = 0; ca && i < COUNT(ca_names); i++)
        environment_add(environment, ca_names[i], HOST_CA_TARGET);
}
