#include "config/function_source.h"

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/suggest.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define NAMES_MAX 256 /* directory entries that a misspelt name is compared with */

enum lookup { LOOKUP_FOUND, LOOKUP_MISSING, LOOKUP_OUTSIDE, LOOKUP_FAILED };

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

/* Follows `root`/`path` to the end of all links. errno says why a lookup failed. */
static enum lookup look_up(const char *root, const char *path, char **ret_path)
{
    char real_root[PATH_MAX], real[PATH_MAX];
    if (!realpath(root, real_root))
        return errno == ENOENT || errno == ENOTDIR ? LOOKUP_MISSING : LOOKUP_FAILED;
    cleanup_free char *joined = xasprintf("%s/%s", real_root, path);
    if (!realpath(joined, real))
        return errno == ENOENT || errno == ENOTDIR ? LOOKUP_MISSING : LOOKUP_FAILED;
    size_t length = strlen(real_root);
    if (strncmp(real, real_root, length) != 0 || real[length] != '/')
        return LOOKUP_OUTSIDE;
    *ret_path = xstrdup(real);
    return LOOKUP_FOUND;
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
    char *roots[2];
    size_t count;
};

static struct places list_places(const char *base, const char *language)
{
    struct places places = {.count = 1};
    const char *prefix = strcmp(base, ".") == 0 ? "" : base;
    const char *slash = *prefix && prefix[strlen(prefix) - 1] != '/' ? "/" : "";
    places.roots[0] = xasprintf("%s%sfunctions", prefix, slash);
    bool plain = language && *language && *language != '.' && !strchr(language, '/');
    if (plain)
        places.roots[places.count++] = xasprintf("%s%s%s/functions", prefix, slash, language);
    return places;
}

static void report_missing(const struct places *places, const char *folder, struct position at,
                           struct reporter *reporter)
{
    cleanup_strbuf struct strbuf hint;
    strbuf_init(&hint, 16384);
    bool near = false;
    for (size_t i = 0; i < places->count && !near; i++)
        near = suggest_from(places->roots[i], folder, &hint);
    strbuf_append_text(&hint, near ? " Looked for " : "looked for ");
    for (size_t i = 0; i < places->count; i++)
        strbuf_append_format(&hint, "%s%s/%s", i ? " and " : "", places->roots[i], folder);
    reporter_error(reporter, at, strbuf_text(&hint), "there is no folder \"%s\"", quote(folder).text);
}

static void report_outside(const char *what, const char *path, struct position at, struct reporter *reporter)
{
    reporter_error(reporter, at,
                   "write a relative path, without \"..\" and without links that lead elsewhere",
                   "the %s \"%s\" leaves its root", what, quote(path).text);
}

static int find_folder(const struct places *places, const char *folder, struct position at,
                       struct reporter *reporter, char **ret_path)
{
    for (size_t i = 0; i < places->count; i++) {
        cleanup_free char *path = NULL;
        struct stat status;
        switch (look_up(places->roots[i], folder, &path)) {
        case LOOKUP_FOUND:
            if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
                *ret_path = steal(&path);
                return 0;
            }
            reporter_error(reporter, at, NULL, "\"%s\" is not a folder", quote(folder).text);
            return -1;
        case LOOKUP_OUTSIDE:
            report_outside("folder", folder, at, reporter);
            return -1;
        case LOOKUP_FAILED:
            reporter_error(reporter, at, NULL, "cannot open \"%s\": %s", quote(folder).text, strerror(errno));
            return -1;
        case LOOKUP_MISSING:
            break;
        }
    }
    report_missing(places, folder, at, reporter);
    return -1;
}

int function_source_folder(const char *base, const char *language, const char *folder, struct position at,
                           struct reporter *reporter, char **ret_path)
{
    if (!stays_inside(folder)) {
        report_outside("folder", folder, at, reporter);
        return -1;
    }
    struct places places = list_places(base, language);
    int rc = find_folder(&places, folder, at, reporter, ret_path);
    for (size_t i = 0; i < places.count; i++)
        free(places.roots[i]);
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
