#include "fleet/engine/container_spec.h"

#include "base/alloc.h"

#include <stdlib.h>

static struct container_mount *mounts_copy(const struct container_mount *mounts, size_t count)
{
    struct container_mount *copy = xcalloc(count, sizeof(*copy));
    for (size_t i = 0; i < count; i++)
        copy[i] = (struct container_mount){.volume = mounts[i].volume ? xstrdup(mounts[i].volume) : NULL,
                                           .source = mounts[i].source ? xstrdup(mounts[i].source) : NULL,
                                           .target = xstrdup(mounts[i].target),
                                           .read_only = mounts[i].read_only};
    return copy;
}

static void mounts_free(const struct container_mount *mounts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free((char *)mounts[i].volume);
        free((char *)mounts[i].source);
        free((char *)mounts[i].target);
    }
    free((struct container_mount *)mounts);
}

static struct text_pair *labels_copy(const struct text_pair *labels, size_t count)
{
    struct text_pair *copy = xcalloc(count, sizeof(*copy));
    for (size_t i = 0; i < count; i++)
        copy[i] = (struct text_pair){.name = xstrdup(labels[i].name), .value = xstrdup(labels[i].value)};
    return copy;
}

static void labels_free(const struct text_pair *labels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(labels[i].name);
        free(labels[i].value);
    }
    free((struct text_pair *)labels);
}

void container_spec_copy(const struct container_spec *from, struct container_spec *ret_spec)
{
    *ret_spec = *from;
    ret_spec->runtime = xstrdup(from->runtime);
    ret_spec->image = xstrdup(from->image);
    ret_spec->code_dir = from->code_dir ? xstrdup(from->code_dir) : NULL;
    ret_spec->dependencies = from->dependencies ? xstrdup(from->dependencies) : NULL;
    ret_spec->ahead = from->ahead ? xstrdup(from->ahead) : NULL;
    ret_spec->command = (const char *const *)texts_copy(from->command);
    ret_spec->environment = (const char *const *)texts_copy(from->environment);
    ret_spec->egress = from->egress ? xstrdup(from->egress) : NULL;
    ret_spec->user = from->user ? xstrdup(from->user) : NULL;
    ret_spec->engine_runtime = from->engine_runtime ? xstrdup(from->engine_runtime) : NULL;
    ret_spec->labels = labels_copy(from->labels, from->label_count);
    ret_spec->ready_path = from->ready_path ? xstrdup(from->ready_path) : NULL;
    ret_spec->mounts = mounts_copy(from->mounts, from->mount_count);
}

void container_spec_digest(const struct container_spec *spec, char ret_digest[HASH_HEX_SIZE])
{
    struct hash *hash = hash_create();
    hash_update_text(hash, spec->runtime);
    hash_update_text(hash, spec->image);
    for (const char *const *entry = spec->command; entry && *entry; entry++)
        hash_update_text(hash, *entry);
    hash_update_text(hash, NULL);
    for (const char *const *entry = spec->environment; entry && *entry; entry++)
        hash_update_text(hash, *entry);
    hash_update_text(hash, NULL);
    hash_update_text(hash, spec->user);
    hash_update(hash, &spec->read_only_root, sizeof(spec->read_only_root));
    hash_update(hash, &spec->network, sizeof(spec->network));
    hash_update_text(hash, spec->egress);
    hash_update(hash, &spec->seccomp, sizeof(spec->seccomp));
    hash_update_text(hash, spec->engine_runtime);
    hash_update(hash, &spec->tmp_bytes, sizeof(spec->tmp_bytes));
    hash_update(hash, &spec->shm_bytes, sizeof(spec->shm_bytes));
    if (spec->ahead) {
        hash_update_text(hash, spec->ahead);
        hash_update_text(hash, spec->dependencies);
        hash_update(hash, &spec->memory_bytes, sizeof(spec->memory_bytes));
        hash_update(hash, &spec->cpus, sizeof(spec->cpus));
        hash_update(hash, &spec->pids, sizeof(spec->pids));
    }
    hash_finish(hash, ret_digest);
}

void container_spec_clear(struct container_spec *spec)
{
    free((char *)spec->runtime);
    free((char *)spec->image);
    free((char *)spec->code_dir);
    free((char *)spec->dependencies);
    free((char *)spec->ahead);
    texts_free((char **)spec->command);
    texts_free((char **)spec->environment);
    free((char *)spec->egress);
    free((char *)spec->user);
    free((char *)spec->engine_runtime);
    labels_free(spec->labels, spec->label_count);
    free((char *)spec->ready_path);
    mounts_free(spec->mounts, spec->mount_count);
    *spec = (struct container_spec){0};
}

char *container_spec_name(const struct container_spec *spec, const char *function, const char *instance)
{
    return function ? xasprintf("berth-%s-%s", function, instance)
                    : xasprintf("berth.%s.%s", spec->runtime, instance);
}
