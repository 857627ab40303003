/*
 * Preparation: from a function's settings and files to everything that is needed to start instances of it. A
 * build job validates and packages, the runtime image is made sure of, dependencies are installed and the
 * function is looked at again together with them. Control thread.
 */
#ifndef FLEET_REVISION_PREPARATION_H
#define FLEET_REVISION_PREPARATION_H

#include "base/hash.h"
#include "config/registry.h"
#include "fleet/fleet_env.h"
#include "prepare/process/build_result.h"
#include "prepare/store/revision_record.h"

/* The outcome: immutable from here on. */
struct prepared {
    char digest[HASH_HEX_SIZE]; /* of all below and of the settings: what makes a revision another one */
    char package_digest[HASH_HEX_SIZE]; /* in the package store */
    uint64_t package_bytes;
    size_t package_files;
    char *code_dir; /* absolute */
    char *dependency_key; /* in the dependency store, or NULL */
    char *dependency_name; /* of its folder there, for the function's own instances alone; or NULL */
    char *image; /* to start */
    char *runtime_image; /* the runtime's, that it is or stands on; NULL: not known, or it has none */
    char *interpreter; /* that the image runs functions with, as it says itself; "" or NULL: it does not */
    struct build_launch *launch;
};

void prepared_clear(struct prepared *prepared);

/* Whether its image is made by the plugin, on the base that its settings name: it is neither one that the
 * function names nor one that is built from its files. */
bool prepared_is_on_base(const struct prepared *prepared);

struct preparation;

/* The end. Without `err`, *prepared is the callee's to keep; with it, it is empty, and `output` is what the
 * installation or image build that failed has written, or NULL. `diagnostics` (warnings too) may be moved
 * from. */
typedef void preparation_done_fn(void *owner, const struct error *err, struct prepared *prepared,
                                 struct diagnostics *diagnostics, const char *output);

/* `settings` stays until the end. `inputs` is the digest of all that it depends on (source_look.h): what is
 * known of the function from an earlier preparation with the same is used, and no job is run; "" when there
 * is none. `likely_key` is that of the dependencies that it will probably have, which the first look is
 * spared a second by, or NULL; they must stay in the store. Never NULL; `done` comes from the event loop. */
struct preparation *preparation_start(struct fleet_env *env, const struct function_settings *settings,
                                      const char *inputs, const char *likely_key, preparation_done_fn *done,
                                      void *owner);

/* The same from what was kept of a revision, of which parts are taken over: no job is run and nothing is
 * installed. "revision-gone": its package, dependencies or image are not what they were, and cannot be had
 * again. Only with another image, where its own is gone and its plugin has changed, or with other values of
 * its secrets does it become another revision. */
struct preparation *preparation_restore(struct fleet_env *env, const struct function_settings *settings,
                                        struct revision_record *record, preparation_done_fn *done,
                                        void *owner);

/* The same settings have been read again: these are used from now on. */
void preparation_renew(struct preparation *preparation, const struct function_settings *settings);

/* What is being waited for at the moment, and since when, as the error that a request is told which has
 * waited too long; without a hint. Of component "build": reason "packaging", "building-image",
 * "pulling-image", "installing" or "queued". */
void preparation_describe(const struct preparation *preparation, struct error *ret_news);

/* Ends it silently. NULL is fine. */
void preparation_cancel(struct preparation *preparation);

#endif
