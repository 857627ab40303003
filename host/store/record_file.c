#include "store/record_file.h"

#include "base/alloc.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC            "berthrf"
#define VERSION          2u
#define PAGE             4096u
#define ALIGN            8u
#define BYTES_PER_BUCKET 256u /* about a record for each */
#define WORD             sizeof(uint64_t)

/*
 * Positions count bytes from the ring's first use on, beginning at the ring's size, so that 0 is none. The
 * order of writing is that of the lines: a process that ends anywhere in between leaves at most a record that
 * nobody sees, because `written` does not count it.
 */
struct head {
    char magic[8];
    uint32_t version;
    uint32_t bucket_count;
    uint64_t ring_bytes;
    _Atomic uint64_t oldest; /* where the oldest frame is, or a gap before it */
    _Atomic uint64_t written; /* the end of the newest */
};

/* Before each record's key and bytes. Frames lie at multiples of ALIGN, and none across the ring's end. */
struct frame {
    uint64_t checksum; /* of the three that follow, of the key and of the bytes */
    uint64_t position;
    uint32_t size; /* of key and bytes; SIZE_OF_GAP: nothing is here up to the ring's end */
    uint32_t key_size;
    uint64_t before; /* the frame written before it; 0: none */
    uint64_t same; /* the one before it in its bucket; 0: none */
    char bytes[];
};

#define SIZE_OF_GAP UINT32_MAX

struct record_file {
    struct head *head;
    uint64_t *buckets; /* the newest frame of each; 0: none */
    char *ring;
    uint64_t last; /* the newest frame; 0: none */
    uint64_t indexed; /* frames from here on are not in their buckets yet */
    size_t mapped_bytes;
};

/* --- hashes --- */

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ (hash >> 29);
}

