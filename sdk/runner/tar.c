#include "tar.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 512

struct header {
    char name[100];
    char mode[8];
    char owner[8];
    char group[8];
    char size[12];
    char mtime[12];
    char checksum[8];
    char type;
    char link[100];
    char magic[6];
    char version[2];
    char owner_name[32];
    char group_name[32];
    char device_major[8];
    char device_minor[8];
    char prefix[155];
    char unused[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is one block");

/* What a pax header says about the entry after it. */
struct pax {
    bool has_path, has_link, has_size, has_mtime;
    char path[TAR_PATH_MAX];
    char link[TAR_PATH_MAX];
    uint64_t size;
    int64_t mtime;
};

struct unpacker {
    tar_read_fn *read;
    void *context;
    char *message;
    int folder;
    int parent; /* the folder of the last entry, or -1 */
    char parent_path[TAR_PATH_MAX];
    struct pax pax;
    char path[TAR_PATH_MAX]; /* the entry under way */
    char link[TAR_PATH_MAX];
    char block[65536];
};

__attribute__((format(printf, 2, 3))) static int fail(struct unpacker *unpacker, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(unpacker->message, TAR_MESSAGE_SIZE, format, arguments);
    va_end(arguments);
    return -1;
}

static int fail_errno(struct unpacker *unpacker, const char *what)
{
    return fail(unpacker, "cannot %s %.150s: %s", what, unpacker->path, strerror(errno));
}

/* Reads exactly `size` bytes. */
static int read_all(struct unpacker *unpacker, void *buffer, size_t size)
{
    size_t used = 0;
    while (used < size) {
        ssize_t got = unpacker->read(unpacker->context, (char *)buffer + used, size - used);
        if (got == 0)
            return fail(unpacker, "the package is cut short");
        if (got < 0)
            return fail(unpacker, "cannot read the package: %s", strerror(errno));
        used += (size_t)got;
    }
    return 0;
}

static size_t padding(uint64_t size)
{
    return (size_t)((BLOCK - size % BLOCK) % BLOCK);
}

/* Octal digits after spaces, ended by a space, a NUL or the field's end. An empty field is 0. */
static bool parse_octal(const char *field, size_t width, uint64_t *ret_value)
{
    uint64_t value = 0;
    size_t i = 0;
    while (i < width && field[i] == ' ')
        i++;
    for (; i < width && field[i] >= '0' && field[i] <= '7'; i++)
        value = value * 8 + (uint64_t)(field[i] - '0');
    if (i < width && field[i] != ' ' && field[i] != '\0')
        return false;
    *ret_value = value;
    return true;
}

static bool is_checksum_right(const struct header *header)
{
    uint64_t expected, sum = 0;
    const unsigned char *bytes = (const unsigned char *)header;
    for (size_t i = 0; i < BLOCK; i++) {
        bool inside = i >= offsetof(struct header, checksum) && i < offsetof(struct header, type);
        sum += inside ? ' ' : bytes[i];
    }
    return parse_octal(header->checksum, sizeof(header->checksum), &expected) && expected == sum;
}

/* ---- pax headers ---- */

static bool parse_decimal(const char *text, size_t length, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (length == 0 || length > 18)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    *ret_value = value;
    return true;
}

static bool copy_text(char target[TAR_PATH_MAX], const char *text, size_t length)
{
    if (length >= TAR_PATH_MAX || memchr(text, '\0', length))
        return false;
    memcpy(target, text, length);
    target[length] = '\0';
    return true;
}

static bool pax_path(struct pax *pax, const char *value, size_t length)
{
    return pax->has_path = copy_text(pax->path, value, length);
}

static bool pax_link(struct pax *pax, const char *value, size_t length)
{
    return pax->has_link = copy_text(pax->link, value, length);
}

static bool pax_size(struct pax *pax, const char *value, size_t length)
{
    return pax->has_size = parse_decimal(value, length, &pax->size);
}

/* Seconds since 1970, with a fraction that is cut off. Times before are not kept. */
static bool pax_mtime(struct pax *pax, const char *value, size_t length)
{
    const char *point = memchr(value, '.', length);
    uint64_t seconds;
    if (length > 0 && value[0] == '-')
        return true;
    if (!parse_decimal(value, point ? (size_t)(point - value) : length, &seconds))
        return false;
    pax->mtime = (int64_t)seconds;
    return pax->has_mtime = true;
}

static const struct {
    const char *key;
    bool (*take)(struct pax *pax, const char *value, size_t length);
} pax_keys[] = {
    {"path", pax_path},
    {"linkpath", pax_link},
    {"size", pax_size},
    {"mtime", pax_mtime},
};

static bool take_record(struct pax *pax, const char *key, size_t key_length, const char *value, size_t length)
{
    for (size_t i = 0; i < sizeof(pax_keys) / sizeof(pax_keys[0]); i++)
        if (strlen(pax_keys[i].key) == key_length && memcmp(pax_keys[i].key, key, key_length) == 0)
            return pax_keys[i].take(pax, value, length);
    return true;
}

/* Records of the form "<length of the record> <key>=<value>\n". */
static bool parse_pax(struct pax *pax, const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        const char *record = text + at;
        const char *space = memchr(record, ' ', size - at);
        uint64_t length;
        if (!space || !parse_decimal(record, (size_t)(space - record), &length) || length > size - at)
            return false;
        const char *end = record + length;
        if (end - space < 3 || end[-1] != '\n')
            return false;
        const char *key = space + 1;
        const char *equals = memchr(key, '=', (size_t)(end - key));
        if (!equals || !take_record(pax, key, (size_t)(equals - key), equals + 1, (size_t)(end - equals - 2)))
            return false;
        at += length;
    }
    return true;
}

static int read_pax(struct unpacker *unpacker, uint64_t size, bool keep)
{
    char *text = unpacker->block;
    if (size > TAR_PAX_MAX - BLOCK)
        return fail(unpacker, "a pax header is larger than %d bytes", TAR_PAX_MAX - BLOCK);
    if (read_all(unpacker, text, size + padding(size)) < 0)
        return -1;
    if (keep && !parse_pax(&unpacker->pax, text, size))
        return fail(unpacker, "a pax header is malformed");
    return 0;
}

/* ---- Paths ---- */

/* Takes "./" and trailing slashes away; refuses what would leave the folder. An empty path is the folder. */
static int check_path(struct unpacker *unpacker)
{
    char *path = unpacker->path;
    while (path[0] == '.' && path[1] == '/')
        memmove(path, path + 2, strlen(path + 2) + 1);
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        path[--length] = '\0';
    if (strcmp(path, ".") == 0)
        path[0] = '\0';
    if (path[0] == '\0')
        return 0;
    for (const char *part = path;;) {
        size_t size = strcspn(part, "/");
        if (size == 0 || (size == 1 && part[0] == '.') || (size == 2 && memcmp(part, "..", 2) == 0))
            return fail(unpacker, "the path \"%.150s\" leaves the package", path);
        if (part[size] == '\0')
            return 0;
        part += size + 1;
    }
}

/* The link's text, taken from where the link stands, must not climb above the folder. */
static int check_link(struct unpacker *unpacker)
{
    int depth = 0;
    for (const char *c = unpacker->path; *c; c++)
        depth += *c == '/';
    const char *part = unpacker->link;
    bool inside = part[0] != '/' && part[0] != '\0';
    while (inside && *part) {
        size_t size = strcspn(part, "/");
        if (size == 2 && memcmp(part, "..", 2) == 0)
            inside = --depth >= 0;
        else if (size > 0 && !(size == 1 && part[0] == '.'))
            depth++;
        part += size + (part[size] == '/');
    }
    return inside ? 0
                  : fail(unpacker, "the link %.100s -> %.100s leaves the package", unpacker->path,
                         unpacker->link);
}

/* Opens one folder below another, made when it is missing, never through a link. */
static int open_below(int folder, const char *name)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(folder, name, flags);
    if (fd >= 0 || errno != ENOENT)
        return fd;
    if (mkdirat(folder, name, 0755) < 0 && errno != EEXIST)
        return -1;
    return openat(folder, name, flags);
}

