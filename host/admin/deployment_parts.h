/* What the calls that deploy and remove functions have in common. Control thread. */
#ifndef ADMIN_DEPLOYMENT_PARTS_H
#define ADMIN_DEPLOYMENT_PARTS_H

#include "admin/admin_call.h"

struct function;

#define DEPLOYMENT_UPLOAD_MAX   (256ull << 20) /* bytes of an archive */
#define VOLUME_UPLOAD_MAX       (1ull << 40) /* the same of a volume's */
#define DEPLOYMENT_UNPACKED_MAX (1ull << 30)
#define DEPLOYMENT_ENTRIES_MAX  50000

/* A deployment on its way into the store. */
struct deployment_order {
    char *name;
    json_t *json; /* deployment_store.h; NULL, and no changes: it is to be removed */
    json_t *changes; /* settings that are to have other values in what is deployed; NULL: none */
    char *archive; /* a file with its folder, which goes; or NULL */
    /* Answers once what has become of it is applied; `call->name` is the function's. */
    void (*answer)(struct admin_call *call);
};

/* Whether a function of this name may be deployed, or removed, over the API. -1: the registry has it. */
int deployment_check_owner(const struct admin_call *call, const char *name, struct error *err);

/* Does it, in the background, and answers: with what is wrong, or by the order's own answer. Takes what is in
 * the order. */
void deployment_carry_out(struct admin_call *call, const struct deployment_order *order);

/* Whether there are the secrets that it names. */
int deployment_check_secrets(const struct admin_call *call, const json_t *given, struct error *err);

/* Has a function that was deployed keep at least so many instances from now on, and answers as
 * deployment_carry_out() does. */
void deployment_keep_scale(struct admin_call *call, struct function *function, unsigned instances,
                           void (*answer_it)(struct admin_call *call));

#define UPLOAD_PREFIX "upload-"

/* Where the pieces of an upload are put together; NULL: such an id cannot be. The caller frees it. */
char *deployment_upload_path(const struct admin_call *call, const char *id);

/* The file that the archive of a call is in: what was uploaded before, as `upload` says, else the body, which
 * is written to one. The caller removes it, and frees *ret_path. */
int deployment_find_archive(const struct admin_call *call, char **ret_path, struct error *err);

#endif