static uint64_t word_at(const char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* Four words at a time, none of which waits for another: every request's record goes through this. */
static uint64_t hash_bytes(uint64_t hash, const char *bytes, size_t size)
{
    uint64_t a = hash, b = hash + 1, c = hash + 2, d = hash + 3;
    for (; size >= 4 * WORD; bytes += 4 * WORD, size -= 4 * WORD) {
        a = mix(a, word_at(bytes));
        b = mix(b, word_at(bytes + WORD));
        c = mix(c, word_at(bytes + 2 * WORD));
        d = mix(d, word_at(bytes + 3 * WORD));
    }
    hash = mix(mix(mix(a, b), c), d);
    for (; size >= WORD; bytes += WORD, size -= WORD)
        hash = mix(hash, word_at(bytes));
    uint64_t rest = size;
    for (size_t i = 0; i < size; i++)
        rest = rest << 8 | (unsigned char)bytes[i];
    return mix(hash, rest);
}

static uint64_t checksum_of(const struct frame *frame)
{
    uint64_t hash = mix(mix(1, frame->position), (uint64_t)frame->size << 32 | frame->key_size);
    return hash_bytes(hash, frame->bytes, frame->size);
}

/* --- places --- */

static struct frame *frame_at(const struct record_file *file, uint64_t position)
{
    return (struct frame *)(file->ring + position % file->head->ring_bytes);
}

static uint64_t left_at(const struct record_file *file, uint64_t position)
{
    return file->head->ring_bytes - position % file->head->ring_bytes;
}

static uint64_t whole_size(uint64_t size)
{
    return (sizeof(struct frame) + size + ALIGN - 1) / ALIGN * ALIGN;
}

static bool is_frame(const struct record_file *file, uint64_t at, uint64_t end)
{
    const struct frame *frame = frame_at(file, at);
    return frame->position == at && frame->key_size <= frame->size &&
           whole_size(frame->size) <= left_at(file, at) && whole_size(frame->size) <= end - at;
}

/* The first frame at or behind a position, and before the end; else the end. Over damaged places it feels its
 * way. */
static uint64_t next_frame(const struct record_file *file, uint64_t at, uint64_t end)
{
    while (at < end) {
        uint64_t left = left_at(file, at);
        const struct frame *frame = frame_at(file, at);
        if (left < sizeof(*frame) || (frame->position == at && frame->size == SIZE_OF_GAP))
            at += left;
        else if (is_frame(file, at, end))
            return at;
        else
            at += ALIGN;
    }
    return end;
}

/* --- adding --- */

/* In the order of writing. */
static void chain_frame(struct record_file *file, struct frame *frame)
{
    frame->before = file->last;
    file->last = frame->position;
}

/* Forgets the oldest ones that are in the way of a frame that ends here. */
static void make_room(struct record_file *file, uint64_t end)
{
    uint64_t oldest = file->head->oldest, written = file->head->written;
    while (end - oldest > file->head->ring_bytes && oldest < written) {
        oldest = next_frame(file, oldest, written);
        if (oldest < written)
            oldest += whole_size(frame_at(file, oldest)->size);
    }
    file->head->oldest = oldest;
}

static void write_frame(struct record_file *file, uint64_t at, const char *key, size_t key_size,
                        const void *bytes, size_t size)
{
    struct frame *frame = frame_at(file, at);
    frame->position = at;
    frame->size = (uint32_t)(key_size + size);
    frame->key_size = (uint32_t)key_size;
    memcpy(frame->bytes, key, key_size);
    memcpy(frame->bytes + key_size, bytes, size);
    frame->checksum = checksum_of(frame);
    chain_frame(file, frame);
}

bool record_file_add(struct record_file *file, const char *key, const void *bytes, size_t size)
{
    size_t key_size = strnlen(key, RECORD_KEY_MAX);
    if (size > file->head->ring_bytes / 2 - RECORD_KEY_MAX - whole_size(0))
        return false;
    uint64_t at = file->head->written, left = left_at(file, at), whole = whole_size(key_size + size);
    bool is_behind_gap = left < whole;
    uint64_t place = is_behind_gap ? at + left : at;
    make_room(file, place + whole);
    if (is_behind_gap && left >= sizeof(struct frame)) {
        struct frame *gap = frame_at(file, at);
        gap->position = at;
        gap->size = SIZE_OF_GAP;
    }
    write_frame(file, place, key, key_size, bytes, size);
    file->head->written = place + whole;
    return true;
}

/* --- looking --- */

static bool visit_frame(const struct frame *frame, record_visit_fn *visit, void *context)
{
    return visit(frame->bytes + frame->key_size, frame->size - frame->key_size, context);
}

void record_file_visit(const struct record_file *file, record_visit_fn *visit, void *context)
{
    uint64_t at = file->last;
    while (at > 0 && at >= file->head->oldest) {
        const struct frame *frame = frame_at(file, at);
        if (!visit_frame(frame, visit, context))
            return;
        at = frame->before;
    }
}

static uint64_t *bucket_of(const struct record_file *file, const char *key, size_t key_size)
{
    return &file->buckets[hash_bytes(0, key, key_size) % file->head->bucket_count];
}

static void index_frame(struct record_file *file, uint64_t position)
{
    struct frame *frame = frame_at(file, position);
    uint64_t *bucket = bucket_of(file, frame->bytes, frame->key_size);
    frame->same = *bucket;
    *bucket = position;
}

/* Left to those who look for something: to add a record would else touch a place far away each time. */
static void complete_index(struct record_file *file)
{
    uint64_t end = file->head->written, oldest = file->head->oldest;
    uint64_t at = file->indexed > oldest ? file->indexed : oldest;
    while ((at = next_frame(file, at, end)) < end) {
        index_frame(file, at);
        at += whole_size(frame_at(file, at)->size);
    }
    file->indexed = end;
}

void record_file_find(struct record_file *file, const char *key, record_visit_fn *visit, void *context)
{
    size_t key_size = strnlen(key, RECORD_KEY_MAX);
    complete_index(file);
    uint64_t at = *bucket_of(file, key, key_size);
    while (at > 0 && at >= file->head->oldest) {
        const struct frame *frame = frame_at(file, at);
        if (frame->key_size == key_size && memcmp(frame->bytes, key, key_size) == 0 &&
            !visit_frame(frame, visit, context))
            return;
        at = frame->same;
    }
}

const void *record_file_oldest(const struct record_file *file, size_t *ret_size)
{
    uint64_t at = next_frame(file, file->head->oldest, file->head->written);
    if (at == file->head->written)
        return NULL;
    const struct frame *frame = frame_at(file, at);
    *ret_size = frame->size - frame->key_size;
    return frame->bytes + frame->key_size;
}

/* --- opening --- */

/* What a file of this size begins with. */
static struct head head_for(uint64_t ring_bytes)
{
    ring_bytes = (ring_bytes + PAGE - 1) / PAGE * PAGE;
    if (ring_bytes < RECORD_FILE_MIN)
        ring_bytes = RECORD_FILE_MIN;
    return (struct head){.magic = MAGIC,
                         .version = VERSION,
                         .bucket_count = (uint32_t)(ring_bytes / BYTES_PER_BUCKET),
                         .ring_bytes = ring_bytes,
                         .oldest = ring_bytes,
                         .written = ring_bytes};
}

static size_t index_bytes(const struct head *head)
{
    return (head->bucket_count * sizeof(uint64_t) + PAGE - 1) / PAGE * PAGE;
}

static size_t file_bytes(const struct head *head)
{
    return PAGE + index_bytes(head) + head->ring_bytes;
}

static bool is_usable(const struct head *found, const struct head *wanted)
{
    return memcmp(found->magic, wanted->magic, sizeof(found->magic)) == 0 &&
           found->version == wanted->version && found->bucket_count == wanted->bucket_count &&
           found->ring_bytes == wanted->ring_bytes && found->oldest >= found->ring_bytes &&
           found->oldest <= found->written && found->written - found->oldest <= found->ring_bytes &&
           found->oldest % ALIGN == 0 && found->written % ALIGN == 0 && found->written < UINT64_MAX / 2;
}

/* Empties the file unless it is one that can be gone on with. */
static int prepare_file(int fd, const char *path, const struct head *wanted, struct error *err)
{
    struct head found;
    struct stat status;
    ssize_t got = pread(fd, &found, sizeof(found), 0);
    if (got < 0 || fstat(fd, &status) < 0)
        return error_errno(err, COMPONENT_FILES, errno, "cannot read %s", path);
    if (got == (ssize_t)sizeof(found) && (size_t)status.st_size == file_bytes(wanted) &&
        is_usable(&found, wanted))
        return 0;
    if (status.st_size > 0)
        log_warning("records.replaced", LOG_STR("path", path), LOG_INT("bytes", status.st_size),
                    LOG_STR("hint", "it is damaged, or was made for another size: the records begin anew"));
    if (ftruncate(fd, 0) < 0 || pwrite(fd, wanted, sizeof(*wanted), 0) != (ssize_t)sizeof(*wanted))
        return error_errno(err, COMPONENT_FILES, errno, "cannot write %s", path);
    return 0;
}

/* NULL, with `err`: it cannot be mapped. */
static char *map_file(int fd, const char *path, size_t size, struct error *err)
{
    int errnum = posix_fallocate(fd, 0, (off_t)size);
    if (errnum != 0) {
        error_errno(err, COMPONENT_FILES, errnum, "cannot take %zu bytes for %s", size, path);
        return NULL;
    }
    void *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (bytes == MAP_FAILED) {
        error_errno(err, COMPONENT_FILES, errno, "cannot map %s", path);
        return NULL;
    }
    return bytes;
}

/* Makes the index of what is there and whole, from the oldest one on. */
static void read_ring(struct record_file *file)
{
    uint64_t end = file->head->written, oldest = 0, at = file->head->oldest;
    memset(file->buckets, 0, file->head->bucket_count * sizeof(*file->buckets));
    while ((at = next_frame(file, at, end)) < end) {
        struct frame *frame = frame_at(file, at);
        if (checksum_of(frame) != frame->checksum) {
            at += ALIGN;
            continue;
        }
        chain_frame(file, frame);
        index_frame(file, at);
        oldest = oldest > 0 ? oldest : at;
        at += whole_size(frame->size);
    }
    file->head->oldest = oldest > 0 ? oldest : end;
    file->indexed = end;
}

static int open_fd(int fd, const char *path, size_t ring_bytes, struct record_file **ret_file,
                   struct error *err)
{
    const struct head wanted = head_for(ring_bytes);
    if (prepare_file(fd, path, &wanted, err) < 0)
        return -1;
    char *bytes = map_file(fd, path, file_bytes(&wanted), err);
    if (!bytes)
        return -1;
    struct record_file *file = xcalloc(1, sizeof(*file));
    file->head = (struct head *)bytes;
    file->buckets = (uint64_t *)(bytes + PAGE);
    file->ring = bytes + PAGE + index_bytes(&wanted);
    file->mapped_bytes = file_bytes(&wanted);
    read_ring(file);
    *ret_file = file;
    return 0;
}

int record_file_open(const char *path, size_t ring_bytes, struct record_file **ret_file, struct error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_errno(err, COMPONENT_FILES, errno, "cannot open %s", path);
    int rc = open_fd(fd, path, ring_bytes, ret_file, err);
    close(fd);
    return rc;
}

void record_file_close(struct record_file *file)
{
    if (!file)
        return;
    munmap(file->head, file->mapped_bytes);
    free(file);
}
