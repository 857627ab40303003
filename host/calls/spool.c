#include "calls/spool.h"

#include "base/alloc.h"
#include "base/fs.h"
#include "store/call_body.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_CAPACITY 512

void spool_init(struct spool *spool, struct spool_room *room)
{
    *spool = (struct spool){.room = room, .fd = -1};
}

static void keep_in_memory(struct spool *spool, const void *bytes, size_t size)
{
    uint64_t capacity = spool->capacity > 0 ? spool->capacity : FIRST_CAPACITY;
    while (capacity < spool->size + size)
        capacity *= 2;
    if (capacity > spool->capacity)
        spool->bytes = xrealloc(spool->bytes, capacity);
    spool->capacity = capacity;
    memcpy(spool->bytes + spool->size, bytes, size);
    spool->size += size;
}

/* All of it or nothing. */
static int write_file(struct spool *spool, const void *bytes, size_t size, struct error *err)
{
    if (fs_write_all(spool->fd, bytes, size) < 0) {
        call_body_fail(err, errno, spool->path);
        (void)!ftruncate(spool->fd, (off_t)spool->filed);
        return -1;
    }
    spool->room->bytes += size;
    spool->filed += size;
    return 0;
}

static int open_file(struct spool *spool, struct error *err)
{
    struct spool_room *room = spool->room;
    spool->path = xasprintf("%s/coming.%llu", room->dir, (unsigned long long)room->made++);
    spool->fd = open(spool->path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    return spool->fd < 0 ? call_body_fail(err, errno, spool->path) : 0;
}

static void drop_file(struct spool *spool)
{
    if (spool->fd >= 0)
        close(spool->fd);
    if (spool->path)
        unlink(spool->path);
    free(spool->path);
    spool->room->bytes -= spool->filed;
    spool->fd = -1;
    spool->path = NULL;
    spool->filed = 0;
}

/* What is in memory goes to a file, or stays there. */
static int move_to_file(struct spool *spool, struct error *err)
{
    if (open_file(spool, err) < 0 || write_file(spool, spool->bytes, spool->size, err) < 0) {
        drop_file(spool);
        return -1;
    }
    free(spool->bytes);
    spool->bytes = NULL;
    return 0;
}

int spool_add(struct spool *spool, const void *bytes, size_t size, struct error *err)
{
    if (size == 0)
        return 0;
    if (!spool->path && spool->size + size <= CALL_INLINE_BYTES) {
        keep_in_memory(spool, bytes, size);
        return 0;
    }
    if (!spool->path && move_to_file(spool, err) < 0)
        return -1;
    if (write_file(spool, bytes, size, err) < 0)
        return -1;
    spool->size += size;
    return 0;
}

struct call_body spool_body(const struct spool *spool)
{
    return (struct call_body){.bytes = spool->bytes, .file = spool->path, .size = spool->size};
}

void spool_clear(struct spool *spool)
{
    drop_file(spool);
    free(spool->bytes);
    *spool = (struct spool){.room = spool->room, .fd = -1};
}
