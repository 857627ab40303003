#include "language.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* 0: a plain file of that name is in the folder. -1 with errno, which is 0 when it is another kind of thing.
 */
static int look_at(const struct language_job *about, const char *file)
{
    char path[8192];
    struct stat status;
    if (snprintf(path, sizeof(path), "%s/%s", about->function->folder, file) >= (int)sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (stat(path, &status) < 0)
        return -1;
    errno = 0;
    return S_ISREG(status.st_mode) ? 0 : -1;
}

static int take(const struct language_job *about, const char *file, char ret_file[ENTRY_NAME_MAX])
{
    if (look_at(about, file) < 0) {
        finding_add(about, BERTH_SEVERITY_ERROR, NULL, "name the file that answers requests with `file:`",
                    "cannot read %.300s: %s", file, errno ? strerror(errno) : "it is no plain file");
        return -1;
    }
    if (!text_is_clean(file) || strlen(file) >= ENTRY_NAME_MAX) {
        finding_add(about, BERTH_SEVERITY_ERROR, NULL, "give it another name",
                    "the name of %.300s is too long, or not UTF-8", file);
        return -1;
    }
    snprintf(ret_file, ENTRY_NAME_MAX, "%s", file);
    return 0;
}

/* Chooses among those that have the language's suffix. */
static int choose(const struct language_job *about, char ret_file[ENTRY_NAME_MAX])
{
    const char *suffix = berth_language.suffix;
    const char *only = NULL;
    unsigned count = 0;
    char **names = names_in(about->function->folder, berth_language.exclude);
    for (size_t i = 0; names && names[i]; i++) {
        size_t length = strlen(names[i]), end = strlen(suffix);
        if (length > end && strcmp(names[i] + length - end, suffix) == 0 && look_at(about, names[i]) == 0) {
            only = names[i];
            count++;
        }
    }
    int rc = count == 1 ? take(about, only, ret_file) : -1;
    if (count == 0)
        finding_add(about, BERTH_SEVERITY_ERROR, NULL, "write it, or name another file with `file:`",
                    "there is no %s", berth_language.file);
    else if (count > 1)
        finding_add(about, BERTH_SEVERITY_ERROR, NULL, "name the one that answers requests with `file:`",
                    "there are %u files that end in %s, and no %s among them", count, suffix,
                    berth_language.file);
    names_free(names);
    return rc;
}

int entry_find(const struct language_job *about, char ret_file[ENTRY_NAME_MAX])
{
    if (about->function->file)
        return take(about, about->function->file, ret_file);
    if (look_at(about, berth_language.file) == 0)
        return take(about, berth_language.file, ret_file);
    return choose(about, ret_file);
}
