#include "prepare/image/registry_config.h"

#include "base/alloc.h"
#include "base/cleanup.h"

#include <jansson.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#define TOKEN_USER "<token>" /* whose secret, of a helper, is an identity token */

struct credentials {
    const char *user, *password; /* NULL: none */
    const char *identity_token, *registry_token; /* likewise */
};

static void set_text(json_t *object, const char *name, const char *value)
{
    if (value && *value)
        json_object_set_new(object, name, json_string(value));
}

/* None when there is nothing in them. */
static struct locked make_login(const struct credentials *credentials, const char *registry)
{
    json_t *object = json_object();
    set_text(object, "username", credentials->user);
    set_text(object, "password", credentials->password);
    set_text(object, "identitytoken", credentials->identity_token);
    set_text(object, "registrytoken", credentials->registry_token);
    struct locked login = {0};
    if (json_object_size(object) > 0) {
        set_text(object, "serveraddress", registry);
        size_t size = json_dumpb(object, NULL, 0, JSON_COMPACT);
        cleanup_locked struct locked text = locked_make(size);
        json_dumpb(object, text.bytes, size, JSON_COMPACT);
        login = locked_make(sodium_base64_encoded_len(size, sodium_base64_VARIANT_URLSAFE));
        sodium_bin2base64(login.bytes, login.size, (const unsigned char *)text.bytes, size,
                          sodium_base64_VARIANT_URLSAFE);
    }
    json_decref(object);
    return login;
}

static const char *text_of(const json_t *object, const char *member)
{
    return json_string_value(json_object_get(object, member));
}

/* "host:port" of an address, which may have a scheme before it and a path behind it. */
static const char *host_of(const char *address, size_t *ret_length)
{
    static const char *const schemes[] = {"https://", "http://"};
    for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++) {
        if (strncmp(address, schemes[i], strlen(schemes[i])) == 0) {
            address += strlen(schemes[i]);
            break;
        }
    }
    *ret_length = strcspn(address, "/");
    return address;
}

static bool is_same_host(const char *one, const char *other)
{
    size_t one_length, other_length;
    one = host_of(one, &one_length);
    other = host_of(other, &other_length);
    return one_length == other_length && memcmp(one, other, one_length) == 0;
}

/* Of the entries of `auths`: that of the very name, else one of the same host. */
static const json_t *find_entry(const json_t *auths, const char *registry)
{
    const json_t *found = json_object_get(auths, registry), *entry;
    const char *address;
    if (found)
        return found;
    json_object_foreach((json_t *)auths, address, entry)
    {
        if (is_same_host(address, registry))
            return entry;
    }
    return NULL;
}

/* "user:password" in base64, as text; none when it is something else. */
static struct locked decode(const char *encoded)
{
    struct locked text = locked_make(strlen(encoded) + 1);
    size_t length = 0;
    if (sodium_base642bin((unsigned char *)text.bytes, text.size - 1, encoded, strlen(encoded), NULL, &length,
                          NULL, sodium_base64_VARIANT_ORIGINAL) < 0 ||
        !memchr(text.bytes, ':', length))
        locked_clear(&text);
    else
        text.bytes[length] = '\0';
    return text;
}

static int read_entry(const json_t *entry, const char *registry, struct locked *ret_login, struct error *err)
{
    struct credentials credentials = {.user = text_of(entry, "username"),
                                      .password = text_of(entry, "password"),
                                      .identity_token = text_of(entry, "identitytoken"),
                                      .registry_token = text_of(entry, "registrytoken")};
    const char *encoded = text_of(entry, "auth");
    cleanup_locked struct locked pair = {0};
    if (encoded && *encoded) {
        pair = decode(encoded);
        if (!pair.bytes)
            return error_set(err, ERROR_IMAGE_LOGIN, "what it has for %s is no user and password", registry);
        char *colon = strchr(pair.bytes, ':');
        if (colon) {
            *colon = '\0';
            credentials.user = pair.bytes;
            credentials.password = colon + 1;
        }
    }
    *ret_login = make_login(&credentials, registry);
    return 0;
}

/* The parser's own words would quote what stands there. */
static json_t *parse(const char *text, size_t size, struct error *err)
{
    json_error_t where;
    json_t *root = json_loadb(text, size, 0, &where);
    if (json_is_object(root))
        return root;
    json_decref(root);
    if (root)
        error_set(err, ERROR_IMAGE_LOGIN, "it is no JSON object");
    else
        error_set(err, ERROR_IMAGE_LOGIN, "it is no JSON: line %d, column %d", where.line, where.column);
    return NULL;
}

int registry_config_read(const char *text, size_t size, const char *registry, char **ret_helper,
                         struct locked *ret_login, struct error *err)
{
    json_t *root = parse(text, size, err);
    if (!root)
        return -1;
    const char *helper = text_of(json_object_get(root, "credHelpers"), registry);
    if (!helper)
        helper = text_of(root, "credsStore");
    *ret_helper = NULL;
    *ret_login = (struct locked){0};
    int rc = 0;
    if (helper && *helper)
        *ret_helper = xstrdup(helper);
    else
        rc = read_entry(find_entry(json_object_get(root, "auths"), registry), registry, ret_login, err);
    json_decref(root);
    return rc;
}

int registry_config_read_answer(const char *text, size_t size, const char *registry, struct locked *ret_login,
                                struct error *err)
{
    json_t *root = parse(text, size, err);
    if (!root)
        return -1;
    const char *user = text_of(root, "Username"), *secret = text_of(root, "Secret");
    struct credentials credentials = {.user = user, .password = secret};
    if (user && strcmp(user, TOKEN_USER) == 0)
        credentials = (struct credentials){.identity_token = secret};
    int rc = 0;
    if (user && secret)
        *ret_login = make_login(&credentials, registry);
    else
        rc = error_set(err, ERROR_IMAGE_LOGIN, "it names no user and secret");
    json_decref(root);
    return rc;
}
