#include "prepare/image/registry_login.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "prepare/image/credential_helper.h"
#include "prepare/image/registry_config.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_MAX (1u << 20)

/* NULL: this user has no home. */
static char *config_path(void)
{
    const char *folder = getenv("DOCKER_CONFIG"), *home = getenv("HOME");
    char text[4096];
    struct passwd entry, *found = NULL;
    if (folder && *folder)
        return xasprintf("%s/config.json", folder);
    if ((!home || !*home) && getpwuid_r(geteuid(), &entry, text, sizeof(text), &found) == 0 && found)
        home = found->pw_dir;
    return home && *home ? xasprintf("%s/.docker/config.json", home) : NULL;
}

/* What the file says: as registry_config_read(). */
static int look_up(const char *path, const char *registry, char **ret_helper, struct locked *ret_login,
                   struct error *err)
{
    char *text = NULL;
    size_t size = 0;
    int rc = fs_read_file(path, CONFIG_MAX, &text, &size, err);
    if (rc < 0 && (err->code == ERROR_NOT_FOUND || err->code == ERROR_NOT_A_DIRECTORY))
        return 0;
    if (rc == 0) {
        rc = registry_config_read(text, size, registry, ret_helper, ret_login, err);
        explicit_bzero(text, size);
        free(text);
    }
    if (rc < 0) {
        err->code = ERROR_IMAGE_LOGIN;
        error_prefix(err, "what Docker's command line knows of registries, %s, cannot be used", path);
        error_hint(err, "mend it, or log in again as the user of berthd: docker login");
    }
    return rc;
}

static int ask(const char *helper, const char *registry, struct locked *ret_login, struct error *err)
{
    cleanup_locked struct locked answer = {0};
    if (credential_helper_ask(helper, registry, &answer, err) < 0)
        return -1;
    if (!answer.bytes)
        return 0;
    if (registry_config_read_answer(answer.bytes, strlen(answer.bytes), registry, ret_login, err) == 0)
        return 0;
    return error_prefix(err, "the answer of docker-credential-%s for %s", helper, registry);
}

int registry_login_find(const char *registry, struct locked *ret_login, struct error *err)
{
    cleanup_free char *path = config_path(), *helper = NULL;
    *ret_login = (struct locked){0};
    if (!path)
        return 0;
    if (look_up(path, registry, &helper, ret_login, err) < 0)
        return -1;
    return helper ? ask(helper, registry, ret_login, err) : 0;
}
