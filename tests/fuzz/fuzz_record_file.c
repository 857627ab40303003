/* Whatever stands in a file of records, opening it ends, and what it then has can be visited and added to.
 * The input is written over a good file: two bytes say where, in steps of eight bytes of the ring or of its
 * head. */
#include "base/log.h"
#include "store/record_file.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool see(const void *bytes, size_t size, void *context)
{
    unsigned *sum = context;
    for (size_t i = 0; i < size; i++)
        *sum += ((const unsigned char *)bytes)[i];
    return true;
}

static struct record_file *open_file(const char *path)
{
    struct error err;
    struct record_file *file;
    if (record_file_open(path, RECORD_FILE_MIN, &file, &err) < 0)
        abort();
    return file;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    unsigned sum = 0;
    log_configure(LOG_ERROR, LOG_TEXT);
    if (size < 2)
        return 0;
    int fd = memfd_create("records", MFD_CLOEXEC);
    snprintf(path, sizeof(path), "/dev/fd/%d", fd);
    struct record_file *file = open_file(path);
    for (int i = 0; i < 300; i++)
        record_file_add(file, "key", "some bytes of a record", (size_t)(i % 23));
    record_file_close(file);
    struct stat status;
    fstat(fd, &status);
    long at = (data[0] | data[1] << 8) * 8l;
    if (at >= 64)
        at += status.st_size - RECORD_FILE_MIN - 64;
    if (at + (long)size - 2 <= status.st_size && pwrite(fd, data + 2, size - 2, at) != (ssize_t)size - 2)
        abort();
    file = open_file(path);
    record_file_visit(file, see, &sum);
    record_file_find(file, "key", see, &sum);
    for (int i = 0; i < 5000; i++)
        record_file_add(file, "key", "others", 6);
    record_file_visit(file, see, &sum);
    record_file_close(file);
    close(fd);
    return 0;
}
