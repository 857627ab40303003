/* Inside of a function: what its files share. For function*.c only. */
#ifndef FLEET_FUNCTION_INSIDE_H
#define FLEET_FUNCTION_INSIDE_H

#include "fleet/function.h"

struct function {
    struct fleet_env *env;
    struct function_hooks hooks;
    void *owner;
    char *name;
    struct scale_state scale;
    struct revision *current; /* routed */
    struct revision *next; /* takes over once it has loaded */
    struct revision *newest; /* of the newest deployment, until it is retired */
    struct revision **retiring; /* drain */
    size_t retiring_count;
    struct generation *generation; /* of the newest deployment */
    const struct function_settings *settings;
    struct generation *applied_generation;
    const struct function_settings *applied; /* the newest without a mistake; NULL: none yet */
    char inputs[HASH_HEX_SIZE]; /* of the newest deployment, "": it is not known what it depends on */
    bool changed; /* the next deployment is another one, whatever its inputs are */
    struct kept_error *problem; /* of the newest deployment */
    char *build_output; /* of its installation or image build, when that failed; or NULL */
    struct diagnostics findings; /* of its preparation, as the plugin reports them */
    struct diagnostics diagnostics; /* the registry's and these, with their places */
    bool settled, removed;
    bool restarting; /* the deployment under way takes over, even if it comes to the same */
    bool stale; /* to be deployed again once the deployment under way has settled */
};

/* --- function_findings.c: what is wrong with it, and where --- */

/* The newest deployment has failed. */
void function_note_problem(struct function *function, const struct error *err);

/* Its own mistakes in the registry make it unusable. */
void function_reject(struct function *function);

/* Takes what the preparation of the newest deployment has found, good or bad, and logs all. */
void function_take_diagnostics(struct function *function, struct diagnostics *diagnostics);

/* Makes its list anew, of what the registry says and what the preparation has found, at the places that both
 * have in the registry as it is now. */
void function_collect_diagnostics(struct function *function);
void function_log_diagnostics(const struct function *function);

/* A copy of what a failed installation or image build wrote; NULL: forget it. */
void function_keep_build_output(struct function *function, const char *output);

#endif
