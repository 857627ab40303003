#include "config/setting_folders.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/private_dir.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT_MAX 256

/* One member of a list on its way in. */
struct member {
    const char *key, *path;
    struct position at;
    struct reporter *reporter;
};

static int report_missing(const struct member *member)
{
    reporter_warning(member->reporter, member->at, "it counts from the next reload on at which it is there",
                     "\"%s\": there is no folder %s", member->key, member->path);
    return 0;
}

static int report_unusable(const struct member *member, const char *why)
{
    reporter_error(member->reporter, member->at, NULL, "\"%s\": %s cannot be used: %s", member->key,
                   member->path, why);
    return -1;
}

static int report_link(const struct member *member, const char *real)
{
    cleanup_free char *hint = xasprintf("if that is the one that is meant, write %s", real);
    reporter_error(member->reporter, member->at, hint,
                   "\"%s\": %s is a symbolic link or goes through one, and leads to %s", member->key,
                   member->path, real);
    return -1;
}

static int report_everything(const struct member *member)
{
    reporter_error(member->reporter, member->at, "list the folders that the functions are in",
                   "\"%s\": / would allow every folder of this machine", member->key);
    return -1;
}

static uid_t owner_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? status.st_uid : geteuid();
}

/* Whoever can change something in the folder can choose the code of functions. That others than its owner can
 * is never meant; its owner may well be. */
static int check_trust(const struct member *member, const char *real)
{
    struct error err;
    uid_t owner = owner_of(real);
    if (private_dir_check_trust(real, owner, &err) < 0) {
        reporter_error(member->reporter, member->at, err.hint[0] ? err.hint : NULL,
                       "\"%s\": others could put code of theirs into %s: %s", member->key, real, err.message);
        return -1;
    }
    if (owner != 0 && owner != geteuid() && owner != owner_of(member->reporter->file))
        reporter_warning(member->reporter, member->at, "list it only when that is meant",
                         "\"%s\": %s belongs to the user %u, who can so choose the code of functions",
                         member->key, real, owner);
    return 0;
}

static int add_path(const struct member *member, struct folder_list *list)
{
    cleanup_free char *real = realpath(member->path, NULL);
    cleanup_close int fd = -1;
    struct error err;
    if (!real)
        return errno == ENOENT ? report_missing(member) : report_unusable(member, strerror(errno));
    if (!fs_is_dir(real))
        return report_unusable(member, "it is not a folder");
    if (fs_open_real_dir(member->path, &fd, &err) < 0)
        return err.code == ERROR_IS_LINK ? report_link(member, real) : report_unusable(member, err.message);
    if (strcmp(real, "/") == 0)
        return report_everything(member);
    if (check_trust(member, real) < 0)
        return -1;
    folder_list_add(list, real);
    return 0;
}

static int add_node(const char *key, const struct yaml_tree_node *node, struct folder_list *list,
                    struct reporter *reporter)
{
    const struct member member = {key, node->text, node->at, reporter};
    if (node->flaw) {
        reporter_error(reporter, node->at, NULL, "%s", node->flaw);
        return -1;
    }
    if (node->kind == YAML_TREE_SCALAR && *node->text == '/')
        return add_path(&member, list);
    reporter_error(reporter, node->at, "such as [/srv/functions]",
                   "\"%s\" must be a list of absolute paths of folders; %s is none", key,
                   yaml_tree_describe(node).text);
    return -1;
}

int setting_folders_store(const char *key, const struct yaml_tree_node *node, struct folder_list *list,
                          struct reporter *reporter)
{
    folder_list_clear(list);
    if (node->kind != YAML_TREE_SEQUENCE)
        return add_node(key, node, list, reporter);
    if (node->count > COUNT_MAX) {
        reporter_error(reporter, node->at, "list a folder above several of them",
                       "\"%s\" has %zu entries; at most %d are possible", key, node->count, COUNT_MAX);
        return -1;
    }
    int result = 0;
    for (size_t i = 0; i < node->count; i++) {
        if (add_node(key, node->entries[i].value, list, reporter) < 0)
            result = -1;
    }
    return result;
}
