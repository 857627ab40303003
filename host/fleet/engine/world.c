#include "fleet/engine/world.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "prepare/store/state_dir.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* The program as a whole, between two symbols. INIT_PROGRAM is its path in the build tree. */
__asm__(".pushsection .rodata\n"
        "world_init_begin: .incbin \"" INIT_PROGRAM "\"\n"
        "world_init_end:\n"
        ".popsection\n");
extern const char world_init_begin[], world_init_end[];

/* Whatever the umask: it is the container's user that has to read it. */
static int write_file(const char *dir, const char *name, const char *bytes, size_t size, mode_t mode,
                      struct error *err)
{
    cleanup_free char *path = xasprintf("%s/%s", dir, name);
    if (fs_write_file(path, bytes, size, mode, err) < 0)
        return -1;
    return chmod(path, mode) < 0 ? error_errno(err, COMPONENT_FLEET, errno, "cannot set the mode of %s", path)
                                 : 0;
}

static int write_names(const char *dir, struct error *err)
{
    cleanup_free char *passwd = xasprintf("root:x:0:0:root:/root:/bin/sh\n"
                                          "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
                                          "%s:x:%d:%d::%s:/bin/sh\n",
                                          WORLD_USER, WORLD_UID, WORLD_GID, WORLD_HOME);
    cleanup_free char *group = xasprintf("root:x:0:\nnogroup:x:65534:\n%s:x:%d:\n", WORLD_USER, WORLD_GID);
    if (write_file(dir, "passwd", passwd, strlen(passwd), 0644, err) < 0)
        return -1;
    return write_file(dir, "group", group, strlen(group), 0644, err);
}

int world_make(const char *state_dir, char **ret_dir, struct error *err)
{
    cleanup_free char *dir = NULL;
    size_t init_size = (size_t)(world_init_end - world_init_begin);
    if (state_dir_folder(state_dir, "world", 0755, &dir, err) < 0 ||
        write_file(dir, "init", world_init_begin, init_size, 0755, err) < 0 || write_names(dir, err) < 0)
        return -1;
    *ret_dir = steal(&dir);
    return 0;
}
