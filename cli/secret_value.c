#include "cli/secret_value.h"

#include "base/cleanup.h"
#include "cli/say.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <termios.h>

#define VALUE_MAX (1u << 20) /* as the daemon has it */
#define CTRL_C    '\3'

/* Into memory that is large enough from the start, so that no piece of it stays elsewhere. */
static int read_all(int fd, const char *from, struct locked *ret_value)
{
    struct locked value = locked_make(VALUE_MAX + 1);
    size_t length = 0;
    for (ssize_t size = 1; size > 0 && length<value.size; length += size> 0 ? (size_t)size : 0) {
        size = read(fd, value.bytes + length, value.size - length);
        if (size < 0) {
            say_wrong("cannot read %s: %s", from, strerror(errno));
            locked_clear(&value);
            return STATUS_FAILED;
        }
    }
    if (length > VALUE_MAX) {
        say_wrong("the value of a secret has at most 1 MiB");
        locked_clear(&value);
        return STATUS_FAILED;
    }
    value.size = length;
    *ret_value = value;
    return STATUS_OK;
}

static void drop_newline(struct locked *value)
{
    if (value->size > 0 && value->bytes[value->size - 1] == '\n')
        value->size--;
}

/* The line that is typed. Signals come as characters meanwhile, so that the terminal is never left as it is
 * now. */
static int ask(const char *name, struct locked *ret_value)
{
    struct termios usual, quiet;
    if (tcgetattr(STDIN_FILENO, &usual) < 0) {
        say_wrong("cannot ask for the value: %s", strerror(errno));
        return STATUS_FAILED;
    }
    quiet = usual;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    struct locked value = locked_make(VALUE_MAX + 1);
    fprintf(stderr, "Value of %s: ", name);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    ssize_t size = read(STDIN_FILENO, value.bytes, VALUE_MAX);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &usual);
    fputc('\n', stderr);
    value.size = size > 0 ? (size_t)size : 0;
    drop_newline(&value);
    if (memchr(value.bytes, CTRL_C, value.size)) {
        locked_clear(&value);
        say_wrong("nothing has been changed");
        return STATUS_FAILED;
    }
    *ret_value = value;
    return STATUS_OK;
}

static int read_value(const struct arguments *arguments, const char *name, struct locked *ret_value)
{
    const char *path = arguments_value(arguments, "from-file");
    if (path) {
        cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0)
            return read_all(fd, path, ret_value);
        say_wrong("cannot open %s: %s", path, strerror(errno));
        return STATUS_FAILED;
    }
    if (isatty(STDIN_FILENO))
        return ask(name, ret_value);
    int status = read_all(STDIN_FILENO, "standard input", ret_value);
    drop_newline(ret_value);
    return status;
}

int secret_value_read(const struct arguments *arguments, const char *name, struct locked *ret_value)
{
    int status = read_value(arguments, name, ret_value);
    if (status != STATUS_OK || ret_value->size > 0)
        return status;
    say_wrong("a secret needs a value that is not empty");
    say_next("type it when you are asked, pipe it in, or name a file: berth secret set %s --from-file FILE",
             name);
    return STATUS_FAILED;
}
