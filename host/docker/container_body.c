#include "docker/container_body.h"

#include "docker/answer.h"
#include "docker/seccomp_profile.h"

#define SHM_BYTES_DEFAULT (16u << 20)
#define LOG_BYTES_DEFAULT (1u << 20)
#define STOP_SECONDS      10
#define TMPFS_MODE        01777
#define NANO_CPUS         1e9

/* The helpers below return -1 when a value could not be made, which only text that is not UTF-8 does; the
 * caller adds the results up. */

static int put_text(json_t *object, const char *key, const char *text)
{
    return text ? json_object_set_new(object, key, json_string(text)) : 0;
}

static int put_integer(json_t *object, const char *key, int64_t value)
{
    return json_object_set_new(object, key, json_integer(value));
}

static int put_list(json_t *object, const char *key, const char *const *texts)
{
    if (!texts)
        return 0;
    json_t *list = json_array();
    int failed = 0;
    for (; *texts; texts++)
        failed |= json_array_append_new(list, json_string(*texts));
    return failed | json_object_set_new(object, key, list);
}

static int put_limits(json_t *host, const struct docker_limits *limits)
{
    int failed = 0;
    if (limits->memory_bytes) {
        failed |= put_integer(host, "Memory", (int64_t)limits->memory_bytes);
        failed |= put_integer(host, "MemorySwap", (int64_t)limits->memory_bytes);
    }
    if (limits->cpus > 0)
        failed |= put_integer(host, "NanoCpus", (int64_t)(limits->cpus * NANO_CPUS + 0.5));
    if (limits->pids)
        failed |= put_integer(host, "PidsLimit", limits->pids);
    return failed;
}

json_t *container_body_limits(const struct docker_limits *limits)
{
    json_t *root = json_object();
    put_limits(root, limits);
    return root;
}

/* Mounts, unlike the older Binds, refuse a source that does not exist instead of making it. */
static int put_binds(json_t *host, const struct docker_container *container)
{
    json_t *mounts = json_array();
    int failed = 0;
    for (size_t i = 0; i < container->bind_count; i++) {
        const struct docker_bind *bind = &container->binds[i];
        json_t *mount = json_object();
        failed |= put_text(mount, "Type", "bind");
        failed |= put_text(mount, "Source", bind->source);
        failed |= put_text(mount, "Target", bind->target);
        failed |= json_object_set_new(mount, "ReadOnly", json_boolean(bind->read_only));
        failed |= json_array_append_new(mounts, mount);
    }
    return failed | json_object_set_new(host, "Mounts", mounts);
}

static int put_tmpfs(json_t *host, const struct docker_container *container)
{
    json_t *all = json_object();
    int failed = 0;
    for (size_t i = 0; i < container->tmpfs_count; i++) {
        const struct docker_tmpfs *tmpfs = &container->tmpfs[i];
        char size[40] = "", options[160];
        if (tmpfs->size_bytes)
            snprintf(size, sizeof(size), ",size=%llu", (unsigned long long)tmpfs->size_bytes);
        snprintf(options, sizeof(options), "rw,nosuid,nodev,%s,mode=%o,uid=%u,gid=%u%s",
                 tmpfs->executable ? "exec" : "noexec", tmpfs->mode ? tmpfs->mode : TMPFS_MODE, tmpfs->user,
                 tmpfs->group, size);
        failed |= put_text(all, tmpfs->target, options);
    }
    return failed | json_object_set_new(host, "Tmpfs", all);
}

/* One file of bounded size. The local driver compresses what it rotates, and refuses to with one file. */
static int put_log(json_t *host, const struct docker_container *container)
{
    char size[24];
    uint64_t bytes = container->log_max_bytes ? container->log_max_bytes : LOG_BYTES_DEFAULT;
    snprintf(size, sizeof(size), "%llu", (unsigned long long)bytes);
    json_t *log = NULL;
    switch (container->log_driver) {
    case DOCKER_LOG_LOCAL:
        log = json_pack("{s:s, s:{s:s, s:s, s:s}}", "Type", "local", "Config", "max-size", size, "max-file",
                        "1", "compress", "false");
        break;
    case DOCKER_LOG_NONE:
        log = json_pack("{s:s}", "Type", "none");
        break;
    }
    return json_object_set_new(host, "LogConfig", log);
}

