/* The JavaScript engine in which the analysis (analysis/, and the parser that it uses) runs: one per process,
 * never shut down, because a build job ends right after. It runs nothing of the user's. */
#ifndef NODE_ENGINE_H
#define NODE_ENGINE_H

#include <berth/plugin.h>

#include <jansson.h>

/* A program of the analysis as source text. Made by embed.cmake. */
struct engine_script {
    const char *name;
    const char *text;
    size_t size;
};
extern const struct engine_script engine_scripts[]; /* in the order of loading; ended by a NULL name */

/* Calls berth.<name>(given), where given is what is known of the function, as JSON. The files that it reads
 * are those of function->folder, and of function->dependencies when it has them. Gives its result, which the
 * caller drops, or NULL with `err` filled. Steals `given`. */
json_t *engine_call(const char *name, const struct berth_function *function, json_t *given,
                    struct berth_error *err);

#endif
