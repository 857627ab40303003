/* Inside of a function: what its files share. For function*.c only. */
#ifndef FLEET_FUNCTION_INSIDE_H
#define FLEET_FUNCTION_INSIDE_H

#include "fleet/function.h"
#include "fleet/source_look.h"
#include "prepare/store/revision_index.h"

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
    struct source_inputs inputs; /* of the newest deployment */
    struct revision_index *kept; /* the revisions that have served; NULL: none has */
    char *rollback; /* the kept revision that is being gone back to, or NULL */
    bool lost; /* the registry could not be read, and nobody knows what it says of this function */
    bool changed; /* the next deployment is another one, whatever its inputs are */
    struct kept_error *problem; /* of the newest deployment */
    char *build_output; /* of its installation or image build, when that failed; or NULL */
    struct diagnostics findings; /* of its preparation, as the plugin reports them */
    struct diagnostics diagnostics; /* the registry's and these, with their places */
    uint64_t called_ms; /* by the wall clock, when its last request ended that an instance served; 0: never */
    bool settled, removed;
    bool is_tried; /* its first revision, too, has to load for its deployment to have succeeded */
    bool restarting; /* the deployment under way takes over, even if it comes to the same */
    bool stale; /* to be deployed again once the deployment under way has settled */
};

/* --- function_kept.c: the revisions that have served --- */

/* Finds what is kept of it. Once. */
void function_open_kept(struct function *function);
void function_close_kept(struct function *function);

/* The revision that requests go to has been seen to load: it is kept, as the newest one. */
void function_note_live(struct function *function);

/* What a revision imports has become known: it is kept, if the revision is. And it is told what was. */
void function_note_modules(struct function *function, const struct revision *revision);
void function_recall_modules(const struct function *function, struct revision *revision);

/* The same inputs as these have turned out to give the newest one that is kept. */
void function_note_inputs(struct function *function);

/* The settings that apply at once may have changed. */
void function_note_applied(struct function *function);

/* What was kept of this revision is not what it was. */
void function_note_gone(struct function *function, const char *digest, const struct error *err);

/* What could not be had may be there again. */
void function_retry_kept(struct function *function);

/* Requests go to the revision that was to be gone back to, or that one turned out to be of no use, or the
 * function has changed: that it holds is noted, or no longer. */
void function_hold(struct function *function, const char *digest);
void function_release(struct function *function, const char *why);

/* --- function_restore.c: a kept revision serves again --- */

/* Makes a revision of what is kept. NULL, `err` filled: it is not there any more. */
struct revision *function_restore(struct function *function, const char *digest,
                                  const struct revision_hooks *hooks, struct error *err);

/* The same of the one that served last and can still be had. NULL: there is none. */
struct revision *function_restore_newest(struct function *function, const struct revision_hooks *hooks);

/* The kept revision that is to be deployed in the place of what the registry says, or NULL. */
const char *function_wanted_kept(const struct function *function);

/* The kept revision that somebody means who wants to go back (function_rollback()). NULL, `err` filled: there
 * is none, or it cannot be had. */
const struct kept_revision *function_find_rollback(const struct function *function, const char *digest,
                                                   struct error *err);

/* Whether the one that served last is made from other inputs than those of the newest deployment. */
bool function_is_kept_otherwise(const struct function *function);

/* --- function_trial.c: what becomes of the instance that a revision was tried with --- */

/* Requests go to the current revision from now on, in the place of `old` (NULL: none). Where somebody calls
 * the function at present, its instance is kept for the next request. */
void function_keep_trial(struct function *function, const struct revision *old);

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
