#include "config/function_source.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/strbuf.h"
#include "base/suggest.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define NAMES_MAX 256 /* directory entries that a misspelt name is compared with */

enum lookup {
    LOOKUP_FOUND,
    LOOKUP_MISSING,
    LOOKUP_ITSELF, /* it leads to where it was looked for */
    LOOKUP_OUTSIDE,
    LOOKUP_FAILED,
};

/* True when the text itself stays inside: relative, and without "..". */
static bool stays_inside(const char *path)
{
    if (*path == '/')
        return false;
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || !part[2]))
            return false;
    }
    return true;
}

/* Follows `root`/`path` to the end of all links, also to outside. errno says why a lookup failed. */
static enum lookup look_up(const char *root, const char *path, char **ret_path)
{
    char real_root[PATH_MAX], real[PATH_MAX];
    if (!realpath(root, real_root))
        return errno == ENOENT || errno == ENOTDIR ? LOOKUP_MISSING : LOOKUP_FAILED;
    cleanup_free char *joined = xasprintf("%s/%s", real_root, path);
    if (!realpath(joined, real))
        return errno == ENOENT || errno == ENOTDIR ? LOOKUP_MISSING : LOOKUP_FAILED;
    *ret_path = xstrdup(real);
    if (strcmp(real, real_root) == 0)
        return LOOKUP_ITSELF;
    return fs_is_within(real, real_root) ? LOOKUP_FOUND : LOOKUP_OUTSIDE;
}

/* Appends to `hint` the name in `directory` that `name` may have been meant to be. */
static bool suggest_from(const char *directory, const char *name, struct strbuf *hint)
{
    cleanup_dir DIR *listing = opendir(directory);
    char *names[NAMES_MAX];
    size_t count = 0;
    const struct dirent *entry;
    while (listing && count < NAMES_MAX && (entry = readdir(listing))) {
        if (entry->d_name[0] != '.')
            names[count++] = xstrdup(entry->d_name);
    }
    const char *nearest = suggest_nearest(name, (const char *const *)names, count);
    if (nearest)
        strbuf_append_format(hint, "did you mean \"%s\"?", nearest);
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    return nearest != NULL;
}

/* The places to search, as users know them: relative to the YAML file's own spelling. */
struct places {
    char *folders[2];
    size_t count;
    const struct function_place *of;
};

static struct places list_places(const struct function_place *place)
{
    const char *base = place->base, *language = place->language;
    struct places places = {.count = 1, .of = place};
    const char *prefix = strcmp(base, ".") == 0 ? "" : base;
    const char *slash = *prefix && prefix[strlen(prefix) - 1] != '/' ? "/" : "";
    places.folders[0] = xasprintf("%s%sfunctions", prefix, slash);
    bool plain = language && *language && *language != '.' && !strchr(language, '/');
    if (plain)
        places.folders[places.count++] = xasprintf("%s%s%s/functions", prefix, slash, language);
    return places;
}

/* Tells of a link that leads to nothing; false when there is none. */
static bool report_dangling(const struct places *places, const char *folder, struct position at,
                            struct reporter *reporter)
{
    for (size_t i = 0; i < places->count; i++) {
        cleanup_free char *link = xasprintf("%s/%s", places->folders[i], folder);
        char target[PATH_MAX];
        ssize_t length = readlink(link, target, sizeof(target) - 1);
        if (length < 0)
            continue;
        target[length] = '\0';
        reporter_error(reporter, at, NULL, "the link %s leads to %s, and there is nothing", link, target);
        return true;
    }
    return false;
}

static int report_missing(const struct places *places, const char *folder, struct position at,
                          struct reporter *reporter)
{
    if (report_dangling(places, folder, at, reporter))
        return -1;
    if (places->of->optional)
        return 0;
    cleanup_strbuf struct strbuf hint;
    strbuf_init(&hint, 16384);
    bool near = false;
    for (size_t i = 0; i < places->count && !near; i++)
        near = suggest_from(places->folders[i], folder, &hint);
    strbuf_append_text(&hint, near ? " Looked for " : "looked for ");
    for (size_t i = 0; i < places->count; i++)
        strbuf_append_format(&hint, "%s%s/%s", i ? " and " : "", places->folders[i], folder);
    if (places->of->instead)
        strbuf_append_format(&hint, "; with \"%s\", and \"function_folder\" left out, it needs none",
                             places->of->instead);
    reporter_error(reporter, at, strbuf_text(&hint), "there is no folder \"%s\"", quote(folder).text);
    return -1;
}

static void report_outside(const char *what, const char *path, struct position at, struct reporter *reporter)
{
    reporter_error(reporter, at,
                   "write a relative path, without \"..\" and without links that lead elsewhere",
                   "the %s \"%s\" leaves its root", what, quote(path).text);
}

