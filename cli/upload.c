#include "cli/upload.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/ident.h"
#include "cli/client.h"
#include "cli/say.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE_BYTES (512u << 10) /* in one request */

/* Fills the piece but at the end of the file; -1: it cannot be read. */
static ssize_t read_piece(int fd, char *piece)
{
    size_t have = 0;
    ssize_t size;
    while (have < PIECE_BYTES && (size = read(fd, piece + have, PIECE_BYTES - have)) != 0) {
        if (size < 0 && errno != EINTR)
            return -1;
        if (size > 0)
            have += (size_t)size;
    }
    return (ssize_t)have;
}

int upload_file(const struct arguments *arguments, int fd, const char *parameters, const char *subject,
                char *ret_id)
{
    cleanup_free char *piece = xmalloc(PIECE_BYTES);
    unsigned long long offset = 0;
    ident_random(ret_id, UPLOAD_ID_DIGITS);
    for (;;) {
        ssize_t size = read_piece(fd, piece);
        if (size < 0) {
            say_wrong("%s cannot be read: %s", subject, strerror(errno));
            return STATUS_FAILED;
        }
        if (size == 0 && offset > 0)
            return STATUS_OK;
        cleanup_free char *path = xasprintf("/berth/uploads/%s?offset=%llu%s", ret_id, offset, parameters);
        json_t *answer = NULL;
        int status = client_put(arguments, path, piece, (size_t)size, &answer);
        json_decref(answer);
        if (status != STATUS_OK || size == 0)
            return status;
        offset += (size_t)size;
    }
}
