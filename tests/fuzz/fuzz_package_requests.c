/* What a plugin's process asks to be written: any bytes are answered or left, and nothing is written outside
 * of the output. */
#include "base/fs.h"
#include "prepare/job/package_server.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool go_on(void *context)
{
    (void)context;
    return true; /* the end of the stream ends it */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char folder[] = "/dev/shm/berth-fuzz-XXXXXX";
    int ends[2];
    json_t *package;
    struct error err;
    if (!mkdtemp(folder) || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        abort();
    char output[sizeof(folder) + 4] = {0};
    for (size_t i = 0; i + 1 < sizeof(folder); i++)
        output[i] = folder[i];
    output[sizeof(folder) - 1] = '/';
    output[sizeof(folder)] = 'o';
    if (send(ends[1], data, size, MSG_DONTWAIT) != (ssize_t)size)
        size = 0;
    shutdown(ends[1], SHUT_WR);
    struct package_server *server = package_server_create(ends[0], output);
    package_server_run(server, go_on, NULL);
    if (package_server_finish(server, &package, &err) == 0)
        json_decref(package);
    package_server_destroy(server);
    close(ends[1]);
    if (fs_remove_tree(output, &err) < 0 || rmdir(folder) < 0)
        abort();
    return 0;
}