/* The folder is, or is reached through, a link to `target`, where nobody has allowed it to lead. */
static void report_led_out(const char *folder, const char *target, struct position at,
                           struct reporter *reporter)
{
    cleanup_free char *hint = xasprintf(
        "to allow it, list that folder or one above it in the section \"host\": roots: [\"%s\"]", target);
    reporter_error(reporter, at, hint,
                   "the folder \"%s\" leads by a symbolic link to %s, which \"roots\" does not allow",
                   quote(folder).text, target);
}

/* Follows the folder in one of the places. One that leads elsewhere is found when it may. */
static enum lookup look_up_folder(const struct places *places, size_t i, const char *folder, char **ret_path)
{
    enum lookup found = look_up(places->folders[i], folder, ret_path);
    bool allowed = found == LOOKUP_OUTSIDE && folder_list_has(places->of->roots, *ret_path);
    return allowed ? LOOKUP_FOUND : found;
}

/* *ret_path stays as it is when there is none, and need not be. */
static int find_folder(const struct places *places, const char *folder, struct position at,
                       struct reporter *reporter, char **ret_path)
{
    for (size_t i = 0; i < places->count; i++) {
        cleanup_free char *path = NULL;
        struct stat status;
        switch (look_up_folder(places, i, folder, &path)) {
        case LOOKUP_FOUND:
            if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
                *ret_path = steal(&path);
                return 0;
            }
            reporter_error(reporter, at, NULL, "\"%s\" is not a folder", quote(folder).text);
            return -1;
        case LOOKUP_ITSELF:
            report_outside("folder", folder, at, reporter);
            return -1;
        case LOOKUP_OUTSIDE:
            report_led_out(folder, path, at, reporter);
            return -1;
        case LOOKUP_FAILED:
            reporter_error(reporter, at, NULL, "cannot open \"%s\": %s", quote(folder).text, strerror(errno));
            return -1;
        case LOOKUP_MISSING:
            break;
        }
    }
    return report_missing(places, folder, at, reporter);
}

int function_source_folder(const struct function_place *place, const char *folder, struct position at,
                           struct reporter *reporter, char **ret_path)
{
    if (!stays_inside(folder)) {
        report_outside("folder", folder, at, reporter);
        return -1;
    }
    struct places places = list_places(place);
    int rc = find_folder(&places, folder, at, reporter, ret_path);
    for (size_t i = 0; i < places.count; i++)
        free(places.folders[i]);
    return rc;
}

/* An absolute path below `base` as users know it: in the spelling of `base`. The caller frees it. */
static char *shown_path(const char *base, const char *path)
{
    char real_base[PATH_MAX];
    size_t length = realpath(base, real_base) ? strlen(real_base) : 0;
    if (length == 0 || strncmp(path, real_base, length) != 0 || path[length] != '/')
        return xstrdup(path);
    return strcmp(base, ".") == 0 ? xstrdup(path + length + 1) : xasprintf("%s%s", base, path + length);
}

static void report_no_file(const char *base, const char *folder, const char *file, struct position at,
                           struct reporter *reporter)
{
    cleanup_strbuf struct strbuf hint;
    strbuf_init(&hint, 16384);
    const char *slash = strrchr(file, '/');
    cleanup_free char *directory = xasprintf("%s/%.*s", folder, slash ? (int)(slash - file) : 0, file);
    bool near = suggest_from(directory, slash ? slash + 1 : file, &hint);
    cleanup_free char *shown = shown_path(base, folder);
    strbuf_append_format(&hint, "%s %s/%s", near ? " Looked for" : "looked for", shown, file);
    reporter_error(reporter, at, strbuf_text(&hint), "there is no file \"%s\"", quote(file).text);
}

int function_source_file(const char *base, const char *folder, const char *file, struct position at,
                         struct reporter *reporter)
{
    if (!stays_inside(file)) {
        report_outside("file", file, at, reporter);
        return -1;
    }
    cleanup_free char *path = NULL;
    struct stat status;
    switch (look_up(folder, file, &path)) {
    case LOOKUP_FOUND:
        if (stat(path, &status) == 0 && S_ISREG(status.st_mode))
            return 0;
        reporter_error(reporter, at, NULL, "\"%s\" is not a plain file", quote(file).text);
        return -1;
    case LOOKUP_ITSELF:
    case LOOKUP_OUTSIDE:
        report_outside("file", file, at, reporter);
        return -1;
    case LOOKUP_FAILED:
        reporter_error(reporter, at, NULL, "cannot open \"%s\": %s", quote(file).text, strerror(errno));
        return -1;
    case LOOKUP_MISSING:
        break;
    }
    report_no_file(base, folder, file, at, reporter);
    return -1;
}
