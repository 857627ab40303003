#include "prepare/store/deployment_store.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/ident.h"
#include "prepare/store/sealed_file.h"
#include "prepare/store/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define ID_DIGITS 16

static char *place_of(const char *state, const char *name)
{
    return xasprintf("%s/deployed/%s", state, name);
}

static char *file_of(const char *state, const char *name)
{
    return xasprintf("%s/deployed/%s/deployment", state, name);
}

char **deployment_store_names(const char *state)
{
    cleanup_free char *folder = place_of(state, "");
    cleanup_dir DIR *dir = opendir(folder);
    char **names = NULL;
    size_t count = 0;
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        cleanup_free char *file = file_of(state, entry->d_name);
        if (entry->d_name[0] == '.' || !fs_exists(file))
            continue;
        names = xgrow(names, count, sizeof(*names));
        names[count++] = xstrdup(entry->d_name);
    }
    state_dir_sort(names, count);
    names = xgrow(names, count, sizeof(*names));
    names[count] = NULL;
    return names;
}

/* --- one of them --- */

static int check_shape(const json_t *json, struct error *err)
{
    const json_t *given = json_object_get(json, "folder");
    const char *folder = given ? json_string_value(given) : "";
    if (!json_is_object(json_object_get(json, "configuration")) || !folder || strchr(folder, '/') ||
        *folder == '.')
        return sealed_damaged(err, "something is missing in it");
    return 0;
}

int deployment_store_read(const char *state, const char *name, struct deployment *ret_deployment,
                          struct error *err)
{
    cleanup_free char *file = file_of(state, name);
    json_t *json;
    if (sealed_read(file, &json, err) < 0)
        return -1;
    if (check_shape(json, err) < 0) {
        json_decref(json);
        return -1;
    }
    const char *id = json_string_value(json_object_get(json, "folder"));
    ret_deployment->base = id ? xasprintf("%s/deployed/%s/%s", state, name, id) : place_of(state, name);
    ret_deployment->json = json;
    return 0;
}

void deployment_clear(struct deployment *deployment)
{
    free(deployment->base);
    json_decref(deployment->json);
    *deployment = (struct deployment){0};
}

/* --- a new one --- */

int deployment_store_stage(const char *state, char **ret_folder, struct error *err)
{
    cleanup_free char *folder = state_dir_stage(state);
    if (fs_make_dirs(folder, 0700, err) < 0)
        return -1;
    *ret_folder = steal(&folder);
    return 0;
}

static int sync_disk(const char *folder, struct error *err)
{
    cleanup_close int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || syncfs(fd) < 0)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot sync %s", folder);
    return 0;
}

/* Moves a staged folder to `<place>/<id>/functions/<name>`. */
static int place_folder(const char *place, const char *id, const char *name, const char *folder,
                        struct error *err)
{
    cleanup_free char *above = xasprintf("%s/%s/functions", place, id);
    cleanup_free char *target = xasprintf("%s/%s", above, name);
    if (fs_make_dirs(above, 0700, err) < 0)
        return -1;
    if (chmod(folder, 0755) < 0 || rename(folder, target) < 0)
        return error_errno(err, COMPONENT_BUILD, errno, "cannot move the files to %s", target);
    return sync_disk(above, err);
}

static bool is_text(const char *text, const char *other)
{
    return other && strcmp(text, other) == 0;
}

/* Folders of earlier deployments go, but for the one before, which a preparation may be reading. Both may be
 * NULL. */
static void remove_older(const char *place, const char *now, const char *before)
{
    cleanup_dir DIR *dir = opendir(place);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        cleanup_free char *path = xasprintf("%s/%s", place, entry->d_name);
        if (entry->d_name[0] != '.' && fs_is_dir(path) && !is_text(entry->d_name, now) &&
            !is_text(entry->d_name, before))
            fs_remove_tree(path, NULL);
    }
}

static json_int_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (json_int_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int deployment_store_put(const char *state, const char *name, const char *folder, json_t *json,
                         struct error *err)
{
    struct deployment old = {0};
    cleanup_free char *place = place_of(state, name), *file = file_of(state, name);
    deployment_store_read(state, name, &old, NULL);
    const json_t *created = json_object_get(old.json, "created_ms");
    if (folder) {
        char id[ID_DIGITS + 1];
        ident_random(id, ID_DIGITS);
        json_object_set_new(json, "folder", json_string(id));
    }
    json_object_set_new(json, "created_ms", json_integer(created ? json_integer_value(created) : now_ms()));
    const char *id = json_string_value(json_object_get(json, "folder"));
    cleanup_free char *text = sealed_text(json);
    int rc = folder ? place_folder(place, id, name, folder, err) : fs_make_dirs(place, 0700, err);
    if (rc == 0)
        rc = text ? fs_write_file(file, text, strlen(text), 0600, err)
                  : error_set(err, ERROR_BAD_CALL, "a text in it is no UTF-8");
    if (rc == 0)
        remove_older(place, id, json_string_value(json_object_get(old.json, "folder")));
    deployment_clear(&old);
    return rc;
}

int deployment_store_remove(const char *state, const char *name, struct error *err)
{
    cleanup_free char *place = place_of(state, name), *aside = state_dir_stage(state);
    if (rename(place, aside) < 0)
        return errno == ENOENT ? 0 : error_errno(err, COMPONENT_BUILD, errno, "cannot remove %s", place);
    return fs_remove_tree(aside, err);
}
