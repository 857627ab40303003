#include "prepare/image/image_look.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/queue.h"
#include "docker/image.h"
#include "prepare/store/tree.h"

#include <stdlib.h>
#include <string.h>

struct image_look {
    struct image_looks *looks; /* NULL: they are gone while the folder is being read */
    TAILQ_HEAD(, image_looker) lookers;
    struct docker_call *call; /* the inspection of the base image; NULL: it is through */
    char *suite, *folder, *base_id;
    char digest[HASH_HEX_SIZE];
    bool failed;
    struct error error;
    LIST_ENTRY(image_look) link;
};

struct image_looks {
    struct docker *docker;
    struct background *background;
    LIST_HEAD(, image_look) list;
};

struct image_looks *image_looks_create(struct docker *docker, struct background *background)
{
    struct image_looks *looks = xcalloc(1, sizeof(*looks));
    looks->docker = docker;
    looks->background = background;
    LIST_INIT(&looks->list);
    return looks;
}

static void look_free(struct image_look *look)
{
    docker_cancel(look->call);
    free(look->suite);
    free(look->folder);
    free(look->base_id);
    free(look);
}

void image_looks_destroy(struct image_looks *looks)
{
    if (!looks)
        return;
    struct image_look *look;
    while ((look = LIST_FIRST(&looks->list))) {
        LIST_REMOVE(look, link);
        look->looks = NULL;
        if (look->call)
            look_free(look);
    }
    free(looks);
}

/* Tells all who wait. They may leave others alone with it, or join anew, which is another look. */
static void finish(struct image_look *look, const struct error *err)
{
    LIST_REMOVE(look, link);
    for (struct image_looker *looker; (looker = queue_take_first(&look->lookers, link));) {
        looker->look = NULL;
        looker->done(looker, err, err ? NULL : look->base_id, err ? NULL : look->digest);
    }
    look_free(look);
}

static void hash_work(void *context)
{
    struct image_look *look = context;
    look->failed = tree_digest(look->folder, look->digest, NULL, &look->error) < 0;
}

static void hash_done(void *context, bool ran)
{
    struct image_look *look = context;
    if (!look->looks || !ran) {
        if (look->looks)
            LIST_REMOVE(look, link);
        look_free(look);
        return;
    }
    if (look->failed) {
        look->error.code = ERROR_IMAGE_FOLDER;
        error_prefix(&look->error, "the image folder %s", look->folder);
    }
    finish(look, look->failed ? &look->error : NULL);
}

static void on_base(void *owner, const struct error *err, const struct docker_image *image)
{
    struct image_look *look = owner;
    look->call = NULL;
    if (err && err->code == ERROR_NOT_FOUND) {
        struct error missing;
        error_set(&missing, ERROR_BASE_IMAGE_MISSING, "the base image " IMAGE_BASE_PREFIX "%s is not there",
                  look->suite);
        error_hint(&missing, "run scripts/base-image %s", look->suite);
        finish(look, &missing);
    } else if (err) {
        finish(look, err);
    } else {
        look->base_id = xstrdup(image->id);
        background_run(look->looks->background, hash_work, hash_done, look);
    }
}

/* One whose folder nobody has begun to read. */
static struct image_look *find(const struct image_looks *looks, const char *suite, const char *folder)
{
    struct image_look *look;
    LIST_FOREACH(look, &looks->list, link)
    {
        if (look->call && strcmp(look->folder, folder) == 0 && strcmp(look->suite, suite) == 0)
            return look;
    }
    return NULL;
}

static struct image_look *begin(struct image_looks *looks, const char *suite, const char *folder)
{
    cleanup_free char *base_image = xasprintf(IMAGE_BASE_PREFIX "%s", suite);
    struct image_look *look = xcalloc(1, sizeof(*look));
    look->looks = looks;
    look->suite = xstrdup(suite);
    look->folder = xstrdup(folder);
    TAILQ_INIT(&look->lookers);
    LIST_INSERT_HEAD(&looks->list, look, link);
    look->call = docker_image_inspect(looks->docker, base_image, on_base, look);
    return look;
}

void image_look_join(struct image_looks *looks, struct image_looker *looker, const char *suite,
                     const char *folder)
{
    struct image_look *look = find(looks, suite, folder);
    looker->look = look ? look : begin(looks, suite, folder);
    TAILQ_INSERT_TAIL(&looker->look->lookers, looker, link);
}

void image_look_leave(struct image_looker *looker)
{
    struct image_look *look = steal(&looker->look);
    if (!look)
        return;
    TAILQ_REMOVE(&look->lookers, looker, link);
    if (TAILQ_EMPTY(&look->lookers) && look->call) {
        LIST_REMOVE(look, link);
        look_free(look);
    }
}
