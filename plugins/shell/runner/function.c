#include "function.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fail(struct berth_load_error *err, const char *what, const char *path, int errnum)
{
    snprintf(err->message, sizeof(err->message), "%s %.300s: %s", what, path, strerror(errnum));
    return -1;
}

static void set_command(struct function *function, const struct berth_init *init)
{
    const char *interpreter = berth_init_string(init, "interpreter", NULL);
    const char *argument = berth_init_string(init, "argument", NULL);
    size_t count = 0;
    if (interpreter)
        function->argv[count++] = interpreter;
    if (interpreter && argument)
        function->argv[count++] = argument;
    function->argv[count] = function->path;
    function->program = function->argv[0];
}

int function_load(void *context, const struct berth_init *init, void **ret_function,
                  struct berth_load_error *err)
{
    (void)context;
    struct function *function = calloc(1, sizeof(*function));
    if (!function)
        return fail(err, "cannot load", init->function, ENOMEM);
    function->file = berth_init_string(init, "file", "");
    function->content_type = berth_init_string(init, "content_type", "text/plain; charset=utf-8");
    int length = snprintf(function->path, sizeof(function->path), "%s/%s", init->code, function->file);
    snprintf(function->folder, sizeof(function->folder), "%s", init->work ? init->work : init->code);
    set_command(function, init);
    int rc = 0;
    if (length >= (int)sizeof(function->path))
        rc = fail(err, "the path is too long:", function->file, ENAMETOOLONG);
    else if (access(function->path, R_OK) < 0)
        rc = fail(err, "cannot read", function->path, errno);
    else if (access(function->program, X_OK) < 0)
        rc = fail(err, "cannot execute", function->program, errno);
    if (rc < 0)
        free(function);
    else
        *ret_function = function;
    return rc;
}

void function_unload(void *function)
{
    free(function);
}
