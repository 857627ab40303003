/* Answers what was compiled, and whether the compiler is here. */
#include <berth/runner.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char compiled[4096];

static int load(void *context, const struct berth_init *init, void **ret_function,
                struct berth_load_error *err)
{
    char path[4096];
    (void)context;
    snprintf(path, sizeof(path), "%s/compiled", init->dependencies ? init->dependencies : "");
    FILE *file = fopen(path, "re");
    if (!file) {
        snprintf(err->message, sizeof(err->message), "cannot open %.400s", path);
        return -1;
    }
    size_t size = fread(compiled, 1, sizeof(compiled) - 64, file);
    fclose(file);
    int found = access("/usr/local/bin/locked-compiler", F_OK) == 0;
    snprintf(compiled + size, sizeof(compiled) - size, "compiler: %s\n", found ? "here" : "elsewhere");
    *ret_function = compiled;
    return 0;
}

static void handle(void *function, struct berth_request *request)
{
    berth_response_send(request, 200, "text/plain", function, strlen(function));
}

int main(void)
{
    static const struct berth_runner runner = {.struct_size = sizeof(runner), .load = load, .handle = handle};
    return berth_runner_run(&runner);
}
