/* Whatever stands in the file of a killed daemon, collecting it ends, and shows no more than cells have. The
 * input is written over a good file: two bytes say where, in steps of eight bytes. */
#include "base/fs.h"
#include "base/log.h"
#include "store/flight_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/dev/shm/berth-fuzz-flights-XXXXXX";
static char good[3 * 4096];

static void see(const void *bytes, size_t size, int64_t shift_ns, void *context)
{
    unsigned *sum = context;
    (void)shift_ns;
    for (size_t i = 0; i < size; i++)
        *sum += ((const unsigned char *)bytes)[i];
    if (size > FLIGHT_CELL_BYTES)
        abort();
}

static void remove_folder(void)
{
    rmdir(folder);
}

/* As a process leaves it that is gone: its bytes, without its lock. */
static void make_good(void)
{
    struct error err;
    struct flight_file *file;
    if (flight_file_create(folder, 1, &file, &err) < 0)
        abort();
    struct flight_cell *cell = flight_part_take(flight_file_part(file, 0));
    memcpy(cell->bytes, "some bytes", 10);
    flight_cell_set(cell, 10);
    const char *bytes = (const char *)cell - 4096;
    memcpy(good, bytes, sizeof(good));
    flight_file_destroy(file);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    log_configure(LOG_ERROR, LOG_TEXT);
    if (!mkdtemp(folder))
        abort();
    atexit(remove_folder);
    make_good();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[128];
    unsigned sum = 0;
    struct error err;
    if (size < 2)
        return 0;
    const size_t at = (data[0] | (size_t)data[1] << 8) * 8 % sizeof(good);
    const size_t length = size - 2 < sizeof(good) - at ? size - 2 : sizeof(good) - at;
    char bytes[sizeof(good)];
    memcpy(bytes, good, sizeof(good));
    memcpy(bytes + at, data + 2, length);
    snprintf(path, sizeof(path), "%s/file", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes))
        abort();
    close(fd);
    if (flight_files_collect(folder, see, &sum, &err) < 0 || access(path, F_OK) == 0)
        abort();
    return 0;
}
