/* Runs programs of the toy language. */
#include "template.h"

#include <berth/runner.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROGRAM_MAX 65536
#define ANSWER_MAX  262144
#define BODY_MAX    65536

struct program {
    int shouts;
    char text[PROGRAM_MAX];
};

struct answer {
    size_t size;
    char text[ANSWER_MAX];
};

static int load(void *context, const struct berth_init *init, void **ret_function,
                struct berth_load_error *err)
{
    char path[4096];
    struct program *program = calloc(1, sizeof(*program));
    (void)context;
    snprintf(path, sizeof(path), "%s/program", init->code);
    FILE *file = program ? fopen(path, "re") : NULL;
    if (!file) {
        snprintf(err->message, sizeof(err->message), "cannot open %.300s", path);
        free(program);
        return -1;
    }
    (void)!fread(program->text, 1, sizeof(program->text) - 1, file);
    fclose(file);
    program->shouts = berth_init_integer(init, "shout", 0) != 0;
    *ret_function = program;
    return 0;
}

static void append(struct answer *answer, const char *text, size_t size)
{
    size_t room = sizeof(answer->text) - answer->size;
    size = size < room ? size : room;
    memcpy(answer->text + answer->size, text, size);
    answer->size += size;
}

static void append_body(struct answer *answer, struct berth_request *request)
{
    char part[4096];
    ssize_t size;
    size_t left = BODY_MAX;
    while (left > 0 &&
           (size = berth_request_read(request, part, left < sizeof(part) ? left : sizeof(part))) > 0) {
        append(answer, part, (size_t)size);
        left -= (size_t)size;
    }
}

static void append_part(struct answer *answer, struct berth_request *request, enum toy_part part)
{
    size_t length;
    const char *path = berth_request_path(request, &length);
    const char *query = berth_request_query(request);
    if (part == TOY_METHOD)
        append(answer, berth_request_method(request), strlen(berth_request_method(request)));
    else if (part == TOY_PATH)
        append(answer, path, length);
    else if (part == TOY_QUERY)
        append(answer, query ? query : "", query ? strlen(query) : 0);
    else
        append_body(answer, request);
}

static void handle(void *function, struct berth_request *request)
{
    const struct program *program = function;
    struct answer *answer = calloc(1, sizeof(*answer));
    size_t position = 0;
    if (!answer)
        return;
    for (struct toy_step step; (step = toy_next(program->text, &position)).kind != TOY_END;) {
        if (step.kind == TOY_TEXT)
            append(answer, step.at, step.length);
        else if (step.kind == TOY_REQUEST_PART)
            append_part(answer, request, step.part);
    }
    for (size_t i = 0; program->shouts && i < answer->size; i++)
        answer->text[i] = (char)toupper((unsigned char)answer->text[i]);
    berth_response_send(request, 200, "text/plain", answer->text, answer->size);
    free(answer);
}

int main(void)
{
    static const struct berth_runner runner = {
        .struct_size = sizeof(runner), .load = load, .handle = handle, .unload = free};
    return berth_runner_run(&runner);
}