static void forget_parent(struct unpacker *unpacker)
{
    if (unpacker->parent >= 0)
        close(unpacker->parent);
    unpacker->parent = -1;
}

/* Opens the folder `path` (its first `length` bytes) as unpacker->parent. */
static int walk_to(struct unpacker *unpacker, const char *path, size_t length)
{
    char name[NAME_MAX + 1];
    forget_parent(unpacker);
    int fd = fcntl(unpacker->folder, F_DUPFD_CLOEXEC, 0);
    for (const char *part = path; fd >= 0 && part < path + length;) {
        size_t size = strcspn(part, "/");
        if (size > NAME_MAX) {
            close(fd);
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(name, part, size);
        name[size] = '\0';
        int below = open_below(fd, name);
        int errnum = errno;
        close(fd);
        errno = errnum;
        fd = below;
        part += size + 1;
    }
    unpacker->parent = fd;
    return fd < 0 ? -1 : 0;
}

/* Makes unpacker->parent the folder of the entry, and gives the entry's name in it. */
static int open_parent(struct unpacker *unpacker, const char **ret_name)
{
    const char *slash = strrchr(unpacker->path, '/');
    size_t length = slash ? (size_t)(slash - unpacker->path) : 0;
    bool known = unpacker->parent >= 0 && strlen(unpacker->parent_path) == length &&
                 memcmp(unpacker->parent_path, unpacker->path, length) == 0;
    if (!known && walk_to(unpacker, unpacker->path, length) < 0)
        return fail_errno(unpacker, "make the folder of");
    memcpy(unpacker->parent_path, unpacker->path, length);
    unpacker->parent_path[length] = '\0';
    *ret_name = slash ? slash + 1 : unpacker->path;
    return 0;
}

/* ---- Entries ---- */

static int copy_content(struct unpacker *unpacker, int fd, uint64_t size)
{
    while (size > 0) {
        size_t part = size < sizeof(unpacker->block) ? (size_t)size : sizeof(unpacker->block);
        if (read_all(unpacker, unpacker->block, part) < 0)
            return -1;
        for (size_t used = 0; used < part;) {
            ssize_t written = write(fd, unpacker->block + used, part - used);
            if (written < 0 && errno == EINTR)
                continue;
            if (written < 0)
                return fail_errno(unpacker, "write");
            used += (size_t)written;
        }
        size -= part;
    }
    return 0;
}

static int unpack_file(struct unpacker *unpacker, uint64_t size, mode_t mode, int64_t mtime)
{
    const char *name = "";
    if (open_parent(unpacker, &name) < 0)
        return -1;
    mode = mode & 0100 ? 0755 : 0644;
    int fd = openat(unpacker->parent, name,
                    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode);
    if (fd < 0)
        return fail_errno(unpacker, "create");
    const struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_sec = mtime}};
    int rc = copy_content(unpacker, fd, size);
    if (rc == 0 && (fchmod(fd, mode) < 0 || futimens(fd, times) < 0))
        rc = fail_errno(unpacker, "finish");
    close(fd);
    char rest[BLOCK];
    return rc == 0 ? read_all(unpacker, rest, padding(size)) : -1;
}