/* No core file: it would have all that the process had in memory, and lie wherever this host puts them. A
 * limit of 0 does not hold where core_pattern is a pipe; with one of a single byte the kernel (fs/coredump.c)
 * makes no file and starts no program for one either. */
static int put_core_limit(json_t *host)
{
    return json_object_set_new(host, "Ulimits",
                               json_pack("[{s:s, s:i, s:i}]", "Name", "core", "Soft", 1, "Hard", 1));
}

static int put_security(json_t *host, const struct docker_container *container)
{
    json_t *options = json_pack("[s]", "no-new-privileges:true");
    if (container->own_seccomp)
        json_array_append_new(options, json_sprintf("seccomp=%s", seccomp_profile()));
    return json_object_set_new(host, "SecurityOpt", options);
}

static int put_hardening(json_t *host, const struct docker_container *container)
{
    int failed = json_object_set_new(host, "ReadonlyRootfs", json_boolean(container->read_only_root));
    failed |= put_core_limit(host);
    failed |= json_object_set_new(host, "CapDrop", json_pack("[s]", "ALL"));
    failed |= put_integer(host, "OomScoreAdj", container->oom_score_adj);
    failed |= put_text(host, "Runtime", container->runtime);
    failed |= put_list(host, "CapAdd", container->capabilities);
    failed |= put_text(host, "UsernsMode", container->host_users ? "host" : NULL);
    return failed | put_security(host, container);
}

/* Without search domains: what is asked for is what is meant. */
static int put_name_server(json_t *host, const char *address)
{
    if (!address)
        return 0;
    return json_object_set_new(host, "Dns", json_pack("[s]", address)) |
           json_object_set_new(host, "DnsSearch", json_pack("[s]", "."));
}

static json_t *make_host(const struct docker_container *container)
{
    json_t *host = json_object();
    int failed = put_limits(host, &container->limits);
    failed |= put_binds(host, container);
    failed |= put_tmpfs(host, container);
    failed |= put_log(host, container);
    failed |= put_hardening(host, container);
    failed |= put_text(host, "NetworkMode", container->network ? container->network : "none");
    failed |= put_name_server(host, container->name_server);
    failed |= put_integer(host, "ShmSize",
                          (int64_t)(container->shm_bytes ? container->shm_bytes : SHM_BYTES_DEFAULT));
    failed |= json_object_set_new(host, "Init", json_false());
    failed |= json_object_set_new(host, "AutoRemove", json_boolean(container->auto_remove));
    if (!failed)
        return host;
    json_decref(host);
    return NULL;
}

json_t *container_body(const struct docker_container *container)
{
    json_t *root = json_object();
    int failed = put_text(root, "Image", container->image);
    failed |= put_list(root, "Entrypoint", container->entrypoint);
    failed |= put_list(root, "Cmd", container->command);
    failed |= put_list(root, "Env", container->environment);
    failed |= put_text(root, "WorkingDir", container->working_dir);
    failed |= put_text(root, "User", container->user);
    failed |= put_text(root, "StopSignal", "SIGTERM");
    failed |= put_integer(root, "StopTimeout",
                          container->stop_timeout_s ? container->stop_timeout_s : STOP_SECONDS);
    failed |=
        json_object_set_new(root, "Labels", answer_from_pairs(container->labels, container->label_count));
    failed |= json_object_set_new(root, "Healthcheck", json_pack("{s:[s]}", "Test", "NONE"));
    failed |= json_object_set_new(root, "HostConfig", make_host(container));
    if (!failed)
        return root;
    json_decref(root);
    return NULL;
}
