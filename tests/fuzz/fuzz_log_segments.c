/* Whatever lies in the segments of a function's lines, reading them ends, and what is written afterwards is
 * read behind them. The input: parts of a byte for the segment's number, two for the size, and so many bytes
 * of it. */
#include "base/alloc.h"
#include "base/fs.h"
#include "base/log.h"
#include "store/log_folder.h"
#include "store/log_reader.h"
#include "store/log_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUNCTION "function"
#define KEPT     (64u << 20)
#define LAST     "the last line of all"

/* Numbers as they are, and those at the end of what there may be. */
static const unsigned numbers[] = {1, 2, 3, 10, 1764000000, 4294967294, 4294967295, 0};

static void write_segments(const char *dir, const uint8_t *data, size_t size)
{
    while (size >= 3) {
        char path[PATH_MAX];
        size_t length = (size_t)(data[1] | data[2] << 8);
        log_segment_path(path, dir, FUNCTION, numbers[data[0] % (sizeof(numbers) / sizeof(*numbers))]);
        data += 3, size -= 3;
        if (length > size)
            length = size;
        if (fs_write_file(path, (const char *)data, length, 0600, NULL) < 0)
            abort();
        data += length, size -= length;
    }
}

/* Every line is taken from bytes of its own, so there are no more lines than bytes. Whether the last one was
 * `LAST`. */
static bool read_all(const char *dir, size_t most)
{
    struct log_reader *reader = log_reader_open(dir, NULL, 0);
    struct log_line line;
    const char *function;
    bool is_last = false;
    for (; log_reader_next(reader, &line, &function); most--) {
        if (most == 0 || strcmp(function, FUNCTION) != 0 || line.text.size > LOG_LINE_TEXT_MAX)
            abort();
        is_last = line.text.size == strlen(LAST) && memcmp(line.text.bytes, LAST, strlen(LAST)) == 0;
    }
    log_reader_close(reader);
    return is_last;
}

static void write_last(const char *dir)
{
    static char form[LOG_LINE_MAX];
    const struct log_line line = {.time_ns = UINT64_MAX, .text = {LAST, strlen(LAST)}};
    struct log_writer *writer = log_writer_create(dir, KEPT);
    log_writer_add(writer, FUNCTION, form, log_line_write(&line, form));
    if (log_writer_flush(writer) != 0)
        abort();
    log_writer_destroy(writer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char dir[] = "/dev/shm/berth-fuzz-XXXXXX", folder[PATH_MAX];
    log_configure(LOG_ERROR, LOG_TEXT);
    if (!mkdtemp(dir))
        abort();
    snprintf(folder, sizeof(folder), "%s/" FUNCTION, dir);
    if (fs_make_dirs(folder, 0700, NULL) < 0)
        abort();
    write_segments(dir, data, size);
    read_all(dir, size + 1);
    write_last(dir);
    if (!read_all(dir, size + 2))
        abort();
    fs_remove_tree(dir, NULL);
    return 0;
}