static int unpack_folder(struct unpacker *unpacker)
{
    if (walk_to(unpacker, unpacker->path, strlen(unpacker->path)) < 0)
        return fail_errno(unpacker, "make the folder");
    memcpy(unpacker->parent_path, unpacker->path, strlen(unpacker->path) + 1);
    return 0;
}

static int unpack_link(struct unpacker *unpacker)
{
    const char *name = "";
    if (check_link(unpacker) < 0 || open_parent(unpacker, &name) < 0)
        return -1;
    if (unlinkat(unpacker->parent, name, 0) < 0 && errno != ENOENT)
        return fail_errno(unpacker, "replace");
    if (symlinkat(unpacker->link, unpacker->parent, name) < 0)
        return fail_errno(unpacker, "make the link");
    return 0;
}

/* The path and link text of the entry: from the pax header, else from prefix and name. */
static int take_texts(struct unpacker *unpacker, const struct header *header)
{
    const struct pax *pax = &unpacker->pax;
    int prefix = header->prefix[0] ? (int)strnlen(header->prefix, sizeof(header->prefix)) : 0;
    if (pax->has_path)
        memcpy(unpacker->path, pax->path, sizeof(pax->path));
    else
        snprintf(unpacker->path, sizeof(unpacker->path), "%.*s%s%.*s", prefix, header->prefix,
                 prefix ? "/" : "", (int)sizeof(header->name), header->name);
    if (pax->has_link)
        memcpy(unpacker->link, pax->link, sizeof(pax->link));
    else
        snprintf(unpacker->link, sizeof(unpacker->link), "%.*s", (int)sizeof(header->link), header->link);
    return check_path(unpacker);
}

