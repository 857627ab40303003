/* The tar reader of the runner library, unpacking into a folder below a guard folder: nothing may ever appear
 * beside it. */
#include "tar.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct source {
    const uint8_t *bytes;
    size_t left;
};

static ssize_t take(void *context, void *buffer, size_t size)
{
    struct source *source = context;
    size = size < source->left ? size : source->left;
    if (size > 0)
        memcpy(buffer, source->bytes, size);
    source->bytes += size;
    source->left -= size;
    return (ssize_t)size;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    return walk->level == 0 ? 0 : remove(path);
}

/* Checksums would stop nearly every input; so they are made right, header by header as they stand. */
static void mend_checksums(uint8_t *bytes, size_t size)
{
    for (size_t at = 0; at + 512 <= size; at += 512) {
        unsigned sum = 0;
        if (memcmp(bytes + at + 257, "ustar", 6) != 0)
            continue;
        memset(bytes + at + 148, ' ', 8);
        for (size_t i = 0; i < 512; i++)
            sum += bytes[at + i];
        char text[8];
        snprintf(text, sizeof(text), "%06o", sum & 0777777);
        memcpy(bytes + at + 148, text, 8);
    }
}

static char guard[64], inside[80];

static void remove_guard(void)
{
    rmdir(inside);
    rmdir(guard);
}

static int open_inside(void)
{
    snprintf(guard, sizeof(guard), "/tmp/fuzz-tar-XXXXXX");
    if (!mkdtemp(guard))
        abort();
    snprintf(inside, sizeof(inside), "%s/inside", guard);
    if (mkdir(inside, 0755) < 0)
        abort();
    atexit(remove_guard);
    return open(inside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int folder = -1;
    char message[TAR_MESSAGE_SIZE] = "";
    if (folder < 0)
        folder = open_inside();
    uint8_t *copy = malloc(size + 1);
    memcpy(copy, data, size);
    mend_checksums(copy, size);
    struct source source = {.bytes = copy, .left = size};
    if (berth_tar_unpack(take, &source, folder, message) < 0 && message[0] == '\0')
        abort();
    free(copy);
    nftw(inside, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    if (rmdir(guard) == 0) /* fails as long as `inside` is the only thing in it */
        abort();
    struct stat status;
    if (stat(guard, &status) < 0 || status.st_nlink != 3)
        abort();
    return 0;
}
