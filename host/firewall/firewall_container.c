#include "firewall/firewall_container.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "docker/container.h"
#include "docker/image.h"

#include <stdlib.h>

#define IMAGE         "berth-firewall:1"
#define PROGRAM       "/berth-firewall"
#define SOCKET_FOLDER "/berth"
#define LABEL         "berth.firewall" /* owner's id */
#define MEMORY_BYTES  (256u << 20)
#define PIDS          16

struct firewall_container {
    struct firewall_container_options options;
    char *name;
    struct docker_call *call;
    docker_done_fn *done;
    void *context;
};

static void tell(struct firewall_container *container, const struct error *err)
{
    container->call = NULL;
    container->done(container->context, err);
}

static void on_started(void *owner, const struct error *err)
{
    tell(owner, err);
}

static void on_created(void *owner, const struct error *err, const char *id)
{
    struct firewall_container *container = owner;
    if (err)
        tell(container, err);
    else
        container->call = docker_container_start(container->options.docker, id, on_started, container);
}

/* What programs of this host are made of, as far as it is there. */
static size_t add_libraries(struct docker_bind *binds)
{
    static const char *const folders[] = {"/usr", "/lib", "/lib64"};
    size_t count = 0;
    for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
        if (fs_is_dir(folders[i]))
            binds[count++] = (struct docker_bind){folders[i], folders[i], true};
    return count;
}

static void create(struct firewall_container *container)
{
    const struct firewall_container_options *options = &container->options;
    static const char *const capabilities[] = {"NET_ADMIN", NULL};
    const char *const command[] = {PROGRAM, options->table, SOCKET_FOLDER "/host.sock", NULL};
    const struct docker_pair label = {LABEL, options->owner};
    struct docker_bind binds[5] = {{options->program, PROGRAM, true},
                                   {options->socket_dir, SOCKET_FOLDER, true}};
    const struct docker_container spec = {.name = container->name,
                                          .image = IMAGE,
                                          .entrypoint = command,
                                          .user = "0:0",
                                          .labels = &label,
                                          .label_count = 1,
                                          .binds = binds,
                                          .bind_count = 2 + add_libraries(binds + 2),
                                          .limits = {.memory_bytes = MEMORY_BYTES, .pids = PIDS},
                                          .network = "host",
                                          .capabilities = capabilities,
                                          .auto_remove = true,
                                          .read_only_root = true};
    container->call = docker_container_create(options->docker, &spec, on_created, container);
}

/* That there was none to remove is as well. */
static void on_removed(void *owner, const struct error *err)
{
    struct firewall_container *container = owner;
    if (err && err->code != ERROR_NOT_FOUND)
        tell(container, err);
    else
        create(container);
}

static void remove_former(struct firewall_container *container)
{
    container->call =
        docker_container_remove(container->options.docker, container->name, true, on_removed, container);
}

static void on_built(void *owner, const struct error *err, const char *id)
{
    (void)id;
    if (err)
        tell(owner, err);
    else
        remove_former(owner);
}

static void on_image(void *owner, const struct error *err, const struct docker_image *image)
{
    (void)image;
    struct firewall_container *container = owner;
    static const struct docker_pair label = {"berth.image", "firewall"};
    static const struct docker_build build = {.dockerfile = "FROM scratch\nLABEL berth.image=firewall\n",
                                              .tag = IMAGE,
                                              .labels = &label,
                                              .label_count = 1};
    if (!err)
        remove_former(container);
    else if (err->code == ERROR_NOT_FOUND)
        container->call = docker_image_build(container->options.docker, &build, NULL, on_built, container);
    else
        tell(container, err);
}

struct firewall_container *firewall_container_start(const struct firewall_container_options *options,
                                                    docker_done_fn *done, void *context)
{
    struct firewall_container *container = xcalloc(1, sizeof(*container));
    container->options = *options;
    container->name = xasprintf("berth-firewall-%s", options->owner);
    container->done = done;
    container->context = context;
    container->call = docker_image_inspect(options->docker, IMAGE, on_image, container);
    return container;
}

void firewall_container_end(struct firewall_container *container)
{
    if (!container)
        return;
    docker_cancel(container->call);
    free(container->name);
    free(container);
}
