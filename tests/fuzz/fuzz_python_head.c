/* The Python runner's reader of request heads: any bytes, whole and cut short. What it accepts lies inside of
 * the bytes, and nothing less than the whole head is accepted. */
#include "head.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void check(bool condition)
{
    if (!condition)
        abort();
}

/* In memory of exactly that size, so that the sanitizer sees a read beyond it. */
static bool read_exact(const uint8_t *data, size_t size, struct request_head *ret_head)
{
    char *copy = malloc(size ? size : 1);
    check(copy != NULL);
    memcpy(copy, data, size);
    bool accepted = request_head_read(copy, size, ret_head);
    free(copy);
    return accepted;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct request_head head, same;
    if (!read_exact(data, size, &head))
        return 0;
    check(head.content <= size && head.content == head.head_length + 4);
    check(memcmp(data + head.head_length, "\r\n\r\n", 4) == 0);
    check(head.target == head.method_length + 1 && head.target + head.target_length < head.head_length);
    check(data[head.method_length] == ' ' && data[head.target + head.target_length] == ' ');
    check(!read_exact(data, head.content - 1, &same));
    check(read_exact(data, head.content, &same) && memcmp(&head, &same, sizeof(head)) == 0);
    return 0;
}
