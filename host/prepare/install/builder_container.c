#include "prepare/install/builder_container.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/ident.h"
#include "prepare/image/runtime_image.h"
#include "prepare/process/host_environment.h"
#include "prepare/store/dependency_store.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FOLDER           "/berth/build" /* where the staged folder is mounted */
#define CODE             "/berth/code" /* where the package is */
#define ENVIRONMENT_FILE "environment"
#define PIDS_MAX         512
#define OOM_SCORE        800 /* goes before functions: it can be begun anew, and nobody waits for an answer */
#define TMP_BYTES        (64u << 20) /* of /tmp, for what does not look at TMPDIR */
#define LOG_BYTES_MAX    (16u << 20)

unsigned builder_uid(void)
{
    return geteuid() == 0 ? RUNTIME_IMAGE_UID : geteuid();
}

unsigned builder_gid(void)
{
    return geteuid() == 0 ? RUNTIME_IMAGE_GID : getegid();
}

int builder_write_environment(const struct builder_spec *spec, const char *ca, struct error *err)
{
    struct environment environment = {0};
    environment_add(&environment, "BERTH_TARGET", FOLDER "/" DEPENDENCY_TARGET);
    environment_add(&environment, "BERTH_CODE", CODE);
    environment_add(&environment, "TMPDIR", FOLDER "/" DEPENDENCY_TMP);
    environment_add(&environment, "HOME", FOLDER "/" DEPENDENCY_TMP);
    for (char *const *entry = spec->environment; *entry; entry++)
        environment_add_entry(&environment, *entry);
    host_environment_add_installer(&environment, ca != NULL);
    cleanup_free char *path = xasprintf("%s/" ENVIRONMENT_FILE, spec->staged);
    int rc = environment_write(&environment, path, builder_uid(), builder_gid(), err);
    environment_clear(&environment);
    return rc;
}

/* The command behind a shell that reads the variables first. The caller frees the array only. */
static const char **entrypoint_of(char *const *argv)
{
    static const char *const shell[] = {"/bin/sh", "-c", ". " FOLDER "/" ENVIRONMENT_FILE " && exec \"$@\"",
                                        "install"};
    size_t before = sizeof(shell) / sizeof(*shell), count = 0;
    while (argv[count])
        count++;
    const char **all = xcalloc(before + count + 1, sizeof(*all));
    memcpy(all, shell, sizeof(shell));
    for (size_t i = 0; i < count; i++)
        all[before + i] = argv[i];
    return all;
}

/* The engine refuses more processors than there are. */
static double cpus_of(const struct builder_limits *limits)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 && limits->cpus > (double)cores ? (double)cores : limits->cpus;
}

struct docker_call *builder_create_container(const struct builder_spec *spec, const char *ca,
                                             docker_id_fn *created, void *owner)
{
    cleanup_free char *user = xasprintf("%u:%u", builder_uid(), builder_gid());
    cleanup_free const char **entrypoint = entrypoint_of(spec->argv);
    char id[13], name[32];
    ident_random(id, sizeof(id) - 1);
    snprintf(name, sizeof(name), "berth-builder-%s", id);
    const struct docker_bind binds[] = {
        {spec->staged, FOLDER, false}, {spec->code, CODE, true}, {ca, HOST_CA_TARGET, true}};
    const struct docker_tmpfs tmpfs = {.target = "/tmp", .size_bytes = TMP_BYTES, .executable = true};
    const struct docker_pair labels[] = {
        {"berth.host", spec->owner}, {"berth.runtime", spec->runtime}, {"berth.builder", spec->key}};
    const struct docker_container container = {
        .name = name,
        .image = spec->image,
        .entrypoint = entrypoint,
        .working_dir = FOLDER "/" DEPENDENCY_TMP,
        .user = user,
        .labels = labels,
        .label_count = sizeof(labels) / sizeof(*labels),
        .binds = binds,
        .bind_count = ca ? 3 : 2,
        .tmpfs = &tmpfs,
        .tmpfs_count = 1,
        .own_seccomp = true,
        .oom_score_adj = OOM_SCORE,
        .limits = {.memory_bytes = spec->limits.memory_bytes,
                   .cpus = cpus_of(&spec->limits),
                   .pids = PIDS_MAX},
        .network = spec->network,
        .read_only_root = true,
        .log_max_bytes = LOG_BYTES_MAX,
    };
    return docker_container_create(spec->docker, &container, created, owner);
}