static int unpack_entry(struct unpacker *unpacker, const struct header *header, uint64_t size)
{
    uint64_t mode = 0, mtime = 0;
    if (take_texts(unpacker, header) < 0)
        return -1;
    if (!parse_octal(header->mode, sizeof(header->mode), &mode) ||
        !parse_octal(header->mtime, sizeof(header->mtime), &mtime))
        return fail(unpacker, "the entry %.150s has a malformed number", unpacker->path);
    if (unpacker->pax.has_size)
        size = unpacker->pax.size;
    int64_t seconds = unpacker->pax.has_mtime ? unpacker->pax.mtime : (int64_t)mtime;
    unpacker->pax = (struct pax){0};
    if (header->type == '5' && size == 0)
        return unpack_folder(unpacker);
    if (unpacker->path[0] == '\0')
        return fail(unpacker, "an entry that is no folder has no name");
    if (header->type == '2' && size == 0)
        return unpack_link(unpacker);
    if (header->type == '0' || header->type == '\0')
        return unpack_file(unpacker, size, (mode_t)mode, seconds);
    return fail(unpacker, "%.150s is of a kind that a package cannot hold", unpacker->path);
}

/* 1: go on. 0: this was the end mark. */
static int unpack_next(struct unpacker *unpacker)
{
    static const char zeros[BLOCK];
    struct header header;
    uint64_t size;
    if (read_all(unpacker, &header, sizeof(header)) < 0)
        return -1;
    if (memcmp(&header, zeros, sizeof(header)) == 0)
        return 0;
    if (memcmp(header.magic, "ustar", sizeof(header.magic)) != 0 || !is_checksum_right(&header) ||
        !parse_octal(header.size, sizeof(header.size), &size))
        return fail(unpacker, "the package is not a POSIX tar");
    int rc = header.type == 'x' || header.type == 'g' ? read_pax(unpacker, size, header.type == 'x')
                                                      : unpack_entry(unpacker, &header, size);
    return rc < 0 ? -1 : 1;
}

int berth_tar_unpack(tar_read_fn *read, void *context, int folder, char message[TAR_MESSAGE_SIZE])
{
    struct unpacker *unpacker = calloc(1, sizeof(*unpacker));
    if (!unpacker) {
        snprintf(message, TAR_MESSAGE_SIZE, "out of memory");
        return -1;
    }
    *unpacker = (struct unpacker){
        .read = read, .context = context, .message = message, .folder = folder, .parent = -1};
    int rc = 1;
    for (unsigned entries = 0; rc == 1; entries++)
        rc = entries < TAR_ENTRIES_MAX
                 ? unpack_next(unpacker)
                 : fail(unpacker, "the package has more than %d entries", TAR_ENTRIES_MAX);
    forget_parent(unpacker);
    free(unpacker);
    return rc;
}
