#include "locations.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/default_dir.h"
#include "base/fs.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* The directory that this program's binary is in. */
static int program_dir(char *ret_dir, size_t size, struct error *err)
{
    ssize_t length = readlink("/proc/self/exe", ret_dir, size - 1);
    if (length < 0)
        return error_errno(err, COMPONENT_FILES, errno, "cannot read /proc/self/exe");
    ret_dir[length] = '\0';
    char *slash = strrchr(ret_dir, '/');
    *slash = '\0';
    return 0;
}

/* A path that need not exist, made absolute. */
static char *absolute(const char *path)
{
    if (path[0] == '/')
        return xstrdup(path);
    char here[PATH_MAX];
    return getcwd(here, sizeof(here)) ? xasprintf("%s/%s", here, path) : xstrdup(path);
}

/* The first of the candidates, relative to the program's directory, that exists; else the first. */
static char *beside_program(const char *dir, const char *const *candidates)
{
    for (size_t i = 0; candidates[i]; i++) {
        char *path = xasprintf("%s/%s", dir, candidates[i]);
        if (fs_exists(path))
            return path;
        free(path);
    }
    return xasprintf("%s/%s", dir, candidates[0]);
}

/* The folder `name` beside the file at `path`. */
static char *beside_file(const char *path, const char *name)
{
    cleanup_free char *whole = absolute(path);
    return xasprintf("%.*s/%s", (int)(strrchr(whole, '/') - whole), whole, name);
}

int locations_find(const char *config_path, const struct host_settings *host, struct locations *ret_locations,
                   struct error *err)
{
    static const char *const plugin_dirs[] = {"../plugins", "../lib/berth/plugins", NULL};
    static const char *const job_programs[] = {"berth-build-job", "../libexec/berth/berth-build-job", NULL};
    static const char *const firewall_programs[] = {"berth-firewall", "../libexec/berth/berth-firewall",
                                                    NULL};
    char dir[PATH_MAX];
    if (program_dir(dir, sizeof(dir), err) < 0)
        return -1;
    struct stat status;
    if (stat(dir, &status) < 0)
        return error_errno(err, COMPONENT_FILES, errno, "cannot look at %s", dir);
    *ret_locations = (struct locations){
        .state_dir = host->state_dir ? absolute(host->state_dir) : default_state_dir(),
        .run_dir = host->run_dir ? absolute(host->run_dir) : default_run_dir(),
        .plugin_dir = host->plugin_dir ? absolute(host->plugin_dir) : beside_program(dir, plugin_dirs),
        .own_plugin_dir = beside_file(config_path, "plugins"),
        .owner = status.st_uid,
        .build_job_program = beside_program(dir, job_programs),
        .firewall_program = beside_program(dir, firewall_programs),
        .secret_key_file =
            host->secret_key_file ? absolute(host->secret_key_file) : default_secret_key_file(),
    };
    return 0;
}

void locations_clear(struct locations *locations)
{
    free(locations->state_dir);
    free(locations->run_dir);
    free(locations->plugin_dir);
    free(locations->own_plugin_dir);
    free(locations->build_job_program);
    free(locations->firewall_program);
    free(locations->secret_key_file);
    *locations = (struct locations){0};
}
