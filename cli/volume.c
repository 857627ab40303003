#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/ident.h"
#include "base/strbuf.h"
#include "cli/client.h"
#include "cli/grid.h"
#include "cli/members.h"
#include "cli/quantity.h"
#include "cli/run_commands.h"
#include "cli/say.h"
#include "cli/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof(*(array)))
#define TAR_END_BYTES   1024 /* of zeros, which no archive that breaks off has */
#define USERS_MAX       512
#define PART_ID_DIGITS  8

/* --- ls --- */

static void add_size(struct grid *grid, const json_t *volume)
{
    char size[32];
    quantity_measured((unsigned long long)member_number(volume, "size_bytes"), size, sizeof(size));
    if (!member_is_true(volume, "is_there"))
        grid_add(grid, COLOUR_NONE, "-");
    else
        grid_add_format(grid, "%s%s", member_is_true(volume, "size_is_whole") ? "" : "> ", size);
}

static void add_users(struct grid *grid, const json_t *users)
{
    cleanup_strbuf struct strbuf text;
    const json_t *user;
    size_t i;
    strbuf_init(&text, USERS_MAX);
    json_array_foreach(users, i, user)
    {
        strbuf_append_format(&text, "%s%s at %s%s", i ? ", " : "", member_text(user, "name"),
                             member_text(user, "at"), member_is_true(user, "read_only") ? " (reads)" : "");
    }
    grid_add(grid, COLOUR_NONE, text.length > 0 ? strbuf_text(&text) : NULL);
}

static void print_volumes(const struct arguments *arguments, const json_t *volumes)
{
    (void)arguments;
    static const char *const columns[] = {"VOLUME", ">SIZE", ">FILES", "USED BY"};
    const json_t *volume;
    size_t i;
    if (json_array_size(volumes) == 0) {
        printf("There is no volume. A function has one by: volumes: {data: /data}\n");
        return;
    }
    struct grid *grid = grid_create(columns, COUNT_OF(columns));
    json_array_foreach(volumes, i, volume)
    {
        grid_add(grid, COLOUR_BOLD, member_text(volume, "name"));
        add_size(grid, volume);
        grid_add_format(grid, "%lld", member_number(volume, "files"));
        add_users(grid, json_object_get(volume, "functions"));
    }
    grid_print(grid);
}

int run_volume_ls(const struct arguments *arguments)
{
    return client_show(arguments, "GET", "/berth/volumes", print_volumes);
}

/* --- what changes one --- */

static void print_done(const char *what, const struct arguments *arguments, const json_t *answer)
{
    const json_t *restarting = json_object_get(answer, "restarting"), *name;
    size_t i;
    printf("%s is %s.\n", arguments_operand(arguments, 0), what);
    json_array_foreach(restarting, i, name)
        printf("New instances of %s take over, with what is there now.\n", json_string_value(name));
}

static void print_removed(const struct arguments *arguments, const json_t *answer)
{
    print_done("removed", arguments, answer);
}

static void print_imported(const struct arguments *arguments, const json_t *answer)
{
    print_done("imported", arguments, answer);
}

int run_volume_rm(const struct arguments *arguments)
{
    const char *format =
        arguments_has(arguments, "force") ? "/berth/volumes/%s?force=1" : "/berth/volumes/%s";
    cleanup_free char *path = client_path(format, arguments_operand(arguments, 0));
    return client_show(arguments, "DELETE", path, print_removed);
}

/* --- export --- */

static int save(const struct arguments *arguments, FILE *to, const char *shown)
{
    cleanup_free char *path = client_path("/berth/volumes/%s/export", arguments_operand(arguments, 0));
    size_t zeros = 0;
    int status = client_save(arguments, path, to, &zeros);
    if (status == STATUS_OK && fflush(to) != 0) {
        say_wrong("%s cannot be written: %s", shown, strerror(errno));
        return STATUS_FAILED;
    }
    if (status == STATUS_OK && zeros < TAR_END_BYTES) {
        say_wrong("the archive breaks off: something in the volume could not be read");
        say_next("the daemon's log says what: event volume.export-failed");
        return STATUS_FAILED;
    }
    return status;
}

static int save_to(const struct arguments *arguments, const char *file, const char *shown)
{
    FILE *to = fopen(file, "wbe");
    if (!to) {
        say_wrong("%s cannot be written: %s", shown, strerror(errno));
        return STATUS_FAILED;
    }
    int status = save(arguments, to, shown);
    fclose(to);
    return status;
}

/* Under another name until it is whole: what has the name may be the export of yesterday. */
static int save_whole(const struct arguments *arguments, const char *file)
{
    char id[PART_ID_DIGITS + 1];
    ident_random(id, PART_ID_DIGITS);
    cleanup_free char *part = xasprintf("%s.%s.part", file, id);
    int status = save_to(arguments, part, file);
    if (status == STATUS_OK && rename(part, file) < 0) {
        say_wrong("%s cannot be written: %s", file, strerror(errno));
        status = STATUS_FAILED;
    }
    if (status != STATUS_OK)
        unlink(part);
    return status;
}

/* Or not there: nothing like a pipe, a device or a link. */
static bool is_plain(const char *file)
{
    struct stat status;
    return lstat(file, &status) < 0 || S_ISREG(status.st_mode);
}

int run_volume_export(const struct arguments *arguments)
{
    const char *file = arguments_operand(arguments, 1);
    if (!file && isatty(STDOUT_FILENO)) {
        say_wrong("an archive is nothing to be shown");
        say_next("name a file, or send it somewhere: berth volume export NAME > NAME.tar");
        return STATUS_USAGE;
    }
    if (!file)
        return save(arguments, stdout, "standard output");
    return is_plain(file) ? save_whole(arguments, file) : save_to(arguments, file, file);
}

/* --- import --- */

int run_volume_import(const struct arguments *arguments)
{
    const char *file = arguments_operand(arguments, 1);
    cleanup_close int opened = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;
    char id[UPLOAD_ID_DIGITS + 1];
    if (file && opened < 0) {
        say_wrong("%s cannot be read: %s", file, strerror(errno));
        return STATUS_FAILED;
    }
    int status = upload_file(arguments, file ? opened : STDIN_FILENO, "&for=volume",
                             file ? file : "standard input", id);
    if (status != STATUS_OK)
        return status;
    cleanup_free char *begin = client_path("/berth/volumes/%s/import", arguments_operand(arguments, 0));
    cleanup_free char *path =
        xasprintf("%s?upload=%s%s", begin, id, arguments_has(arguments, "replace") ? "&replace=1" : "");
    return client_show(arguments, "POST", path, print_imported);
}
