#include "engine.h"
#include "files.h"

#include <duktape.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text comes in and goes out as bytes of UTF-8: the engine's own strings are of another encoding. */
static const char caller_text[] =
    "(function (name, given) {\n"
    "    return new TextEncoder().encode(JSON.stringify(berth[name](new TextDecoder().decode(given))));\n"
    "})";

static int fail(duk_context *engine, const char *doing, struct berth_error *err)
{
    snprintf(err->message, sizeof(err->message), "%s: %.400s", doing, duk_safe_to_string(engine, -1));
    return -1;
}

static int load(duk_context *engine, const struct engine_script *script, struct berth_error *err)
{
    duk_push_string(engine, script->name);
    if (duk_pcompile_lstring_filename(engine, 0, script->text, script->size) != 0 ||
        duk_pcall(engine, 0) != DUK_EXEC_SUCCESS)
        return fail(engine, script->name, err);
    duk_pop(engine);
    return 0;
}

/* The engine, with the caller on its stack; or NULL with `err` filled. */
static duk_context *start(struct berth_error *err)
{
    duk_context *engine = duk_create_heap_default();
    if (!engine) {
        snprintf(err->message, sizeof(err->message), "there is no memory for the JavaScript engine");
        return NULL;
    }
    files_offer(engine);
    duk_push_object(engine);
    duk_put_global_string(engine, "berth");
    int rc = 0;
    for (const struct engine_script *script = engine_scripts; rc == 0 && script->name; script++)
        rc = load(engine, script, err);
    if (rc == 0 && duk_peval_lstring(engine, caller_text, sizeof(caller_text) - 1) != 0)
        rc = fail(engine, "the caller", err);
    if (rc < 0) {
        duk_destroy_heap(engine);
        return NULL;
    }
    return engine;
}

static duk_context *engine_of_process(struct berth_error *err)
{
    static duk_context *engine;
    if (!engine)
        engine = start(err);
    return engine;
}

/* Calls the caller with a text; its result, or the error, is on top of the stack. */
static int call(duk_context *engine, const char *name, const char *text)
{
    size_t size = strlen(text);
    duk_dup(engine, 0);
    duk_push_string(engine, name);
    memcpy(duk_push_fixed_buffer(engine, size), text, size);
    return duk_pcall(engine, 2);
}

json_t *engine_call(const char *name, const struct berth_function *function, json_t *given,
                    struct berth_error *err)
{
    json_t *result = NULL;
    char *text = json_dumps(given, JSON_COMPACT);
    duk_context *engine = text ? engine_of_process(err) : NULL;
    json_decref(given);
    if (!text)
        snprintf(err->message, sizeof(err->message), "a name of the function is not UTF-8");
    if (engine) {
        files_open(function);
        if (call(engine, name, text) != DUK_EXEC_SUCCESS) {
            fail(engine, name, err);
        } else {
            json_error_t problem;
            size_t size;
            const char *bytes = duk_get_buffer_data(engine, -1, &size);
            result = json_loadb(bytes, size, 0, &problem);
            if (!result)
                snprintf(err->message, sizeof(err->message), "%s gave no JSON: %.200s", name, problem.text);
        }
        files_close();
        duk_pop(engine);
        duk_gc(engine, 0);
    }
    free(text);
    return result;
}
