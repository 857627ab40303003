#include "image_name.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define NAME_MAX_BYTES 255
#define TAG_MAX_BYTES  128
#define DIGEST_BEGIN   "sha256:"
#define DIGEST_DIGITS  64

#define LOWER          "abcdefghijklmnopqrstuvwxyz"
#define UPPER          "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS         "0123456789"

/* Text that is not ended by a NUL. */
struct part {
    const char *at;
    size_t length;
};

static bool consists_of(struct part part, const char *characters)
{
    return strspn(part.at, characters) >= part.length;
}

static bool is_one_of(char c, const char *characters)
{
    return c && strchr(characters, c);
}

/* Lower case words, between them one dot, one or two underscores, or dashes. */
static bool is_component(struct part part)
{
    if (part.length == 0 || !is_one_of(part.at[0], LOWER DIGITS) ||
        !is_one_of(part.at[part.length - 1], LOWER DIGITS) || !consists_of(part, LOWER DIGITS "._-"))
        return false;
    for (size_t i = 0; i < part.length;) {
        size_t run = strspn(part.at + i, "._-");
        const char *separator = part.at + i;
        if (run > 1 && !(run == 2 && strncmp(separator, "__", 2) == 0) && strspn(separator, "-") < run)
            return false;
        i += run + 1;
    }
    return true;
}

/* Only what can be no component of a path is taken for a host: it has a dot, a port, or is localhost. */
static bool is_host(struct part part)
{
    return memchr(part.at, '.', part.length) || memchr(part.at, ':', part.length) ||
           (part.length == 9 && memcmp(part.at, "localhost", 9) == 0);
}

static bool is_good_host(struct part host)
{
    const char *colon = memchr(host.at, ':', host.length);
    struct part name = {host.at, colon ? (size_t)(colon - host.at) : host.length};
    struct part port = {colon ? colon + 1 : "", colon ? host.length - name.length - 1 : 0};
    return name.length > 0 && consists_of(name, LOWER UPPER DIGITS ".-") &&
           (!colon || (port.length > 0 && port.length <= 5 && consists_of(port, DIGITS)));
}

static const char *path_problem(struct part path)
{
    const char *slash = memchr(path.at, '/', path.length);
    if (slash && is_host((struct part){path.at, (size_t)(slash - path.at)})) {
        struct part host = {path.at, (size_t)(slash - path.at)};
        if (!is_good_host(host))
            return "what stands before the first slash is no host of a registry";
        path = (struct part){slash + 1, path.length - host.length - 1};
    }
    while ((slash = memchr(path.at, '/', path.length))) {
        struct part component = {path.at, (size_t)(slash - path.at)};
        if (!is_component(component))
            return "its path has other characters than lower case letters, digits and . _ - between them";
        path = (struct part){slash + 1, path.length - component.length - 1};
    }
    return is_component(path) ? NULL
                              : "its path has other characters than lower case letters, digits and . _ - "
                                "between them";
}

static const char *tag_problem(struct part tag)
{
    bool good = tag.length > 0 && tag.length <= TAG_MAX_BYTES && !is_one_of(tag.at[0], ".-") &&
                consists_of(tag, LOWER UPPER DIGITS "._-");
    return good ? NULL : "its tag is empty, too long, or has other characters than letters, digits and . _ -";
}

static const char *digest_problem(const char *digest)
{
    size_t begin = sizeof(DIGEST_BEGIN) - 1;
    bool good = strncmp(digest, DIGEST_BEGIN, begin) == 0 && strlen(digest) == begin + DIGEST_DIGITS &&
                strspn(digest + begin, DIGITS "abcdef") == DIGEST_DIGITS;
    return good ? NULL : "its digest is not sha256: with 64 hexadecimal digits";
}

const char *image_name_problem(const char *name)
{
    const char *problem = NULL;
    size_t length = strcspn(name, "@");
    if (name[length])
        problem = digest_problem(name + length + 1);
    const char *last_slash = memrchr(name, '/', length);
    const char *from = last_slash ? last_slash : name;
    const char *colon = memchr(from, ':', length - (size_t)(from - name));
    struct part path = {name, colon ? (size_t)(colon - name) : length};
    if (!problem && colon)
        problem = tag_problem((struct part){colon + 1, length - path.length - 1});
    if (!problem && path.length > NAME_MAX_BYTES)
        problem = "it is longer than 255 bytes";
    return problem ? problem : path_problem(path);
}
