#include "admin/admin_access.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/ident.h"

#include <arpa/inet.h>
#include <errno.h>
#include <nettle/base64.h>
#include <nettle/memops.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define PASSWORD_DIGITS 40
#define PASSWORD_MAX    512
#define HOST_MAX        255

/* --- the password --- */

static int make_password(const char *path, char **ret_password, struct error *err)
{
    char password[PASSWORD_DIGITS + 2];
    ident_random(password, PASSWORD_DIGITS);
    memcpy(password + PASSWORD_DIGITS, "\n", 2);
    if (fs_write_file(path, password, strlen(password), 0600, err) < 0)
        return -1;
    *ret_password = xstrndup(password, PASSWORD_DIGITS);
    return 0;
}

static int read_password(const char *path, char **ret_password, struct error *err)
{
    struct stat status;
    if (stat(path, &status) == 0 && (status.st_mode & 077) != 0) {
        error_set_in(err, COMPONENT_ADMIN, ERROR_NOT_PRIVATE, "others may read the password in %s", path);
        return error_hint(err, "chmod 600 %s; or remove it, and another one is made", path);
    }
    cleanup_free char *text = NULL;
    if (fs_read_file(path, PASSWORD_MAX, &text, NULL, err) < 0)
        return -1;
    size_t length = strcspn(text, "\r\n");
    if (length == 0) {
        error_set_in(err, COMPONENT_ADMIN, ERROR_STATE_DAMAGED, "there is no password in %s", path);
        return error_hint(err, "remove the file, and one is made");
    }
    *ret_password = xstrndup(text, length);
    return 0;
}

int admin_password_open(const char *path, char **ret_password, struct error *err)
{
    return fs_exists(path) ? read_password(path, ret_password, err) : make_password(path, ret_password, err);
}

bool admin_password_matches(const char *authorization, const char *password)
{
    static const char scheme[] = "Basic ";
    if (!authorization || strncasecmp(authorization, scheme, strlen(scheme)) != 0)
        return false;
    cleanup_free char *wanted = xasprintf("%s:%s", ADMIN_USER, password);
    const char *coded = authorization + strlen(scheme);
    size_t coded_length = strlen(coded), length = BASE64_DECODE_LENGTH(coded_length);
    cleanup_free uint8_t *given = xcalloc(1, length + 1);
    struct base64_decode_ctx decode;
    base64_decode_init(&decode);
    return base64_decode_update(&decode, &length, given, coded_length, coded) &&
           base64_decode_final(&decode) && length == strlen(wanted) && memeql_sec(given, wanted, length) != 0;
}

/* --- browsers --- */

/* "127.0.0.1:8081", "[::1]:8081", "localhost": without the port and the brackets. False: too long. */
static bool host_name(const char *host, char *ret_name, size_t size)
{
    size_t length = host[0] == '[' ? strcspn(++host, "]") : strcspn(host, ":");
    if (length >= size)
        return false;
    memcpy(ret_name, host, length);
    ret_name[length] = '\0';
    return true;
}

static bool is_own_host(const char *host)
{
    char name[HOST_MAX];
    struct in6_addr address;
    return host_name(host, name, sizeof(name)) &&
           (strcasecmp(name, "localhost") == 0 || inet_pton(AF_INET, name, &address) == 1 ||
            inet_pton(AF_INET6, name, &address) == 1);
}

static bool is_same_origin(const char *origin, const char *host)
{
    static const char scheme[] = "http://";
    return strncasecmp(origin, scheme, strlen(scheme)) == 0 && strcasecmp(origin + strlen(scheme), host) == 0;
}

int admin_check_browser(const char *host, const char *origin, struct error *err)
{
    if (host && !is_own_host(host)) {
        error_set(err, ERROR_FOREIGN_ORIGIN, "the management API does not answer to the name \"%.200s\"",
                  host);
        return error_hint(err, "call it by its address, or as localhost");
    }
    if (origin && (!host || !is_same_origin(origin, host))) {
        error_set(err, ERROR_FOREIGN_ORIGIN, "a page of \"%.200s\" may not use the management API", origin);
        return error_hint(err, "only what this address itself serves may");
    }
    return 0;
}
